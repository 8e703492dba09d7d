"""A feed is heard by the protocol that it is declared for, and not with less than it is declared with.

Four feeds of one facility, one a transport; each sender tries all four roads, the last two with each other's
certificate, too.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from marsad_center.facts.registry_sync import ActiveFeed
from marsad_center.gateway.acknowledge import Verdict
from marsad_center.gateway.again import judge_again
from marsad_center.gateway.certificate import Shown, guard
from marsad_center.gateway.fhir.senders import Sender
from marsad_center.gateway.route import Road, Route, Routes
from marsad_center.gateway.service import routes
from marsad_center.registry import Feed
from marsad_center.tests.conftest import Database
from marsad_center.tests.gateway.certificates import Signed
from marsad_center.tests.gateway.fhir.resources import encounter, put, rows
from marsad_center.tests.gateway.fhir.test_tls import connected
from marsad_center.tests.gateway.playing import adt, code, gateway, sending
from marsad_center.tests.gateway.reading import RECEIVED
from marsad_center.tests.gateway.test_tls import Tls, files
from marsad_center.tests.gateway.test_upkeep import run

TRANSPORTS = ("MLLP", "MLLPS", "FHIR", "FHIRS")
OWN, OTHER = (Shown(frozenset({name}), name * 64) for name in "ab")
FEEDS = {
    (transport, "KAMC"): Route(
        number,
        "KAMC",
        protocol="FHIR" if transport.startswith("FHIR") else "MLLP",
        guard=guard("a", ()) if transport.endswith("S") else None,
    )
    for number, transport in enumerate(TRANSPORTS)
}
_WORDS = {"MLLP": "MLLP", "MLLPS": "MLLP over TLS", "FHIR": "FHIR", "FHIRS": "FHIR over TLS"}


def reason(transport: str, road: Road) -> str:
    """Why a feed of this transport is not heard on a road; '' where it is."""
    seen = Routes(FEEDS).over(road)
    found = seen.find(transport, "KAMC", "^")
    if found is not None:
        assert found is FEEDS[transport, "KAMC"]
        return ""
    why, sentence = seen.refusal(transport, "KAMC", "^")
    assert sentence.isascii()
    assert why == "wrong-certificate" or f"declared for {_WORDS[transport]}" in sentence
    return why


@pytest.mark.parametrize(
    ("road", "expected"),
    [
        (Road("MLLP"), ("", "not-over-tls", "wrong-transport", "wrong-transport")),
        (Road("MLLP", OWN), ("", "", "wrong-transport", "wrong-transport")),
        (Road("MLLP", OTHER), ("", "wrong-certificate", "wrong-transport", "wrong-transport")),
        (Road("FHIR"), ("wrong-transport", "wrong-transport", "", "not-over-tls")),
        (Road("FHIR", OWN), ("wrong-transport", "wrong-transport", "", "")),
        (Road("FHIR", OTHER), ("wrong-transport", "wrong-transport", "", "wrong-certificate")),
    ],
)
def test_every_transport_on_every_road(road: Road, expected: tuple[str, ...]) -> None:
    assert tuple(reason(transport, road) for transport in TRANSPORTS) == expected


def test_what_was_found_on_one_road_is_not_found_on_another() -> None:
    known = Routes(FEEDS)
    assert known.over(Road("FHIR", OWN)).find("FHIRS", "KAMC", "^") is not None
    assert known.find("FHIRS", "KAMC", "^") is None
    assert known.over(Road("FHIR", OTHER)).find("FHIRS", "KAMC", "^") is None


def test_a_component_of_the_pair_does_not_lead_around_it() -> None:
    known = Routes(FEEDS)
    assert known.find("MLLP^1.2^ISO", "KAMC", "^") is not None
    assert known.find("FHIR^1.2^ISO", "KAMC", "^") is None
    assert known.refusal("FHIR^1.2^ISO", "KAMC", "^")[0] == "wrong-transport"


def test_a_transport_of_a_later_release_is_heard_over_none(caplog: pytest.LogCaptureFixture) -> None:
    feed = Feed(name="new", sending_application="NEW", sending_facility="KAMC", transport="MLLP3")
    found = routes([ActiveFeed(1, "KAMC", "NEW", "KAMC", "UTC", feed)])
    assert len(found) == 0
    assert found.refusal("NEW", "KAMC", "^")[0] == "unknown-sender"
    assert "this release does not hear the transport of a feed, which is left out" in caplog.messages


@pytest.fixture
def tls(tmp_path: Path, sealed_database: Database) -> Tls:
    """KAMC declares four feeds, one a transport; the certificate of those over TLS is called kamc."""
    path = sealed_database.folder / "center.json"
    told = json.loads(path.read_text())
    told["facilities"][0]["feeds"] = [
        {"name": each.lower(), "sendingApplication": each, "sendingFacility": "KAMC", "transport": each}
        | ({"certificate": {"name": "kamc"}} if each.endswith("S") else {})
        for each in TRANSPORTS
    ]
    path.write_text(json.dumps(told))
    return files(tmp_path, sealed_database)


@pytest.fixture
def shown(tls: Tls) -> Signed:
    return tls.facilities.sign("kamc")


async def test_four_feeds_on_four_ports(tls: Tls, shown: Signed) -> None:
    heard: dict[str, list[str]] = {}
    sentences: set[str] = set()
    async with gateway(tls.database, tls=tls.folder) as ports:
        for name, context in (("mllp", None), ("mllps", tls.showing(shown))):
            async with sending(ports, context) as sender:
                for each in TRANSPORTS:
                    ack = await sender.ask(adt("A04", f"{name}-{each}", sender=f"{each}|KAMC"))
                    assert code(ack) in ("AA", "AR")
                    heard.setdefault(name, []).extend([each] if code(ack) == "AA" else [])
                    sentences |= {ack} if code(ack) == "AR" else set()
        async with connected(ports, tls, shown) as client:
            for each in TRANSPORTS:
                for name, answer in (
                    ("fhir", await put(ports, encounter(f"F-{each}"), feed=f"{each}|KAMC")),
                    ("fhirs", await client.put(encounter(f"S-{each}"), f"{each}|KAMC")),
                ):
                    assert answer.status in (200, 403)
                    heard.setdefault(name, []).extend([each] if answer.status == 200 else [])
                    sentences |= {answer.issues[0][2]} if answer.status == 403 else set()
    assert heard == {"mllp": ["MLLP"], "mllps": ["MLLP", "MLLPS"], "fhir": ["FHIR"], "fhirs": ["FHIR", "FHIRS"]}
    for words in (
        "declared for FHIR, and this came over MLLP",
        "declared for FHIR over TLS, and this came over MLLP",
        "declared for MLLP, and this came over FHIR",
        "declared for MLLP over TLS, and this came over FHIR",
        "declared for MLLP over TLS, and this connection is without",
        "declared for FHIR over TLS, and this connection is without",
    ):
        assert any(words in sentence for sentence in sentences), words
    refused = "SELECT reason, count(*), count(feed_id) FROM quarantine GROUP BY 1 ORDER BY 1"
    assert await rows(tls.database, refused) == [("not-over-tls", 2, 0), ("wrong-transport", 8, 0)]
    counted = (
        "SELECT name, received, rejected FROM feed_counter JOIN feed ON id = feed_id WHERE received > 0 ORDER BY 1"
    )
    assert await rows(tls.database, counted) == [("fhir", 2, 0), ("fhirs", 1, 0), ("mllp", 2, 0), ("mllps", 1, 0)]


async def test_senders_on_a_wrong_road_are_listed_with_the_reason(tls: Tls) -> None:
    async with gateway(tls.database, tls=tls.folder) as ports, sending(ports) as sender:
        for number, name in enumerate(("FHIR", "MLLPS", "NOBODY")):
            assert await sender.code(adt("A04", str(number), sender=f"{name}|KAMC")) == "AR"
    found = (await run(tls.database, "quarantine", "senders", "--json")).json["senders"]
    assert {(each["sendingApplication"], each["reason"], each["declared"]) for each in found} == {
        ("FHIR", "wrong-transport", True),
        ("MLLPS", "not-over-tls", True),
        ("NOBODY", "unknown-sender", False),
    }
    text = (await run(tls.database, "quarantine", "senders")).out
    assert "wrong-transport: the feed is declared for FHIR, and this came over MLLP" in text
    assert "not declared\n" in text


async def test_what_came_on_a_wrong_road_is_taken_once_the_declaration_is_mended(tls: Tls) -> None:
    async with gateway(tls.database, tls=tls.folder) as ports, sending(ports) as sender:
        assert await sender.code(adt("A04", "1", sender="FHIR|KAMC")) == "AR"
        assert await sender.code(adt("A04", "2", sender="MLLPS|KAMC")) == "AR"
    path = tls.database.folder / "center.json"
    path.write_text(path.read_text().replace('"transport": "FHIR"', '"transport": "MLLP"'))
    again = await run(tls.database, "quarantine", "replay", "--all")
    assert again.out.splitlines()[-1] == "1 stored, 1 refused"
    assert "refused (not-over-tls)" in again.out, "anybody may have said it"


def test_what_a_feed_over_tls_sent_can_be_judged_again() -> None:
    verdicts: list[Verdict] = [
        judge_again(raw, "PUT", Sender(name, "KAMC"), Routes(FEEDS).over(None), peer="", at=RECEIVED).verdict
        for name, raw in (
            ("MLLPS", adt("A04", "1", sender="MLLPS|KAMC").encode()),
            ("FHIRS", json.dumps(encounter()).encode()),
        )
    ]
    assert verdicts == ["accept", "accept"]
