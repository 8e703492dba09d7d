"""From facts to figures, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from marsad_center.facts.kinds import bits
from marsad_center.indicators.catalogue import catalogue, judge
from marsad_center.indicators.facts import Facility, Facts, Feed, Present, Recent
from marsad_center.indicators.figures import CLUSTER, Figure, figures
from marsad_center.indicators.formulas import MEASURES
from marsad_center.indicators.freshness import Bucket
from marsad_center.indicators.measure import Moment
from marsad_center.indicators.tally import SPECIALTY, TRIAGE, WHOLE, Cell, Counts, Spread, percentile

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
MOMENT = Moment(NOW, 120)
LOCALES = ("en", "ar", "fr", "zh")


TELLING: dict[str, Counts] = {"tells_visits": {WHOLE: 1}}


def feed(facility: str = "KAMC", *, quiet: float = 5, accepted: int = 1, **columns) -> Feed:
    at = NOW - timedelta(seconds=quiet)
    return Feed(
        1,
        facility,
        "his",
        received=accepted,
        accepted=accepted,
        last_event_at=at,
        last_received_at=at,
        last_sent_at=at,
        last_accepted_at=at,
        **columns,
    )


def by_id(facility: str, *facts: Facts) -> dict[str, Figure]:
    return {figure.id: figure for figure in figures(facility, facts, catalogue(), MOMENT)}


def counted(number: int, **parts: int) -> Counts:
    """A count and its parts by triage level ("unknown", or a level as `t2`) or else by specialty."""
    cells = {
        Cell(TRIAGE, name.lstrip("t")) if name == "unknown" or name[0] == "t" else Cell(SPECIALTY, name): amount
        for name, amount in parts.items()
    }
    return {WHOLE: number, **cells}


def took(*seconds: int, **parts: tuple[int, ...]) -> dict[Cell, Spread]:
    """Durations and their parts by triage level (`t2`)."""
    return {
        WHOLE: sorted(seconds),
        **{Cell(TRIAGE, name.lstrip("t")): sorted(values) for name, values in parts.items()},
    }


def kamc(*, present: Present | None = None, **recent) -> Facts:
    here = Present({"census": counted(30), "waiting": counted(4, t2=3, unknown=1), "in_beds": counted(126)})
    counts = TELLING | recent.pop("counts", {})
    return Facts(Facility("KAMC", 40, 140), present or here, Recent(counts, **{"feeds": (feed(),), **recent}))


def test_every_indicator_of_the_catalogue_has_a_formula_and_texts_in_every_locale() -> None:
    assert set(MEASURES) == {indicator.id for indicator in catalogue().values() if indicator.maker == "figures"}
    for indicator in catalogue().values():
        assert all(indicator.names.get(locale) and indicator.formula.get(locale) for locale in LOCALES), indicator.id
        assert indicator.source
        for texts in (indicator.short, indicator.numerator, indicator.denominator):
            assert not texts or all(texts.get(locale) for locale in LOCALES), indicator.id
        assert indicator.target is not None or indicator.bands is None, "a breach is told with its target"


def test_occupancy_is_a_share_of_the_declared_capacity() -> None:
    found = by_id("KAMC", kamc())
    ed, beds = found["ed.occupancy"], found["bed.occupancy"]
    assert (ed.value, ed.numerator, ed.denominator, ed.status) == (0.75, 30, 40, "ok")
    assert (beds.value, beds.status, beds.target) == (0.9, "watch", 0.92)


def test_waiting_is_broken_down_by_every_triage_level() -> None:
    waiting = by_id("KAMC", kamc())["ed.waiting"]
    assert waiting.value == 4
    assert waiting.breakdown == {"1": 0, "2": 3, "3": 0, "4": 0, "5": 0, "unknown": 1}


def test_a_facility_that_never_reported_has_no_data_and_no_zero() -> None:
    silent = Facts(Facility("NEW", 10, 10), recent=Recent(feeds=(Feed(2, "NEW", "his"),)))
    found = by_id("NEW", silent)
    for id_ in set(found) - {"coverage.facilities"}:
        assert (found[id_].value, found[id_].status) == (None, "no-data"), id_
    assert found["coverage.facilities"].value == 0


def test_a_facility_that_never_reported_does_not_dilute_the_clusters_occupancy() -> None:
    newcomer = Facts(Facility("NEW", 1000, 1000), recent=Recent(feeds=(Feed(2, "NEW", "his"),)))
    found = by_id(CLUSTER, kamc(), newcomer)
    assert found["ed.occupancy"].value == 0.75
    assert found["coverage.facilities"].value == 0.5


def test_a_facility_that_tells_of_results_alone_says_nothing_of_visits() -> None:
    results = Recent(spreads={"lab": took(*[60] * 9)}, feeds=(feed("LAB"),))
    laboratory = Facts(Facility("LAB", 1000, 1000), recent=results)
    alone, cluster = by_id("LAB", laboratory), by_id(CLUSTER, kamc(), laboratory)
    for id_ in ("ed.census", "ed.waiting", "ed.boarders", "ed.arrivals", "ed.occupancy", "bed.occupancy"):
        assert (alone[id_].value, alone[id_].status, alone[id_].breakdown) == (None, "no-data", None), id_
        assert cluster[id_].value == by_id("KAMC", kamc())[id_].value, id_
    assert alone["lab.turnaround.p50"].value == 60


def test_turnaround_of_the_cluster_is_made_from_all_results_and_not_from_percentiles() -> None:
    first = kamc(spreads={"lab": took(*[60] * 9)})
    second = Facts(Facility("SFAC", 0, 0), recent=Recent(spreads={"lab": took(6000)}, feeds=(feed("SFAC"),)))
    figure = by_id(CLUSTER, first, second)["lab.turnaround.p90"]
    assert figure.value == pytest.approx(percentile([60] * 9 + [6000], 0.9))
    assert figure.denominator == 10


def test_too_few_results_are_not_enough_data() -> None:
    figure = by_id("KAMC", kamc(spreads={"lab": took(*[60] * 4)}))["lab.turnaround.p50"]
    assert (figure.value, figure.status, figure.denominator) == (None, "no-data", 4)


def test_a_silent_feed_is_a_breach_however_fresh_its_last_hour_was() -> None:
    found = by_id("KAMC", kamc(feeds=(feed(quiet=2400, buckets=(Bucket(1.0, 50, 0.9),)),)))
    figure = found["feed.freshness.p95"]
    assert (figure.value, figure.status) == (2400, "breach")
    assert figure.breakdown == {"live": 0, "stale": 0, "refused": 0, "silent": 1, "never": 0}


def test_a_feed_that_is_only_refused_is_a_breach_since_what_was_accepted_last() -> None:
    heard = feed(quiet=900, buckets=(Bucket(1.0, 50, 0.9),))
    found = by_id("KAMC", kamc(feeds=(replace(heard, last_received_at=NOW),)))
    figure = found["feed.freshness.p95"]
    assert (figure.value, figure.status, figure.numerator) == (900, "breach", 0)
    assert figure.breakdown == {"live": 0, "stale": 0, "refused": 1, "silent": 0, "never": 0}


def test_a_facility_of_which_nothing_was_ever_accepted_does_not_report() -> None:
    refused = Feed(2, "NEW", "his", received=9, rejected=9, quarantined=9, last_received_at=NOW)
    found = by_id("NEW", Facts(Facility("NEW", 10, 10), recent=Recent(feeds=(refused,))))
    assert found["coverage.facilities"].value == 0
    assert (found["ed.census"].value, found["feed.freshness.p95"].value) == (None, None)


def test_freshness_within_the_objective_is_ok() -> None:
    figure = by_id("KAMC", kamc(feeds=(feed(buckets=(Bucket(2.0, 50, 1.9),)),)))["feed.freshness.p95"]
    assert (figure.value, figure.status, figure.target) == (1.9, "ok", 120)


def test_source_time_is_the_newest_message_of_the_facilities_it_is_made_from() -> None:
    older = Facts(Facility("SFAC", 0, 0), recent=Recent(feeds=(feed("SFAC", quiet=500),)))
    assert by_id(CLUSTER, kamc(), older)["ed.census"].source_at == NOW - timedelta(seconds=5)
    assert by_id("SFAC", older)["ed.census"].source_at == NOW - timedelta(seconds=500)


def test_a_live_feed_does_not_pass_for_a_silent_one_beside_it() -> None:
    """The hospital's system is silent for 30 hours, its laboratory is not."""
    his, lis = feed(quiet=30 * 3600, tells=bits(["visits", "orders"])), feed(tells=bits(["lab"]))
    found = by_id("KAMC", kamc(feeds=(his, lis)))
    for id_ in ("ed.census", "ed.arrivals", "ed.occupancy", "bed.occupancy", "ed.nedocs"):
        assert (found[id_].source_at, found[id_].quality) == (NOW - timedelta(hours=30), 1.0), id_
    assert (found["lab.turnaround.p50"].source_at, found["lab.turnaround.p50"].quality) == (
        NOW - timedelta(seconds=5),
        0.0,
    )
    assert found["coverage.facilities"].quality == 0.5, "what is made of no facts has all feeds behind it"


def test_a_feed_of_which_it_is_not_known_what_it_tells_may_tell_of_all() -> None:
    """As of one that an older gateway heard last, or that has not come yet."""
    never, lis = Feed(2, "KAMC", "his"), feed(tells=bits(["lab"]))
    visits = by_id("KAMC", kamc(feeds=(never, lis)))["ed.census"]
    assert (visits.source_at, visits.quality) == (None, 1.0)
    before = by_id("KAMC", kamc(feeds=(feed(quiet=7), lis)))["ed.census"]
    assert (before.source_at, before.quality) == (NOW - timedelta(seconds=7), 0.0)


def test_behind_the_clusters_figures_are_the_feeds_that_tell_of_them() -> None:
    silent = Facts(Facility("SFAC", 0, 0), recent=Recent(feeds=(feed("SFAC", quiet=4000, tells=bits(["visits"])),)))
    lis = Facts(Facility("LAB", 0, 0), recent=Recent(feeds=(feed("LAB", quiet=1, tells=bits(["lab"])),)))
    visits = by_id(CLUSTER, kamc(), silent, lis)["ed.census"]
    assert (visits.source_at, visits.quality) == (NOW - timedelta(seconds=5), 0.5)


def test_a_figure_that_is_made_of_facts_says_of_which() -> None:
    without = {indicator.id for indicator in catalogue().values() if not indicator.facts}
    assert without == {"coverage.facilities", "coverage.platforms", "feed.freshness.p95"}


@pytest.mark.parametrize(
    ("id_", "value", "status"),
    [
        ("ed.occupancy", 0.85, "ok"),
        ("ed.occupancy", 1.0, "watch"),
        ("ed.occupancy", 1.01, "breach"),
        ("bed.occupancy", 0.93, "breach"),
        ("coverage.facilities", 1.0, "ok"),
        ("coverage.facilities", 0.95, "watch"),
        ("coverage.facilities", 0.5, "breach"),
        ("feed.freshness.p95", 121.0, "breach"),
        ("ed.census", 400.0, "info"),
        ("ed.occupancy", None, "no-data"),
    ],
)
def test_a_value_is_judged_by_the_bands_of_its_indicator(id_, value, status) -> None:
    assert judge(catalogue()[id_], value, 120).status == status
