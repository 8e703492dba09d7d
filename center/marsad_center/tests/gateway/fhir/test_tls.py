"""FHIR over mutual TLS: who gets in, for whom a connection may speak, and certificates that change meanwhile.

On uvloop, as in the product: its TLS is another one than asyncio's.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from marsad_center.gateway.fhir.limits import FhirLimits
from marsad_center.gateway.limits import Limits
from marsad_center.gateway.service import Ports
from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.certificates import Authority, Signed
from marsad_center.tests.gateway.fhir.resources import Answer, Document, bundle, encounter, put, rows, with_fhir
from marsad_center.tests.gateway.playing import gateway
from marsad_center.tests.gateway.test_tls import Tls, failures, files, metric, unusable

Eventually = Callable[..., Awaitable[Any]]
pytestmark = pytest.mark.filterwarnings("ignore:Overriding the")
KAMC, ALNOOR = "EMR|KAMC", "EMR|ALNOOR"
QUARANTINE = "SELECT reason, sending_application, sending_facility, feed_id FROM quarantine ORDER BY id"


@pytest.fixture
def event_loop_policy() -> uvloop.EventLoopPolicy:
    return uvloop.EventLoopPolicy()


@pytest.fixture
def tls(tmp_path: Path, database: Database) -> Tls:
    return files(tmp_path, database)


def declare(tls: Tls, **certificates: Document) -> None:
    """Feeds over FHIRS; of a facility that is not named nobody can speak."""
    with_fhir(tls.database, "FHIRS", **certificates)


class Client(http.client.HTTPSConnection):
    """One connection of a facility: it knows the gateway by its name, wherever it is."""

    def __init__(self, ports: Ports, context: ssl.SSLContext) -> None:
        super().__init__("gateway.makkah.svc", ports.https, timeout=120, context=context)
        self.context = context

    def connect(self) -> None:
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        self.sock = self.context.wrap_socket(raw, server_hostname=self.host)

    async def ask(self, method: str, path: str, content: Document | None, feed: str | None = KAMC) -> Answer:
        """One request."""
        headers = {"Content-Type": "application/fhir+json"} | ({"X-Marsad-Feed": feed} if feed else {})

        def exchange() -> Answer:
            self.request(method, path, json.dumps(content) if content is not None else None, headers)
            response = self.getresponse()
            return Answer(response.status, {n.lower(): v for n, v in response.headers.items()}, response.read())

        return await asyncio.to_thread(exchange)

    async def put(self, resource: Document, feed: str | None = KAMC) -> Answer:
        """Put it under its id."""
        return await self.ask("PUT", f"/fhir/{resource['resourceType']}/{resource['id']}", resource, feed)


@contextlib.asynccontextmanager
async def connected(ports: Ports, tls: Tls, signed: Signed | None) -> AsyncIterator[Client]:
    """A connection that shows this certificate; it is made at its first request."""
    client = Client(ports, tls.showing(signed))
    try:
        yield client
    finally:
        client.close()


async def refused(ports: Ports, tls: Tls, signed: Signed | None) -> bool:
    """Whether the gateway ends such a connection before it answers anything."""
    try:
        async with connected(ports, tls, signed) as client:
            await client.ask("GET", "/fhir/metadata", None)
    except (OSError, http.client.HTTPException):
        return True
    return False


class TestWhoGetsIn:
    async def test_the_declared_certificate_speaks_for_its_feed(self, tls: Tls) -> None:
        declare(tls, KAMC={"name": "emr.kamc.example"})
        signed = tls.facilities.sign("KAMC", dns=("emr.kamc.example",))
        async with gateway(tls.database, tls=tls.folder) as ports, connected(ports, tls, signed) as client:
            assert (await client.put(encounter("V1"))).status == 200
            assert client.sock.version() == "TLSv1.3"
            connection = client.sock
            whole = bundle("transaction", ("PUT Encounter/V2", encounter("V2")))
            assert (await client.ask("POST", "/fhir", whole)).status == 200
            statement = (await client.ask("GET", "/fhir/metadata", None)).body
            assert client.sock is connection, "one connection bears many requests"
        assert "8443" in statement["rest"][0]["security"]["description"]
        assert await rows(tls.database, "SELECT facility, visit_key FROM encounter ORDER BY 2") == [
            ("KAMC", "V1"),
            ("KAMC", "V2"),
        ]

    @pytest.mark.parametrize(
        ("shows", "reason"),
        unusable("emr.kamc.example"),
    )
    async def test_whoever_shows_no_valid_certificate_is_not_let_in(
        self, tls: Tls, eventually: Eventually, shows: Callable[[Tls], Signed | None], reason: str
    ) -> None:
        declare(tls, KAMC={"name": "emr.kamc.example"})
        async with gateway(tls.database, tls=tls.folder) as ports:
            before = await failures(ports, reason)
            assert await refused(ports, tls, shows(tls))

            async def counted() -> bool:
                return await failures(ports, reason) == before + 1

            await eventually(counted)
            assert not await refused(ports, tls, tls.facilities.sign("emr.kamc.example"))

    async def test_plain_http_on_the_port_of_tls_is_ended_and_counted(self, tls: Tls, eventually: Eventually) -> None:
        async with gateway(tls.database, tls=tls.folder) as ports:
            before = await failures(ports, "not-tls")
            reader, writer = await asyncio.open_connection("127.0.0.1", ports.https)
            writer.write(b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not (await reader.read()).startswith(b"HTTP")
            writer.close()

            async def counted() -> bool:
                return await failures(ports, "not-tls") == before + 1

            await eventually(counted)

    async def test_without_files_nobody_listens(self, tls: Tls) -> None:
        async with gateway(tls.database) as ports:
            assert (ports.mllps, ports.https) == (None, None)


class TestForWhomAConnectionMaySpeak:
    async def test_a_feed_over_tls_is_refused_in_plain_text(self, tls: Tls) -> None:
        declare(tls, KAMC={"name": "emr.kamc.example"})
        async with gateway(tls.database, tls=tls.folder) as ports:
            answer = await put(ports, encounter())
        sentence = "the feed is declared for FHIR over TLS, and this connection is without"
        assert (answer.status, answer.issues[0][0]) == (403, "forbidden")
        assert sentence in answer.issues[0][2]
        assert await rows(tls.database, QUARANTINE) == [("not-over-tls", "EMR", "KAMC", None)]
        assert await rows(tls.database, "SELECT count(*) FROM feed_counter WHERE received > 0") == [(0,)]

    async def test_the_certificate_of_another_feed_is_refused(self, tls: Tls) -> None:
        declare(tls, KAMC={"name": "emr.kamc.example"}, ALNOOR={"name": "emr.alnoor.example"})
        signed = tls.facilities.sign("emr.alnoor.example")
        async with gateway(tls.database, tls=tls.folder) as ports, connected(ports, tls, signed) as client:
            answer = await client.put(encounter("V1"), KAMC)
            assert (answer.status, answer.issues[0][0]) == (403, "forbidden")
            assert "declared with another certificate than this connection showed" in answer.issues[0][2]
            assert (await client.put(encounter("V2"), ALNOOR)).status == 200
            whole = bundle("transaction", ("PUT Encounter/V3", encounter("V3")))
            assert (await client.ask("POST", "/fhir", whole, KAMC)).status == 403
            assert (await client.put(encounter("V4"), "EMR|NOBODY")).status == 403
        found = await rows(tls.database, QUARANTINE)
        assert [row[:3] for row in found] == [
            ("wrong-certificate", "EMR", "KAMC"),
            ("wrong-certificate", "EMR", "KAMC"),
            ("unknown-sender", "EMR", "NOBODY"),
        ]
        figures = "SELECT facility, received, rejected FROM feed_counter JOIN feed ON id = feed_id WHERE received > 0"
        assert await rows(tls.database, figures) == [("ALNOOR", 1, 0)], "nobody else may make a feed look refused"
        assert await rows(tls.database, "SELECT facility FROM encounter") == [("ALNOOR",)]

    async def test_each_entry_of_a_batch_is_asked_for_its_own_sender(self, tls: Tls) -> None:
        declare(tls, KAMC={"name": "emr.kamc.example"}, ALNOOR={"name": "emr.alnoor.example"})
        entries = [
            encounter(id_) | {"meta": {"source": f"urn:marsad:feed:EMR:{code}"}}
            for id_, code in (("V1", "KAMC"), ("V2", "ALNOOR"))
        ]
        whole = bundle("batch", *((f"PUT Encounter/{each['id']}", each) for each in entries))
        signed = tls.facilities.sign("emr.kamc.example")
        async with gateway(tls.database, tls=tls.folder) as ports, connected(ports, tls, signed) as client:
            answer = await client.ask("POST", "/fhir", whole, None)
        assert [each["response"]["status"] for each in answer.body["entry"]] == ["200 OK", "403 Forbidden"]
        assert await rows(tls.database, "SELECT facility FROM encounter") == [("KAMC",)]

    async def test_a_plain_feed_may_come_over_tls(self, tls: Tls) -> None:
        signed = tls.facilities.sign("anybody of ours")
        async with gateway(tls.database, tls=tls.folder) as ports, connected(ports, tls, signed) as client:
            assert (await client.put(encounter())).status == 200

    async def test_what_is_declared_anew_holds_for_open_connections(self, tls: Tls, eventually: Eventually) -> None:
        before, after = tls.facilities.sign("old"), tls.facilities.sign("new")
        declare(tls, KAMC={"fingerprints": [before.fingerprint]})
        # A connection stays for a few seconds between requests: they come faster than the registry is looked at.
        async with gateway(tls.database, tls=tls.folder) as ports, connected(ports, tls, before) as client:
            assert (await client.put(encounter())).status == 200
            connection = client.sock
            declare(tls, KAMC={"fingerprints": [after.fingerprint]})

            async def shut_out() -> bool:
                return (await client.put(encounter())).status == 403

            await eventually(shut_out)
            assert client.sock is connection

    async def test_two_replicas_know_the_same_certificates_and_keep_one_record(self, tls: Tls) -> None:
        declare(tls, KAMC={"name": "emr.kamc.example"}, ALNOOR={"name": "emr.alnoor.example"})
        signed, other = tls.facilities.sign("emr.kamc.example"), tls.facilities.sign("emr.alnoor.example")
        async with (
            gateway(tls.database, tls=tls.folder) as one,
            gateway(tls.database, tls=tls.folder) as two,
            connected(one, tls, signed) as first,
            connected(two, tls, signed) as second,
            connected(two, tls, other) as foreign,
        ):
            answers = await asyncio.gather(*(each.put(encounter(version="1")) for each in (first, second)))
            assert [each.status for each in answers] == [200, 200]
            assert answers[0].raw == answers[1].raw
            assert (await foreign.put(encounter(version="2"))).status == 403
        assert await rows(tls.database, "SELECT count(*) FROM message") == [(1,)]
        counters = "SELECT accepted, duplicate, rejected FROM feed_counter WHERE received > 0"
        assert await rows(tls.database, counters) == [(1, 1, 0)]


class TestItIsBounded:
    async def test_who_stalls_in_the_handshake_is_cut_off(self, tls: Tls, eventually: Eventually) -> None:
        hello = b"\x16\x03\x01\x02\x00\x01"  # the beginning of a ClientHello of 512 bytes
        async with gateway(tls.database, Limits(handshake_seconds=0.2), tls.folder) as ports:
            for said in (b"", hello):
                before = await failures(ports, "timeout")
                reader, writer = await asyncio.open_connection("127.0.0.1", ports.https)
                writer.write(said)
                assert await asyncio.wait_for(reader.read(), 120) == b""
                writer.close()

                async def counted(more: float = before + 1) -> bool:
                    return await failures(ports, "timeout") == more

                await eventually(counted)

    async def test_many_who_stall_hold_no_connection_and_keep_nobody_out(
        self, tls: Tls, eventually: Eventually
    ) -> None:
        declare(tls, KAMC={"name": "kamc"})
        signed, silent = tls.facilities.sign("kamc"), []
        small = FhirLimits(connections=1)
        async with gateway(tls.database, Limits(handshakes=4), tls.folder, fhir_limits=small) as ports:
            before = await failures(ports, "busy")
            for _ in range(20):
                silent.append(socket.create_connection(("127.0.0.1", ports.https or 0)))
            async with connected(ports, tls, signed) as client:
                assert (await client.put(encounter())).status == 200

            async def counted() -> bool:
                return await failures(ports, "busy") >= before + 16

            await eventually(counted)
        for connection in silent:
            connection.close()

    async def test_who_is_through_and_says_nothing_is_cut_off(self, tls: Tls) -> None:
        signed = tls.facilities.sign("kamc")
        async with gateway(tls.database, tls=tls.folder, fhir_limits=FhirLimits(head_seconds=0.3)) as ports:
            name = "gateway.makkah.svc"
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", ports.https, ssl=tls.showing(signed), server_hostname=name
            )
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                assert await asyncio.wait_for(reader.read(), 120) == b""
            writer.close()

    async def test_open_connections_do_not_hold_up_the_end(self, tls: Tls) -> None:
        declare(tls, KAMC={"name": "kamc"})
        signed = tls.facilities.sign("kamc")
        async with contextlib.AsyncExitStack() as stack:
            async with asyncio.timeout(240):
                async with gateway(tls.database, tls=tls.folder) as ports:
                    client = await stack.enter_async_context(connected(ports, tls, signed))
                    assert (await client.put(encounter())).status == 200
            with pytest.raises((OSError, http.client.HTTPException)):
                await client.put(encounter())


class TestFilesThatChange:
    async def test_new_files_are_taken_up_and_open_connections_go_on(self, tls: Tls, eventually: Eventually) -> None:
        declare(tls, KAMC={"name": "kamc"})
        signed = tls.facilities.sign("kamc")
        async with gateway(tls.database, tls=tls.folder) as ports, connected(ports, tls, signed) as open_before:
            assert (await open_before.put(encounter("V1"))).status == 200
            connection = open_before.sock
            first = await metric(ports, "marsad_gateway_tls_expires_timestamp_seconds")
            tls.own, tls.facilities = Authority("Center 2"), Authority("Facilities 2")
            tls.install(days=180)

            async def taken_up() -> bool:
                await open_before.put(encounter("V1"))  # the same again, so that the connection stays
                return await metric(ports, "marsad_gateway_tls_expires_timestamp_seconds") > first + 80 * 86400

            await eventually(taken_up)
            assert (await open_before.put(encounter("V2"))).status == 200
            assert open_before.sock is connection
            async with connected(ports, tls, tls.facilities.sign("kamc")) as client:
                assert (await client.put(encounter("V3"))).status == 200
            assert await refused(ports, tls, signed), "the authorities of before are trusted no more"

    async def test_files_that_come_later_are_waited_for_and_hold_up_nothing(
        self, tls: Tls, eventually: Eventually
    ) -> None:
        declare(tls, KAMC={"name": "kamc"})
        (tls.folder / "clients.crt").unlink()
        signed = tls.facilities.sign("kamc")
        async with gateway(tls.database, tls=tls.folder) as ports:
            assert await refused(ports, tls, signed)
            assert (await put(ports, encounter())).status == 403, "plain HTTP is answered"
            tls.install()

            async def lets_in() -> bool:
                return not await refused(ports, tls, signed)

            await eventually(lets_in)
