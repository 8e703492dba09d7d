"""MLLP over mutual TLS on 2576: who shows the declared certificate is heard, nobody else, and renewal ends nothing."""

from __future__ import annotations

import json
import ssl
import time

import pytest

from e2e.kind.center import Center
from e2e.kind.senders.conftest import HADA, NAME, Senders, metric, trust
from e2e.kind.test_faults import flows, lost_or_doubled
from e2e.kubectl import eventually
from e2e.mllp import Sender, Traffic, arrival, code
from marsad_center.tests.gateway.certificates import Authority

pytestmark = pytest.mark.kind
RUN = time.time_ns()
FAILED = "marsad_gateway_tls_handshakes_failed_total"
COUNTS = ("received", "accepted", "rejected", "duplicate", "quarantined")


def counted(center: Center) -> dict[str, int]:
    """What the dashboard counts of the feed."""
    feed = center.feed("HADA")
    return {name: feed[name] for name in COUNTS}


def in_the_database(center: Center) -> int:
    """Who is in Al-Hada's emergency department, as stored."""
    [[count]] = center.kube.psql(
        center.name, "select count(*) from center.encounter where facility = 'HADA' and state = 'present' and in_ed"
    )
    return int(count)


def shown(center: Center) -> int:
    """The same, as shown."""
    return int(center.figure("ed.census", "HADA")["value"])


def test_what_comes_through_the_service_with_the_declared_certificate_is_stored_and_shown(senders: Senders) -> None:
    center = senders.center
    before = counted(center)
    words = ("--facility", "HADA=HADAHIS/HADA:30:80", "--warm-start", "--rate", "100", "--count", "200")
    account = senders.simulate(*words)
    assert (account["answers"], account["unanswered"], account["resent"]) == ({"AA": 200}, 0, 0)
    with Sender(*center.gateway_over_tls, tls=senders.tls(senders.authority.sign("x", dns=(NAME,)))) as sender:
        for number in range(3):
            visit = f"tls-{RUN}-{number}"
            assert code(sender.send(arrival(HADA, visit, visit))) == "AA"
    assert center.stored(f"tls-{RUN}-") == {f"tls-{RUN}-{number}": 1 for number in range(3)}
    eventually("all are counted", lambda: counted(center)["accepted"] == before["accepted"] + 203, 120)
    census = in_the_database(center)
    assert census >= 3
    eventually("the census shown is the census stored", lambda: shown(center) == census, 120)
    assert center.feed("HADA")["state"] == "live"


def test_who_shows_no_certificate_or_another_one_is_refused_and_counts_for_nothing(senders: Senders) -> None:
    center, own = senders.center, senders.authority.sign("x", dns=(NAME,))
    before, census = counted(center), shown(center)

    def heard(visit: str, sender: Sender) -> str:
        with sender:
            return code(sender.send(arrival(HADA, visit, visit)))

    for visit, certificate, reason in (
        ("no-certificate", None, "no-certificate"),
        ("strange-authority", Authority("Facilities of Nowhere").sign("x", dns=(NAME,)), "not-trusted"),
        ("expired", senders.authority.sign("x", dns=(NAME,), days=-1), "expired"),
    ):
        label = f'{FAILED}{{reason="{reason}"}}'
        failed = sum(metric(center, "gateway", label))
        assert heard(f"{visit}-{RUN}", Sender(*center.gateway_over_tls, tls=senders.tls(certificate))) == "", visit
        eventually(f"a failed handshake {reason}", lambda: sum(metric(center, "gateway", label)) > failed, 120)  # noqa: B023

    neighbour = senders.tls(senders.authority.sign("x", dns=("his.noor.example",)))
    assert heard(f"neighbour-{RUN}", Sender(*center.gateway_over_tls, tls=neighbour)) == "AR"
    assert heard(f"plain-{RUN}", Sender(*center.gateway)) == "AR"
    rows = center.kube.psql(
        center.name, "select reason, feed_id is null from center.quarantine "
        f"where control_id in ('neighbour-{RUN}', 'plain-{RUN}') order by 1",
    )  # fmt: skip
    assert rows == [["not-over-tls", "t"], ["wrong-certificate", "t"]]

    assert heard(f"right-{RUN}", Sender(*center.gateway_over_tls, tls=senders.tls(own))) == "AA"
    expected = before | {name: before[name] + 1 for name in ("received", "accepted")}
    eventually("the right one alone is counted", lambda: counted(center) == expected, 120)
    eventually("and is the only one more there", lambda: shown(center) == census + 1, 120)
    assert not any(
        center.stored(f"{visit}-{RUN}") for visit in ("no-certificate", "strange", "expired", "neigh", "plain")
    )


def test_a_renewed_certificate_and_a_second_authority_are_taken_up_under_traffic(senders: Senders) -> None:
    center, kube = senders.center, senders.center.kube
    own = senders.tls(senders.authority.sign("x", dns=(NAME,)))
    other = Authority("Facilities of the Region")
    ends = "marsad_gateway_tls_expires_timestamp_seconds"
    before, first = metric(center, "gateway", ends), serial(senders)
    with Traffic(*center.gateway_over_tls, HADA, f"renewed-{RUN}-", tls=own, patience=60) as traffic:
        flows(traffic)
        kube.run("delete", "secret", "gateway-tls", "-n", center.name)
        trust(center, senders.authority, other)
        eventually("the operator issues another", lambda: kube.get("secret", "gateway-tls", center.name), 120)
        center.look_again()
        eventually("every gateway shows it", lambda: not set(metric(center, "gateway", ends)) & set(before), 120)
        flows(traffic)
    assert not lost_or_doubled(center, traffic)
    assert not traffic.refused
    assert traffic.retries == 0, "the connection that was there before lives on"
    assert serial(senders) != first, "who connects now, trusting what he trusted before, sees the new certificate"
    theirs = senders.tls(other.sign("x", dns=(NAME,)))
    with Sender(*center.gateway_over_tls, tls=theirs) as sender:
        visit = f"region-{RUN}"
        assert code(sender.send(arrival(HADA, visit, visit))) == "AA"
    conditions = center.conditions()
    assert conditions["PipelinesReady"]["status"] == "True", json.dumps(conditions["PipelinesReady"])


def serial(senders: Senders) -> str:
    """Serial number of the certificate that the gateway shows now."""
    with Sender(*senders.center.gateway_over_tls, tls=senders.tls(senders.authority.sign("x", dns=(NAME,)))) as sender:
        connection = sender.connect()
        assert isinstance(connection, ssl.SSLSocket)
        return str((connection.getpeercert() or {})["serialNumber"])
