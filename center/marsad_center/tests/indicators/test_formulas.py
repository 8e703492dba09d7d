"""What each formula makes of facts, computed by hand; without a database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marsad_center.indicators.catalogue import Bands, adjusted, catalogue, judge
from marsad_center.indicators.coverage import eligible
from marsad_center.indicators.facts import Facility, Facts, Feed, Present, Recent
from marsad_center.indicators.figures import CLUSTER, Figure, figures, json_fields
from marsad_center.indicators.measure import Moment, Part
from marsad_center.indicators.nedocs import Crowd, nedocs
from marsad_center.indicators.tally import SPECIALTY, TRIAGE, WHOLE, Cell
from marsad_center.registry import Threshold
from marsad_center.tests.indicators.test_figures import MOMENT, NOW, TELLING, by_id, counted, feed, kamc, took


def test_nedocs_gives_the_published_check_value() -> None:
    """40 patients on 30 beds, 8 boarders for 300 beds, 2 ventilated, 6 h and 1.5 h give
    114.4 + 16 + 26.8 + 5.58 + 8.46 - 20 (Weiss et al. 2004; the vector of Marsad's domain facts)."""
    assert nedocs(Crowd(40, 30, 8, 300, 2, 6, 1.5)) == pytest.approx(151.24)


def crowded(code: str = "KAMC", *, last_wait: float | None = 5400) -> Facts:
    counts = {"census": counted(40), "boarders": counted(8), "ventilated": counted(2)}
    present = Present(counts, boarding_since=NOW - timedelta(hours=6))
    return Facts(Facility(code, 30, 300), present, Recent(TELLING, last_wait=last_wait, feeds=(feed(code),)))


def test_nedocs_of_a_facility_says_what_it_is_made_of_and_that_of_the_cluster_is_its_highest() -> None:
    one = by_id("KAMC", crowded())["ed.nedocs"]
    assert (one.value, one.status, one.target, one.unit) == (151.24, "breach", 100, "score")
    assert one.breakdown == {
        "patients": 40,
        "ed_beds": 30,
        "boarders": 8,
        "hospital_beds": 300,
        "ventilated": 2,
        "longest_boarding": 6,
        "last_wait": 1.5,
    }
    calm = Facts(Facility("SFAC", 20, 300), recent=Recent(TELLING, last_wait=0, feeds=(feed("SFAC"),)))
    both = by_id(CLUSTER, crowded(), calm)["ed.nedocs"]
    assert (both.value, both.breakdown) == (151.24, {"KAMC": 151.24, "SFAC": -20})


def test_nedocs_without_a_bedded_patient_or_a_capacity_is_not_known() -> None:
    assert by_id("KAMC", crowded(last_wait=None))["ed.nedocs"].status == "no-data"
    no_beds = Facts(Facility("KAMC", 30, 0), recent=Recent(TELLING, last_wait=0, feeds=(feed(),)))
    assert by_id("KAMC", no_beds)["ed.nedocs"].value is None


def day(**counts: dict[Cell, int] | int) -> Facts:
    """A facility of 40 spaces and 140 beds with these counts in its windows."""
    return kamc(counts={name: counted(each) if isinstance(each, int) else each for name, each in counts.items()})


HAND = [
    # id, counts, value, status
    ("ed.four_hour", {"left_ed": 40, "left_in_four_hours": 38}, 0.95, "ok"),
    ("ed.four_hour", {"left_ed": 40, "left_in_four_hours": 34}, 0.85, "watch"),
    ("ed.four_hour", {"left_ed": 40, "left_in_four_hours": 33}, 0.825, "breach"),
    ("ed.lwbs", {"left_ed": 50, "left_unseen": 2, "left_seen": 48}, 0.04, "ok"),
    ("ed.lwbs", {"left_ed": 50, "left_unseen": 3, "left_seen": 47}, 0.06, "breach"),
    ("ed.lwbs", {"left_ed": 50, "left_unseen": 50}, None, "no-data"),  # a sender that never tells of first contacts
    ("ed.lwbs", {"left_ed": 50, "left_unseen": 50, "left_lwbs": 3, "tells_lwbs": 1}, 0.06, "breach"),  # but of these
    ("ed.lwbs", {"left_ed": 50, "left_unseen": 50, "tells_lwbs": 1}, 0, "ok"),  # of none today
    ("ed.lwbs", {"left_ed": 50, "left_unseen": 4, "left_lwbs": 3, "left_seen": 46, "tells_lwbs": 1}, 0.08, "breach"),
    ("ed.physician_in_time", {"limits": 8, "within_limits": 6}, 0.75, "info"),
    ("ed.departed_after_decision", {"decided": 10, "departed_in_two_hours": 9}, 0.9, "ok"),
    ("ed.departed_after_decision", {"decided": 10, "departed_in_two_hours": 8}, 0.8, "breach"),
    ("bed.alos", {"discharges": 4, "inpatient_seconds": 4 * 86400 * 3}, 3 * 86400, "info"),
    ("referral.acceptance", {"referred": 50, "referrals_accepted": 37}, 0.74, "ok"),
    ("referral.acceptance", {"referred": 50, "referrals_accepted": 36}, 0.72, "breach"),
    ("referral.closed_loop", {"referred": 50, "referrals_reported": 20}, 0.4, "info"),
    ("referral.in_region", {"referrals_placed": 8, "referrals_in_region": 7}, 0.875, "ok"),
    ("appointment.no_show", {"appointed": 20, "missed": 3}, 0.15, "info"),
    ("virtual.share", {"visits_virtual": 25, "visits_in_person": 75}, 0.25, "info"),
    ("virtual.share", {"kept_virtual": 25, "kept_in_person": 300, "visits_in_person": 75}, 0.25, "info"),
    ("prescription.issued", {"issued": 12, "tells_prescriptions": 1}, 12, "info"),
    ("prescription.issued", {"tells_prescriptions": 1}, 0, "info"),
    ("prescription.issued", {}, None, "no-data"),
    ("prescription.dispensed", {"issued": 12, "dispensed": 9}, 0.75, "info"),
    ("vaccination.given", {"vaccinated": 7, "tells_vaccinations": 1}, 7, "info"),
    ("vaccination.given", {}, None, "no-data"),
    # 140 beds, 15 days observed, 350 discharges: 350 / (140 x 15/30) = 5 a bed in 30 days;
    # empty 2100 - 1750 bed-days, by 350 discharges: a day.
    ("bed.turnover", {"discharges": 350, "observed_seconds": 15 * 86400}, 5, "info"),
    (
        "bed.turnover_interval",
        {"discharges": 350, "observed_seconds": 15 * 86400, "occupied_seconds": 1750 * 86400},
        86400,
        "info",
    ),
    ("bed.turnover", {"discharges": 9, "observed_seconds": 86399}, None, "no-data"),  # not a whole day observed
]


@pytest.mark.parametrize(("id_", "counts", "value", "status"), HAND)
def test_a_share_is_what_the_hand_computes(id_: str, counts: dict[str, int], value: float | None, status: str) -> None:
    """Formulas, targets and their sources: Marsad's domain facts 2, 3, 4, 5, 6, 7, 8, 9."""
    figure = by_id("KAMC", day(**counts))[id_]
    assert (figure.value, figure.status) == (value if value is None else pytest.approx(value), status)


def test_nothing_by_nothing_is_no_zero() -> None:
    for id_ in ("ed.four_hour", "ed.departed_after_decision", "referral.acceptance", "appointment.no_show"):
        figure = by_id("KAMC", day())[id_]
        assert (figure.value, figure.status) == (None, "no-data"), id_


SPREADS = [
    ("ed.arrival_to_triage.p90", "triage", 300),
    ("ed.door_to_doctor.p90", "doctor", 10800),
    ("ed.length_of_stay.p90", "stay", 14400),
    ("ed.ambulance_offload.p90", "offload", 900),
    ("bed.cleaning_response.p90", "cleaning_response", 1800),
    ("bed.cleaning.p90", "cleaning", 1800),
    ("bed.cleaning_turn.p90", "cleaning_turn", 3600),
]


@pytest.mark.parametrize(("id_", "name", "target"), SPREADS)
def test_the_ninetieth_of_ten_waits_lies_a_tenth_above_the_ninth(id_: str, name: str, target: int) -> None:
    """Of 100, 200 ... 1000 s: rank 0.9 x 9 = 8.1, so 900 + 0.1 x 100 (linear interpolation, as percentile_cont).
    Targets: Boyle et al. 2012, CTAS and the cleaning times of Marsad's domain facts."""
    figure = by_id("KAMC", kamc(spreads={name: took(*range(100, 1001, 100))}))[id_]
    assert figure.value == pytest.approx(910)
    assert (figure.denominator, figure.target) == (10, target)


def test_median_to_the_physician_and_what_is_emergent() -> None:
    """Physician initial assessment: median 1 h; emergent door to doctor 30 min, levels 1 and 2 (CTAS, ICMED)."""
    waits = took(60, 600, 1200, 3600, 7200, t1=(60, 600), t2=(1200, 1200, 1200), t3=(3600, 7200))
    found = by_id("KAMC", kamc(spreads={"doctor": waits}))
    assert found["ed.door_to_doctor.p50"].value == 1200
    emergent = found["ed.emergent_to_doctor.p90"]
    assert (emergent.value, emergent.denominator, emergent.status) == (1200, 5, "ok")


def test_boarders_are_held_against_spaces() -> None:
    """ICMED: more than 10 % is crowding."""
    found = by_id("KAMC", kamc(present=Present({"boarders": counted(5, CARD=3, unknown=2)})))
    assert found["ed.boarders"].value == 5
    share = found["ed.boarders_per_space"]
    assert (share.value, share.status) == (0.125, "watch")


def of_platforms(code: str, *facilities: Facility) -> Figure:
    """coverage.platforms of these, or of the one called so."""
    facts = [Facts(each) for each in facilities if code in (CLUSTER, each.code)]
    moment = Moment(NOW, 120, eligible(facilities))
    return figures(code, facts, {"coverage.platforms": catalogue()["coverage.platforms"]}, moment)[0]


def test_thirty_one_of_thirty_two_facilities_have_a_platform() -> None:
    """Rollout coverage = equipped / eligible: 31/32 = 96.9 %."""
    everyone = [Facility(f"F{number}", 0, 0, ("booking",) if number else (), "Hospital") for number in range(32)]
    figure = of_platforms(CLUSTER, *everyone)
    assert figure.value == 0.96875
    assert figure.dimensions == {"platform": {"booking": Part(0.96875, 31, 32)}}
    assert figure.status == "watch"


def test_a_clinic_is_not_measured_by_what_only_hospitals_have() -> None:
    """Two hospitals and two clinics: 1 of 2 has radiology, 1 of 2 vaccination, and booking is for all: 2 + 1 of 4."""
    everyone = (
        Facility("H1", 0, 0, ("booking", "radiology"), "Hospital"),
        Facility("H2", 0, 0, ("booking",), "Hospital"),
        Facility("C1", 0, 0, ("booking", "vaccination"), "PrimaryCare"),
        Facility("C2", 0, 0, (), "PrimaryCare"),
        Facility("P", 0, 0, (), "Polyclinic"),  # of what polyclinics can have nothing is known
    )
    cluster, clinic = of_platforms(CLUSTER, *everyone), of_platforms("C2", *everyone)
    assert (cluster.numerator, cluster.denominator) == (5, 8)
    assert cluster.dimensions == {
        "platform": {
            "booking": Part(0.75, 3, 4),
            "radiology": Part(0.5, 1, 2),
            "vaccination": Part(0.5, 1, 2),
        }
    }
    assert (clinic.value, clinic.numerator, clinic.denominator) == (0, 0, 2)
    assert of_platforms("H1", *everyone).value == 1
    assert of_platforms("P", *everyone).status == "no-data"


def test_no_platform_anywhere_is_no_data() -> None:
    assert by_id("KAMC", kamc())["coverage.platforms"].status == "no-data"


def test_a_figure_is_given_by_triage_level_and_specialty() -> None:
    left = {WHOLE: 12, Cell(TRIAGE, "2"): 4, Cell(TRIAGE, "unknown"): 8, Cell(SPECIALTY, "CARD"): 10}
    fast = {WHOLE: 5, Cell(TRIAGE, "2"): 1, Cell(TRIAGE, "unknown"): 4, Cell(SPECIALTY, "CARD"): 5}
    figure = by_id("KAMC", day(left_ed=left, left_in_four_hours=fast))["ed.four_hour"]
    assert figure.dimensions == {
        "triage": {"2": Part(0.25, 1, 4), "unknown": Part(0.5, 4, 8)},
        "specialty": {"CARD": Part(0.5, 5, 10)},
    }
    assert json_fields(figure)["dimensions"]["triage"]["2"] == {"value": 0.25, "numerator": 1, "denominator": 4}


def test_the_largest_specialties_are_named_and_the_others_share_a_line() -> None:
    names = {Cell(SPECIALTY, f"S{number:02}"): number for number in range(1, 21)}
    figure = by_id("KAMC", day(referred={WHOLE: 210, **names}))["referral.closed_loop"]
    assert figure.dimensions is not None
    parts = figure.dimensions["specialty"]
    assert len(parts) == 13
    assert parts["other"] == Part(0.0, 0, sum(range(1, 9)))
    assert parts["S20"] == Part(0.0, 0, 20)


def test_a_specialty_with_too_few_waits_has_no_percentile_and_says_how_many_it_has() -> None:
    waits = {
        WHOLE: [60] * 9,
        Cell(SPECIALTY, "CARD"): [60] * 4,
        Cell(SPECIALTY, "ENT"): [60] * 5,
    }
    figure = by_id("KAMC", kamc(spreads={"doctor": waits}))["ed.door_to_doctor.p90"]
    assert figure.dimensions == {"specialty": {"CARD": Part(None, None, 4), "ENT": Part(60, None, 5)}}


def test_quality_is_the_share_of_feeds_that_bring_nothing() -> None:
    never = Feed(2, "KAMC", "lis")
    both = kamc(feeds=(feed(), never))
    quality = {figure.quality for figure in by_id("KAMC", both).values()}
    assert quality == {0.5}
    silent = Facts(Facility("SFAC", 0, 0), recent=Recent(feeds=(feed("SFAC", quiet=4000),)))
    assert by_id(CLUSTER, both, silent)["ed.census"].quality == pytest.approx(2 / 3)
    assert json_fields(by_id("KAMC", kamc())["ed.census"])["quality"] == 0


def test_a_facility_without_a_feed_has_no_quality() -> None:
    figure: Figure = by_id("NEW", Facts(Facility("NEW", 0, 0)))["ed.census"]
    assert (figure.value, figure.quality) == (None, None)


# ---------------------------------------------------------------- thresholds are configuration
@pytest.mark.parametrize(
    ("threshold", "value", "status", "target"),
    [
        (Threshold(id="ed.four_hour", target=0.85, ok=0.85, watch=0.8), 0.86, "ok", 0.85),
        (Threshold(id="ed.four_hour", target=0.85, ok=0.85, watch=0.8), 0.81, "watch", 0.85),
        (
            Threshold(id="ed.four_hour", target=0.8),
            0.84,
            "ok",
            0.8,
        ),  # the default watches from 0.85
        (Threshold(id="ed.four_hour", target=0.8), 0.79, "breach", 0.8),
        (Threshold(id="ed.nedocs", watch=180), 151.24, "watch", 100),
        (Threshold(id="appointment.no_show", target=0.1), 0.15, "breach", 0.1),  # had no target
        (Threshold(id="feed.freshness.p95", ok=30), 40.0, "breach", 30),
    ],
)
def test_a_declared_threshold_takes_the_place_of_the_default(threshold, value, status, target) -> None:
    entry = adjusted(catalogue(), [threshold])[threshold.id]
    judgement = judge(entry, value, 120)
    assert (judgement.status, judgement.target) == (status, target)


def test_a_threshold_for_what_has_none_changes_nothing() -> None:
    assert adjusted(catalogue(), [Threshold(id="ed.census", target=3), Threshold(id="no.such", ok=1)]) == catalogue()
    assert catalogue()["ed.four_hour"].bands == Bands(ok=0.95, watch=0.85)


def test_what_others_compute_is_left_to_them() -> None:
    theirs = catalogue()["ed.census"].model_copy(update={"id": "forecast.ed.arrivals", "maker": "forecast"})
    entries = {**catalogue(), theirs.id: theirs}
    assert theirs.id not in {figure.id for figure in figures("KAMC", [kamc()], entries, MOMENT)}
