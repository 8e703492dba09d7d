"""Which facilities the center knows, and how each is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from marsad.api.conditions import ConditionStatus, Reason
from marsad.api.facility import Facility, UnreadableFacility
from marsad.api.model import Condition
from marsad.core.facilities import facility_status, judge_facility
from marsad.core.freshness import judge_freshness
from marsad.core.roster import draw_up, listing
from marsad.core.world import CenterReport, FeedReport, Manifest, Observed
from marsad.tests.core.worlds import NOW, TLS, Server, changed, cluster, facility, key, report, with_objects, world

LATER = "2026-03-01T09:00:00Z"


def accepted(facilities: Iterable[Facility]) -> tuple[Facility, ...]:
    """Those of which a center that knows none yet is told, as they are declared."""
    entries = draw_up(facilities).entries
    by_name = {one.name: one for one in facilities}
    assert all(entry is by_name[name].spec for name, entry in entries.items())
    return tuple(by_name[name] for name in entries)


def judged(one: Facility | UnreadableFacility, observed: Observed | None) -> tuple[Condition, Condition]:
    """(Accepted, Connected)."""
    first, second = judge_facility(one, observed, NOW)
    return first, second


def says(condition: Condition, status: ConditionStatus, reason: Reason, *words: str) -> None:
    """Assert status, reason and words."""
    assert (condition.status, condition.reason) == (status, reason), condition.message
    assert all(word in condition.message for word in words)


def test_a_facility_of_a_center_is_accepted() -> None:
    one = facility()
    says(judged(one, world(facilities=(one,)))[0], ConditionStatus.TRUE, Reason.ACCEPTED, "makkah")


def test_a_feed_in_a_time_zone_that_does_not_exist_is_not_accepted() -> None:
    def in_zone(zone: str) -> Facility:
        feed = {"name": "lis", "sendingApplication": "LIS", "sendingFacility": "SFAC", "timeZone": zone}
        return facility(feeds=[feed])

    one, other = in_zone("Asia/Mecca"), facility(born=LATER)
    observed = world(facilities=(one, other))
    says(judged(one, observed)[0], ConditionStatus.FALSE, Reason.INVALID, "feed lis", "'Asia/Mecca'")
    assert accepted((one, other)) == (other,), "it keeps no other from its code"
    one = in_zone("Africa/Algiers")
    says(judged(one, world(facilities=(one,)))[0], ConditionStatus.TRUE, Reason.ACCEPTED)


def test_a_facility_without_a_center_waits_for_one() -> None:
    found = judged(facility(), None)
    says(found[0], ConditionStatus.FALSE, Reason.NO_HEALTH_CLUSTER, "makkah")
    says(found[1], ConditionStatus.FALSE, Reason.WAITING_FOR_STAGE)


def test_a_facility_of_a_refused_center_says_so() -> None:
    one = facility()
    found = judged(one, world(cluster(release="9.9.9"), facilities=(one,)))
    says(found[0], ConditionStatus.FALSE, Reason.NO_HEALTH_CLUSTER, "refused")


def test_of_two_facilities_with_one_code_the_older_stays() -> None:
    older, younger = facility(), facility(born=LATER, sender="OTHER")
    observed = world(facilities=(younger, older))
    says(judged(younger, observed)[0], ConditionStatus.FALSE, Reason.CODE_TAKEN, older.name)
    says(judged(older, observed)[0], ConditionStatus.TRUE, Reason.ACCEPTED)
    assert accepted(observed.facilities) == (older,)


def test_of_two_facilities_with_one_sender_the_older_stays() -> None:
    older, younger = facility("KFH", sender="SIMHOSP"), facility("NOOR", sender="SIMHOSP", born=LATER)
    observed = world(facilities=(younger, older))
    says(judged(younger, observed)[0], ConditionStatus.FALSE, Reason.SENDER_TAKEN, older.name, "SIMHOSP")
    assert accepted(observed.facilities) == (older,)


def test_a_refused_facility_refuses_no_other() -> None:
    first = facility("AAA", sender="X")
    second = facility("BBB", sender="X", born=LATER)
    third = facility("BBB", sender="Y", born="2026-03-01T10:00:00Z")
    assert accepted((third, second, first)) == (first, third)


def test_the_same_application_may_send_for_two_facilities() -> None:
    one = facility("KFH", sender="HIS")
    other = facility("NOOR", feeds=[{"name": "his", "sendingApplication": "HIS", "sendingFacility": "NOOR"}])
    assert accepted((one, other)) == (one, other)


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        ("live", ConditionStatus.TRUE, Reason.LIVE),
        ("stale", ConditionStatus.FALSE, Reason.STALE),
        ("silent", ConditionStatus.FALSE, Reason.FEEDS_SILENT),
        ("refused", ConditionStatus.FALSE, Reason.FEEDS_REFUSED),
        ("never", ConditionStatus.FALSE, Reason.NEVER_HEARD),
    ],
)
def test_connected_is_what_its_feeds_are(state: str, status: ConditionStatus, reason: Reason) -> None:
    one = facility()
    says(judged(one, world(facilities=(one,), report=report(("KFH", state, 1.0))))[1], status, reason)


def test_a_facility_the_center_has_not_heard_of_was_never_heard() -> None:
    one = facility()
    says(judged(one, world(facilities=(one,), report=report()))[1], ConditionStatus.FALSE, Reason.NEVER_HEARD, "his")


def test_a_center_that_does_not_answer_leaves_its_facilities_unknown() -> None:
    one = facility()
    says(judged(one, world(facilities=(one,)))[1], ConditionStatus.UNKNOWN, Reason.UNOBSERVABLE)


def test_a_facility_without_feeds_can_neither_be_connected_nor_not() -> None:
    one = facility(feeds=[])
    says(judged(one, world(facilities=(one,), report=report()))[1], ConditionStatus.UNKNOWN, Reason.NO_FEEDS)


def feeds(*transports: str) -> list[dict[str, Any]]:
    return [
        {"name": f"feed-{at}", "sendingApplication": f"APP{at}", "sendingFacility": "SFAC", "transport": transport}
        for at, transport in enumerate(transports)
    ]


def test_the_center_is_told_of_the_certificate_that_a_feed_asks_for() -> None:
    (feed,) = feeds("MLLPS")
    certificate = {"name": "his.kfh.example", "fingerprints": ["ab" * 32]}
    observed = world(facilities=(facility(feeds=[feed | {"certificate": certificate}]),))
    assert listing(observed)[0]["feeds"][0]["certificate"] == certificate


def test_a_feed_over_tls_where_nobody_listens_says_so() -> None:
    one = facility(feeds=feeds("MLLP", "MLLPS"))
    told = CenterReport(NOW, (FeedReport("KFH", "feed-0", "live", 1.0),))
    observed = world(facilities=(one,), report=told)
    words = "does not listen over TLS for feed-1: declare spec.pipelines.hl7.tls"
    says(judged(one, observed)[1], ConditionStatus.FALSE, Reason.TLS_NOT_DECLARED, words)
    observed = world(cluster(pipelines=TLS), facilities=(one,), report=told)
    says(judged(one, observed)[1], ConditionStatus.FALSE, Reason.NEVER_HEARD, "feed-1")


def test_a_feed_that_the_release_has_no_ear_for_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("roster", "facilities"):  # as a release without FHIR would have it
        monkeypatch.setattr(f"marsad.core.{module}.SERVED", frozenset({"MLLP", "MLLPS"}))
    one = facility(feeds=feeds("MLLP", "FHIR"))
    live = CenterReport(NOW, (FeedReport("KFH", "feed-0", "live", 1.0),))
    observed = world(facilities=(one,), report=live)
    assert [feed["name"] for told in listing(observed) for feed in told["feeds"]] == ["feed-0"]
    found = judged(one, observed)
    says(found[0], ConditionStatus.TRUE, Reason.ACCEPTED)
    says(found[1], ConditionStatus.FALSE, Reason.NOT_IN_RELEASE, "not listen to feed-1 (FHIR)", "0.1.0")
    assert judge_freshness(observed).reason is Reason.WITHIN_OBJECTIVE, "what is not listened to is not awaited"
    silent = replace(observed, report=CenterReport(NOW, (FeedReport("KFH", "feed-0", "silent", 1.0),)))
    says(judged(one, silent)[1], ConditionStatus.FALSE, Reason.FEEDS_SILENT, "feed-0")

    other = facility(feeds=feeds("FHIR"))
    observed = world(facilities=(other,))
    assert listing(observed)[0]["feeds"] == []
    says(judged(other, observed)[1], ConditionStatus.FALSE, Reason.NOT_IN_RELEASE, "feed-0 (FHIR)")
    assert judge_freshness(observed).reason is Reason.NO_FEEDS


def test_a_feed_of_fhir_where_nobody_takes_it_says_so() -> None:
    feeds = [{"name": "emr", "sendingApplication": "EMR", "sendingFacility": "SFAC", "transport": "FHIR"}]
    one = facility(feeds=feeds)
    observed = world(facilities=(one,), report=CenterReport(NOW, ()))
    assert [feed["name"] for told in listing(observed) for feed in told["feeds"]] == ["emr"]
    says(judged(one, observed)[1], ConditionStatus.FALSE, Reason.FHIR_NOT_ENABLED, "emr", "spec.pipelines.fhir.enabled")
    taking = cluster(pipelines={"hl7": {"enabled": True}, "fhir": {"enabled": True}})
    observed = world(taking, facilities=(one,), report=CenterReport(NOW, ()))
    says(judged(one, observed)[1], ConditionStatus.FALSE, Reason.NEVER_HEARD, "emr")


def test_a_feed_of_fhir_over_tls_needs_both_to_be_declared() -> None:
    tls, fhir = TLS["hl7"], {"enabled": True}
    one = facility(feeds=[feeds("FHIRS")[0] | {"certificate": {"name": "emr.kfh.example"}}])
    for pipelines, reason, words in (
        ({"fhir": fhir}, Reason.TLS_NOT_DECLARED, "over TLS for feed-0: declare spec.pipelines.hl7.tls"),
        ({"hl7": tls}, Reason.FHIR_NOT_ENABLED, "no FHIR from feed-0: set spec.pipelines.fhir.enabled"),
        ({"hl7": tls, "fhir": fhir}, Reason.NEVER_HEARD, "feed-0"),
        ({"hl7": tls | {"enabled": False}, "fhir": fhir}, Reason.NEVER_HEARD, "feed-0"),
    ):
        observed = world(cluster(pipelines=pipelines), facilities=(one,), report=CenterReport(NOW, ()))
        assert listing(observed)[0]["feeds"][0]["transport"] == "FHIRS"
        says(judged(one, observed)[1], ConditionStatus.FALSE, reason, words)


def test_what_was_written_is_not_written_again() -> None:
    one = facility()
    observed = world(facilities=(one,), report=report(("KFH", "live", 1.0)))
    written: dict[str, Any] = facility_status(one, observed, NOW)
    again = one.model_validate(one.dump() | {"status": written})
    later = replace(observed, report=report(("KFH", "live", 1.7)), facilities=(again,))
    assert facility_status(again, later, NOW.replace(hour=20)) == again.status.dump()


class Center:
    """A center that is told of these Facilities, and remembers what it was told."""

    def __init__(self, *facilities: Facility) -> None:
        self.server = Server()
        self.told(*facilities)

    def told(self, *facilities: Facility, unreadable: tuple[UnreadableFacility, ...] = ()) -> dict[str, Manifest]:
        """One look at these; what center.json then says of each, by code."""
        declared = world(facilities=facilities, unreadable=unreadable)
        self.observed = self.server.seen(declared)
        self.server.reconcile(declared)
        document = self.server.objects[key("ConfigMap", "center")]["data"]["center.json"]
        assert self.server.reconcile(declared).empty, "a second look finds nothing to do"
        return {one["code"]: one for one in json.loads(document)["facilities"]}


def renewed(one: Facility, sender: str | None = None, **spec: Any) -> Facility:
    """The same Facility, declared otherwise."""
    born = one.metadata.creation_timestamp
    assert born is not None
    return facility(one.spec.code, born=born.strftime("%Y-%m-%dT%H:%M:%SZ"), sender=sender, **spec)


def in_zone(one: Facility, zone: str) -> Facility:
    """The same Facility, its feed in another time zone and its beds all gone."""
    feed = one.dump()["spec"]["feeds"][0] | {"timeZone": zone}
    return renewed(one, feeds=[feed], capacity={"edSpaces": 0})


def test_a_facility_that_becomes_unacceptable_is_known_as_it_last_was() -> None:
    one, other = facility(), facility("NOOR")
    center = Center(one, other)
    before = center.told(one, other)
    assert center.told(in_zone(one, "Asia/Mecca"), other) == before
    found = judged(in_zone(one, "Asia/Mecca"), replace(center.observed, report=report(("KFH", "live", 1.0))))
    says(found[0], ConditionStatus.FALSE, Reason.INVALID, "'Asia/Mecca'", "as it last was")
    says(found[1], ConditionStatus.TRUE, Reason.LIVE)
    assert center.told(in_zone(one, "Asia/Riyadh"), other)["KFH"]["capacity"]["edSpaces"] == 0


def test_a_facility_that_is_deleted_goes_however_it_was_declared() -> None:
    one, other = facility(), facility("NOOR")
    center = Center(one, other)
    center.told(in_zone(one, "Asia/Mecca"), other)
    assert center.told(other).keys() == {"NOOR"}
    assert center.told(in_zone(one, "Asia/Mecca"), other).keys() == {"NOOR"}, "it is a new one"


def test_a_facility_made_anew_under_the_name_of_another_is_not_taken_for_it() -> None:
    center = Center(facility())
    unlike = in_zone(facility("NOOR"), "Asia/Mecca")
    impostor = unlike.model_copy(update={"metadata": facility().metadata})
    assert center.told(impostor) == {}


def test_a_facility_that_cannot_be_read_is_known_as_it_last_was_and_says_so() -> None:
    one = facility()
    center = Center(one)
    before = center.told(one)
    cannot = UnreadableFacility.model_validate({"metadata": one.metadata, "fault": "It cannot be read: spec.kind."})
    assert center.told(unreadable=(cannot,)) == before
    found = judged(cannot, replace(center.observed, report=report(("KFH", "silent", 1.0))))
    says(found[0], ConditionStatus.FALSE, Reason.INVALID, "spec.kind", "as it last was")
    says(found[1], ConditionStatus.FALSE, Reason.FEEDS_SILENT, "his")


def test_what_a_newer_release_told_of_a_facility_is_passed_on_unread() -> None:
    one = facility()
    center = Center(one)
    at, newer = key("ConfigMap", "center"), {"code": "KFH", "name": one.name, "kind": "Ship", "decks": [1, 2]}
    live = changed(center.server.objects[at], "data.center~json", json.dumps({"facilities": [newer]}))
    center.server.objects[at] = live
    cannot = UnreadableFacility.model_validate({"metadata": one.metadata, "fault": "It cannot be read: spec.kind."})
    assert center.told(unreadable=(cannot,)) == {"KFH": newer}


def test_an_older_facility_that_takes_up_the_sender_of_another_does_not_get_it() -> None:
    older, younger = facility(sender="X"), facility("NOOR", sender="Y", born=LATER)
    center = Center(older, younger)
    before = center.told(older, younger)
    greedy = renewed(older, sender="Y")
    assert center.told(greedy, younger) == before
    says(judged(greedy, center.observed)[0], ConditionStatus.FALSE, Reason.SENDER_TAKEN, younger.name, "as it last was")
    says(judged(younger, center.observed)[0], ConditionStatus.TRUE, Reason.ACCEPTED)
    assert center.told(greedy)["KFH"]["feeds"][0]["sendingApplication"] == "Y", "it is free once the other is gone"


def test_two_facilities_may_change_senders_with_each_other() -> None:
    one, other = facility(sender="X"), facility("NOOR", sender="Y", born=LATER)
    told = Center(one, other).told(renewed(one, sender="Y"), renewed(other, sender="X"))
    assert [told[code]["feeds"][0]["sendingApplication"] for code in ("KFH", "NOOR")] == ["Y", "X"]


def test_a_sender_that_a_refused_facility_would_give_up_stays_its_own() -> None:
    first, second = facility("AAA", sender="X"), facility("BBB", sender="Y", born=LATER)
    third = facility("CCC", sender="X", born="2026-03-01T10:00:00Z")
    center = Center(first, second)
    told = center.told(renewed(first, sender="Y"), second, third)
    assert told.keys() == {"AAA", "BBB"}
    assert told["AAA"]["feeds"][0]["sendingApplication"] == "X"


def test_one_that_is_refused_for_what_another_keeps_refuses_no_third() -> None:
    def with_senders(code: str, hour: int, *senders: str) -> Facility:
        feeds = [{"name": one.lower(), "sendingApplication": one, "sendingFacility": "SFAC"} for one in senders]
        return facility(code, born=f"2026-03-01T{hour:02}:00:00Z", feeds=feeds)

    first, second = facility("AAA", sender="X"), facility("BBB", sender="Y")
    center = Center(first, second)
    newcomers = with_senders("CCC", 9, "X", "Z"), with_senders("DDD", 10, "Z")
    assert center.told(renewed(first, sender="Y"), second, *newcomers).keys() == {"AAA", "BBB", "DDD"}


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"facilities": [1]}', '{"facilities": [{"code": "KFH"}]}'])
def test_a_broken_document_tells_nothing_of_what_was(broken: str) -> None:
    one = facility()
    center = Center(one)
    at = key("ConfigMap", "center")
    live = changed(center.server.objects[at], "data.center~json", broken)
    center.server.objects[at] = live
    assert center.told(in_zone(one, "Asia/Mecca")) == {}


def test_a_document_that_someone_filled_with_one_sender_twice_is_believed_once() -> None:
    one, other = facility(sender="X"), facility("NOOR", sender="Y", born=LATER)
    center = Center(one, other)
    at = key("ConfigMap", "center")
    text = center.server.objects[at]["data"]["center.json"].replace('"Y"', '"X"')
    center.server.objects[at] = changed(center.server.objects[at], "data.center~json", text)
    assert center.told(in_zone(one, "Asia/Mecca"), in_zone(other, "Asia/Mecca")).keys() == {"KFH"}


def test_what_others_wrote_is_no_memory_of_ours() -> None:
    one = facility()
    center = Center(one)
    theirs = changed(center.server.objects[key("ConfigMap", "center")], "metadata.labels", {})
    observed = with_objects(world(facilities=(in_zone(one, "Asia/Mecca"),)), theirs)
    says(judged(observed.facilities[0], observed)[1], ConditionStatus.FALSE, Reason.WAITING_FOR_STAGE)
