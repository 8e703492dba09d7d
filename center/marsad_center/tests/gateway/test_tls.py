"""Mutual TLS on its own port: who gets in, for whom a connection may speak, and certificates that change meanwhile.

On uvloop, as in the product: its TLS is another one than asyncio's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop

from marsad_center.gateway import mllp
from marsad_center.gateway.certificate import guard
from marsad_center.gateway.credentials import Unusable, load
from marsad_center.gateway.limits import Limits
from marsad_center.gateway.service import Ports
from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.gateway.certificates import Authority, Signed, client_context
from marsad_center.tests.gateway.playing import adt, code, gateway, sending
from marsad_center.tests.gateway.test_ingestion import count
from marsad_center.tests.gateway.test_process import get

Eventually = Callable[..., Awaitable[Any]]
pytestmark = pytest.mark.filterwarnings("ignore:Overriding the")  # the other way is for whole folders only
KAMC, ALNOOR = "HIS|KAMC", "HIS|ALNOOR"


@pytest.fixture
def event_loop_policy() -> uvloop.EventLoopPolicy:
    return uvloop.EventLoopPolicy()


def unusable(name: str) -> list[Any]:
    """What a client may show that lets nobody in, and the reason that is counted."""
    return [
        pytest.param(lambda _tls: None, "no-certificate", id="no certificate"),
        pytest.param(lambda _tls: Authority("X").sign(name), "not-trusted", id="wrong authority"),
        pytest.param(lambda tls: tls.facilities.sign(name, days=-1), "expired", id="expired"),
        pytest.param(lambda tls: tls.facilities.sign(name, server=True), "not-trusted", id="not for clients"),
    ]


@dataclass
class Tls:
    """The files of a gateway, who signed what, and a database whose center.json declares feeds."""

    folder: Path
    scratch: Path
    database: Database
    facilities: Authority
    own: Authority

    def install(self, *, days: int = 90) -> None:
        """Give the gateway a certificate and the facilities' authority, as a Secret's volume would."""
        signed = self.own.sign("gateway", dns=("gateway.makkah.svc",), days=days, server=True)
        (self.folder / "tls.crt").write_bytes(signed.certificate)
        (self.folder / "tls.key").write_bytes(signed.key)
        (self.folder / "clients.crt").write_bytes(self.facilities.certificate)

    def declare(self, **certificates: dict[str, Any]) -> None:
        """Each facility named sends over TLS with this certificate; the others in plain text."""
        facilities = []
        for facility in CENTER["facilities"]:
            feed = facility["feeds"][0]
            if (certificate := certificates.get(facility["code"])) is not None:
                feed = feed | {"transport": "MLLPS", "certificate": certificate}
            facilities.append(facility | {"feeds": [feed]})
        (self.database.folder / "center.json").write_text(json.dumps(CENTER | {"facilities": facilities}))

    def showing(self, signed: Signed | None) -> ssl.SSLContext:
        """What a facility that shows this certificate connects with."""
        return client_context(self.scratch, self.own.certificate, signed)


def files(folder: Path, database: Database) -> Tls:
    """The files of a gateway, below this folder."""
    made = Tls(folder / "tls", folder, database, Authority("Facilities"), Authority("Center"))
    made.folder.mkdir()
    made.install()
    return made


@pytest.fixture
def tls(tmp_path: Path, database: Database) -> Tls:
    return files(tmp_path, database)


async def metric(ports: Ports, name: str) -> float:
    """The value of a metric's line, 0 where there is none yet."""
    lines = (await get(ports.metrics, "/metrics"))[2].splitlines()
    return float(next((line.rsplit(" ", 1)[1] for line in lines if line.startswith(f"{name} ")), 0))


async def failures(ports: Ports, reason: str) -> float:
    return await metric(ports, f'marsad_gateway_tls_handshakes_failed_total{{reason="{reason}"}}')


async def refused(ports: Ports, context: ssl.SSLContext) -> bool:
    """Whether the gateway ends a connection before a message could be answered.

    With TLS 1.3 a client is through before the server has looked at its certificate, so it must also read.
    """
    try:
        async with sending(ports, context) as sender:
            return await sender.code(adt("A04", "never")) == ""
    except (ssl.SSLError, OSError):
        return True


class TestWhoGetsIn:
    async def test_the_declared_certificate_speaks_for_its_feed(self, tls: Tls) -> None:
        tls.declare(KAMC={"name": "his.kamc.example"})
        context = tls.showing(tls.facilities.sign("KAMC engine", dns=("his.kamc.example",)))
        async with gateway(tls.database, tls=tls.folder) as ports, sending(ports, context) as sender:
            assert await sender.code(adt("A04", "1", sender=KAMC)) == "AA"
            assert await sender.code(adt("A04", "1", sender=KAMC)) == "AA"
            assert await sender.code(adt("A08", "2", sender="HIS^1.2.3^ISO|KAMC")) == "AA"
            version = sender.writer.get_extra_info("ssl_object").version()
        assert version == "TLSv1.3"
        assert await count(tls.database, "SELECT count(*) FROM message") == [(2,)]

    async def test_tls_1_2_is_spoken_and_what_is_older_is_not(self, tls: Tls, eventually: Eventually) -> None:
        tls.declare(KAMC={"name": "his.kamc.example"})
        signed = tls.facilities.sign("KAMC", dns=("his.kamc.example",))
        context, old = tls.showing(signed), tls.showing(signed)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.warns(DeprecationWarning, match="TLS"):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        async with gateway(tls.database, tls=tls.folder) as ports:
            async with sending(ports, context) as sender:
                assert await sender.code(adt("A04", "1", sender=KAMC)) == "AA"
                assert sender.writer.get_extra_info("ssl_object").version() == "TLSv1.2"
            before = await failures(ports, "old-protocol")
            assert await refused(ports, old)

            async def counted() -> bool:
                return await failures(ports, "old-protocol") == before + 1

            await eventually(counted)

    @pytest.mark.parametrize(
        ("shows", "reason"),
        unusable("his.kamc.example"),
    )
    async def test_whoever_shows_no_valid_certificate_is_not_let_in(
        self, tls: Tls, eventually: Eventually, shows: Callable[[Tls], Signed | None], reason: str
    ) -> None:
        tls.declare(KAMC={"name": "his.kamc.example"})
        async with gateway(tls.database, tls=tls.folder) as ports:
            before = await failures(ports, reason)
            assert await refused(ports, tls.showing(shows(tls)))

            async def counted() -> bool:
                return await failures(ports, reason) == before + 1

            await eventually(counted)
        assert await count(tls.database, "SELECT count(*) FROM message") == [(0,)]

    async def test_plain_mllp_on_the_port_of_tls_is_ended_and_counted(self, tls: Tls, eventually: Eventually) -> None:
        async with gateway(tls.database, tls=tls.folder) as ports:
            before = await failures(ports, "not-tls")
            reader, writer = await asyncio.open_connection("127.0.0.1", ports.mllps)
            writer.write(mllp.wrap(adt("A04", "1").encode()))
            assert mllp.END not in await reader.read()
            writer.close()

            async def counted() -> bool:
                return await failures(ports, "not-tls") == before + 1

            await eventually(counted)


class TestForWhomAConnectionMaySpeak:
    async def test_a_feed_over_tls_is_refused_in_plain_text(self, tls: Tls) -> None:
        tls.declare(KAMC={"name": "his.kamc.example"})
        async with gateway(tls.database, tls=tls.folder) as ports, sending(ports) as sender:
            ack = await sender.ask(adt("A04", "1", sender=KAMC))
            assert code(ack) == "AR"
            assert "the feed is declared for MLLP over TLS, and this connection is without" in ack
            assert await sender.code(adt("A04", "2", sender=ALNOOR)) == "AA", "the others are not affected"
            assert await sender.code(adt("A04", "3", sender="HIS^1.2.3^ISO|KAMC")) == "AR"
        rows = "SELECT reason, sending_application, sending_facility, feed_id FROM quarantine ORDER BY id"
        assert await count(tls.database, rows) == [
            ("not-over-tls", "HIS", "KAMC", None),
            ("not-over-tls", "HIS^1.2.3^ISO", "KAMC", None),
        ]
        figures = "SELECT facility, received, rejected FROM feed_counter JOIN feed ON id = feed_id WHERE received > 0"
        assert await count(tls.database, figures) == [("ALNOOR", 1, 0)], "nobody else may make a feed look refused"

    async def test_the_certificate_of_another_feed_is_refused(self, tls: Tls) -> None:
        tls.declare(KAMC={"name": "his.kamc.example"}, ALNOOR={"name": "his.alnoor.example"})
        context = tls.showing(tls.facilities.sign("his.alnoor.example"))
        async with gateway(tls.database, tls=tls.folder) as ports, sending(ports, context) as sender:
            ack = await sender.ask(adt("A04", "1", sender=KAMC))
            assert code(ack) == "AR"
            assert "the feed is declared with another certificate than this connection showed" in ack
            assert await sender.code(adt("A04", "2", sender=ALNOOR)) == "AA"
            assert await sender.code(adt("A04", "3", sender="HIS|NOBODY")) == "AR"
        reasons = "SELECT reason, sending_facility FROM quarantine ORDER BY id"
        assert await count(tls.database, reasons) == [("wrong-certificate", "KAMC"), ("unknown-sender", "NOBODY")]

    async def test_feeds_share_the_certificate_of_an_integration_engine(self, tls: Tls) -> None:
        shared = {"name": "urn:marsad:engine:1"}
        tls.declare(KAMC=shared, ALNOOR=shared)
        context = tls.showing(tls.facilities.sign("engine", uri=("urn:marsad:engine:1",)))
        async with gateway(tls.database, tls=tls.folder) as ports, sending(ports, context) as sender:
            assert await sender.code(adt("A04", "1", sender=KAMC)) == "AA"
            assert await sender.code(adt("A04", "2", sender=ALNOOR)) == "AA"

    async def test_a_fingerprint_means_one_certificate_whatever_its_names_say(self, tls: Tls) -> None:
        meant, namesake = (tls.facilities.sign("his.kamc.example") for _ in range(2))
        tls.declare(KAMC={"name": "his.kamc.example", "fingerprints": [meant.fingerprint]})
        async with gateway(tls.database, tls=tls.folder) as ports:
            for signed, answer in ((meant, "AA"), (namesake, "AR")):
                async with sending(ports, tls.showing(signed)) as sender:
                    assert await sender.code(adt("A04", answer, sender=KAMC)) == answer

    async def test_a_plain_feed_may_come_over_tls(self, tls: Tls) -> None:
        context = tls.showing(tls.facilities.sign("anybody of ours"))
        async with gateway(tls.database, tls=tls.folder) as ports, sending(ports, context) as sender:
            assert await sender.code(adt("A04", "1", sender=KAMC)) == "AA"

    async def test_what_is_declared_anew_holds_for_open_connections(self, tls: Tls, eventually: Eventually) -> None:
        before, after = tls.facilities.sign("old"), tls.facilities.sign("new")
        tls.declare(KAMC={"fingerprints": [before.fingerprint]})
        async with gateway(tls.database, tls=tls.folder) as ports, sending(ports, tls.showing(before)) as sender:
            assert await sender.code(adt("A04", "first", sender=KAMC)) == "AA"
            tls.declare(KAMC={"fingerprints": [after.fingerprint]})
            numbers = iter(range(1000))

            async def shut_out() -> bool:
                return await sender.code(adt("A04", f"c{next(numbers)}", sender=KAMC)) == "AR"

            await eventually(shut_out)

    def test_a_guard_that_names_nothing_admits_nobody(self) -> None:
        from marsad_center.gateway.certificate import Shown

        shown = Shown(frozenset({"a"}), "ab" * 32)
        assert not guard(None, ()).admits(shown)
        assert not guard("", ()).admits(Shown(frozenset({""}), "ab" * 32))
        assert guard(None, [":".join(["AB"] * 32)]).admits(shown)
        assert not guard("b", ["ab" * 32]).admits(shown)


class TestItIsBounded:
    async def test_who_says_nothing_is_cut_off(self, tls: Tls, eventually: Eventually) -> None:
        async with gateway(tls.database, Limits(handshake_seconds=0.2), tls.folder) as ports:
            before = await failures(ports, "timeout")
            reader, writer = await asyncio.open_connection("127.0.0.1", ports.mllps)
            assert await asyncio.wait_for(reader.read(), 120) == b""
            writer.close()

            async def counted() -> bool:
                return await failures(ports, "timeout") == before + 1

            await eventually(counted)

    async def test_many_who_say_nothing_do_not_keep_out_who_does(self, tls: Tls, eventually: Eventually) -> None:
        tls.declare(KAMC={"name": "kamc"})
        silent = []
        async with gateway(tls.database, Limits(handshakes=4), tls.folder) as ports:
            before = await failures(ports, "busy")
            for _ in range(20):
                connection = socket.create_connection(("127.0.0.1", ports.mllps or 0))
                connection.setblocking(False)
                silent.append(connection)
            async with sending(ports, tls.showing(tls.facilities.sign("kamc"))) as sender:
                assert await sender.code(adt("A04", "1", sender=KAMC)) == "AA"

            async def counted() -> bool:
                return await failures(ports, "busy") >= before + 16

            await eventually(counted)
        for connection in silent:
            connection.close()

    async def test_the_limit_of_connections_counts_both_ports(self, tls: Tls) -> None:
        tls.declare(KAMC={"name": "kamc"})
        async with gateway(tls.database, Limits(connections=1), tls.folder) as ports, sending(ports) as plain:
            assert await plain.code(adt("A04", "1", sender=ALNOOR)) == "AA"
            async with sending(ports, tls.showing(tls.facilities.sign("kamc"))) as sender:
                assert await sender.code(adt("A04", "2", sender=KAMC)) == "AA"
                assert await plain.receive() == "", "the silent one made place"

    async def test_a_sender_that_never_reads_is_let_go_and_others_are_served(self, tls: Tls) -> None:
        tls.declare(KAMC={"name": "kamc"})
        context, text = tls.showing(tls.facilities.sign("kamc")), adt("A04", "flood", sender=KAMC)
        async with gateway(tls.database, Limits(write_seconds=0.3, in_flight=8), tls.folder) as ports:
            small = socket.socket()
            small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that little is on its way unread
            small.connect(("127.0.0.1", ports.mllps))
            name = "gateway.makkah.svc"
            _, writer = await asyncio.open_connection(sock=small, ssl=context, server_hostname=name)
            writer.transport.pause_reading()  # type: ignore[attr-defined] # its own TLS would read ahead
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                async with asyncio.timeout(240):
                    while True:
                        writer.write(mllp.wrap(text.encode()) * 50)
                        await writer.drain()
            writer.transport.abort()  # it would wait for an answer to its good-bye
            async with sending(ports, context) as sender:
                assert await sender.code(adt("A04", "other", sender=KAMC)) == "AA"

    async def test_what_was_read_before_the_end_is_committed_and_answered(self, tls: Tls) -> None:
        tls.declare(KAMC={"name": "kamc"})
        context = tls.showing(tls.facilities.sign("kamc"))
        async with contextlib.AsyncExitStack() as stack:
            async with gateway(tls.database, tls=tls.folder) as ports:
                sender = await stack.enter_async_context(sending(ports, context))
                assert await sender.code(adt("A04", "first", sender=KAMC)) == "AA"
                await sender.send(*(adt("A08", f"c{number}", sender=KAMC) for number in range(20)))
                answers = [code(await sender.receive())]
            while answer := await sender.receive():
                answers.append(code(answer))
        assert set(answers) == {"AA"}
        assert await count(tls.database, "SELECT count(*) FROM message") == [(1 + len(answers),)]


class TestFilesThatChange:
    async def test_new_files_are_taken_up_and_open_connections_go_on(self, tls: Tls, eventually: Eventually) -> None:
        tls.declare(KAMC={"name": "kamc"})
        context = tls.showing(tls.facilities.sign("kamc"))
        async with gateway(tls.database, tls=tls.folder) as ports, sending(ports, context) as open_before:
            assert await open_before.code(adt("A04", "1", sender=KAMC)) == "AA"
            first = await metric(ports, "marsad_gateway_tls_expires_timestamp_seconds")
            tls.own, tls.facilities = Authority("Center 2"), Authority("Facilities 2")
            tls.install(days=180)

            async def taken_up() -> bool:
                return await metric(ports, "marsad_gateway_tls_expires_timestamp_seconds") > first + 80 * 86400

            await eventually(taken_up)
            assert await open_before.code(adt("A04", "2", sender=KAMC)) == "AA"
            async with sending(ports, tls.showing(tls.facilities.sign("kamc"))) as sender:
                assert await sender.code(adt("A04", "3", sender=KAMC)) == "AA"
            assert await refused(ports, context), "the authorities of before are trusted no more"

    async def test_files_that_cannot_be_used_leave_the_last_good_ones(
        self, tls: Tls, eventually: Eventually, caplog: pytest.LogCaptureFixture
    ) -> None:
        tls.declare(KAMC={"name": "kamc"})
        caplog.set_level(logging.INFO)
        async with gateway(tls.database, tls=tls.folder) as ports:
            (tls.folder / "tls.crt").write_text("no certificate")

            async def refused_files() -> bool:
                return await metric(ports, "marsad_gateway_tls_refused") == 1

            await eventually(refused_files)
            async with sending(ports, tls.showing(tls.facilities.sign("kamc"))) as sender:
                assert await sender.code(adt("A04", "1", sender=KAMC)) == "AA"
        told = [record.__dict__.get("reason", "") for record in caplog.records if record.levelname == "ERROR"]
        assert any("tls.crt and tls.key are no certificate with its key" in reason for reason in told)

    async def test_files_that_come_later_are_waited_for_and_hold_up_nothing(
        self, tls: Tls, eventually: Eventually
    ) -> None:
        tls.declare(KAMC={"name": "kamc"})
        (tls.folder / "clients.crt").unlink()
        async with gateway(tls.database, tls=tls.folder) as ports:
            context = tls.showing(tls.facilities.sign("kamc"))
            async with sending(ports) as plain:
                assert await plain.code(adt("A04", "1", sender=ALNOOR)) == "AA"
            assert await refused(ports, context)
            assert await failures(ports, "not-configured") >= 1
            tls.install()

            async def lets_in() -> bool:
                return not await refused(ports, context)

            await eventually(lets_in)

    @pytest.mark.parametrize(
        ("name", "content", "sentence"),
        [
            ("tls.key", None, "tls.key is not there"),
            ("clients.crt", None, "clients.crt is not there"),
            ("clients.crt", b"", "clients.crt holds no certificates"),
            (
                "tls.key",
                Authority("x").sign("other").key,
                "tls.crt and tls.key are no certificate with its key: KEY_VAL",
            ),
        ],
    )
    def test_what_is_wrong_with_the_files_is_said_by_name(
        self, tls: Tls, name: str, content: bytes | None, sentence: str
    ) -> None:
        (tls.folder / name).unlink()
        if content is not None:
            (tls.folder / name).write_bytes(content)
        with pytest.raises(Unusable, match=sentence):
            load(tls.folder)
