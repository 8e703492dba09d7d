"""The formula of every figure: pure. Each makes its measure from the facts of one facility, or of all for the cluster.
Its words, unit, window, target and source are in definitions/; what the names count is in windows.py."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from marsad_center.indicators import coverage, vaccination
from marsad_center.indicators.catalogue import Indicator
from marsad_center.indicators.facts import Facts
from marsad_center.indicators.measure import Dimensions, Formula, Measure, Moment, Part, ratio
from marsad_center.indicators.nedocs import Crowd, nedocs
from marsad_center.indicators.tally import (
    TRIAGE,
    TRIAGE_LEVELS,
    WHOLE,
    Cell,
    Counts,
    Spread,
    add_counts,
    add_spreads,
    percentile,
    shown,
)

Able = Callable[[Facts], bool]
_MONTH = 30 * 24 * 3600
_OBSERVED_AT_LEAST = 24 * 3600


def _tells(name: str) -> Able:
    return lambda facts: bool(facts.counts(name))


# A laboratory alone reports, too: only who ever told of visits can say that nobody is there.
_tells_visits = _tells("tells_visits")


def _anyone(_facts: Facts) -> bool:
    return True


def _has_spaces(facts: Facts) -> bool:
    return _tells_visits(facts) and facts.facility.ed_spaces > 0


def _has_beds(facts: Facts) -> bool:
    return _tells_visits(facts) and facts.facility.beds > 0


def _summed(facts: Iterable[Facts], name: str) -> Counts:
    return add_counts(each.counts(name) for each in facts)


def _dimensions(indicator: Indicator, sizes: Counts, part: Callable[[Sequence[Cell]], Part]) -> Dimensions | None:
    """`part` of each member of each dimension the indicator has; `sizes` says which members there are."""
    result: dict[str, dict[str, Part]] = {}
    for dimension in indicator.dimensions:
        named: dict[str, list[Cell]] = defaultdict(list)
        members = {cell.member: size for cell, size in sizes.items() if cell.dimension == dimension and size}
        for member, name in shown(dimension, members).items():
            named[name].append(Cell(dimension, member))
        if named:
            result[dimension] = {name: part(cells) for name, cells in named.items()}
    return result or None


def total(name: str, able: Able = _tells_visits) -> Formula:
    """How many, of the facilities that can say so."""

    def measure(facts: Sequence[Facts], indicator: Indicator, _moment: Moment) -> Measure:
        telling = [each for each in facts if able(each)]
        if not telling:
            return Measure()
        counts = _summed(telling, name)

        def part(cells: Sequence[Cell]) -> Part:
            return Part(sum(counts[cell] for cell in cells), None, None)

        return Measure(value=counts.get(WHOLE, 0), dimensions=_dimensions(indicator, counts, part))

    return measure


def share(numerator: str | Callable[[Facts], Counts], denominator: str, able: Able = _anyone) -> Formula:
    """One count by another; not enough data below the indicator's minimum."""

    def upper(facts: Facts) -> Counts:
        return facts.counts(numerator) if isinstance(numerator, str) else numerator(facts)

    def measure(facts: Sequence[Facts], indicator: Indicator, _moment: Moment) -> Measure:
        telling = [each for each in facts if able(each)]
        above, below = add_counts(map(upper, telling)), _summed(telling, denominator)

        def part(cells: Sequence[Cell]) -> Part:
            some, every = (sum(counts.get(cell, 0) for cell in cells) for counts in (above, below))
            return ratio(some, every, indicator.minimum).part

        whole = ratio(above.get(WHOLE, 0), below.get(WHOLE, 0), indicator.minimum)
        return Measure(whole.value, whole.numerator, whole.denominator, dimensions=_dimensions(indicator, below, part))

    return measure


def quantile(name: str, rank: float, only: Sequence[Cell] = (WHOLE,)) -> Formula:
    """A percentile of durations, of the parts `only`; not enough data below the indicator's minimum."""

    def measure(facts: Sequence[Facts], indicator: Indicator, _moment: Moment) -> Measure:
        known = [each.spreads(name) for each in facts]

        def part(cells: Sequence[Cell]) -> Part:
            return _quantile(
                add_spreads(spreads[cell] for spreads in known for cell in cells if cell in spreads), rank, indicator
            )

        sizes: Counter[Cell] = Counter()
        if indicator.dimensions:
            for spreads in known:
                for cell, spread in spreads.items():
                    sizes[cell] += len(spread)
        whole = part(only)
        return Measure(whole.value, None, whole.denominator, dimensions=_dimensions(indicator, sizes, part))

    return measure


def _quantile(spread: Spread, rank: float, indicator: Indicator) -> Part:
    amount = len(spread)
    enough = amount and amount >= indicator.minimum
    return Part(percentile(spread, rank) if enough else None, None, amount)


def per_space(name: str, spaces: Callable[[Facts], int], able: Able) -> Formula:
    """Patients by declared capacity, of the facilities that have both."""

    def measure(facts: Sequence[Facts], _indicator: Indicator, _moment: Moment) -> Measure:
        able_ = [each for each in facts if able(each)]
        return ratio(_summed(able_, name).get(WHOLE, 0), sum(spaces(each) for each in able_))

    return measure


def _arrivals(facts: Sequence[Facts], indicator: Indicator, moment: Moment) -> Measure:
    whole = total("arrivals")(facts, indicator, moment)
    hours: Counter[str] = Counter()
    for each in facts:
        if _tells_visits(each):
            hours.update(each.recent.arrivals_by_hour)
    breakdown = dict(sorted(hours.items())) if whole.value is not None else None
    return Measure(value=whole.value, breakdown=breakdown, dimensions=whole.dimensions)


def _waiting(facts: Sequence[Facts], indicator: Indicator, moment: Moment) -> Measure:
    whole = total("waiting")(facts, indicator, moment)
    if whole.value is None:
        return whole
    counts = _summed(filter(_tells_visits, facts), "waiting")
    breakdown = {level: counts.get(Cell(TRIAGE, level), 0) for level in TRIAGE_LEVELS}
    return Measure(value=whole.value, breakdown=breakdown, dimensions=whole.dimensions)


def _nedocs(facts: Sequence[Facts], _indicator: Indicator, moment: Moment) -> Measure:
    """Of one facility with what it is made of; of the cluster the highest, with the score of each."""
    crowds = {each.facility.code: crowd for each in facts if (crowd := _crowd(each, moment)) is not None}
    if not crowds:
        return Measure()
    scores = {code: round(nedocs(crowd), 2) for code, crowd in crowds.items()}
    if len(facts) > 1:
        return Measure(value=max(scores.values()), breakdown=scores)
    (crowd,) = crowds.values()
    terms = {name: float(getattr(crowd, name)) for name in Crowd.__slots__}
    return Measure(value=scores[facts[0].facility.code], breakdown=terms)


def _crowd(facts: Facts, moment: Moment) -> Crowd | None:
    if not (_has_spaces(facts) and _has_beds(facts)) or facts.recent.last_wait is None:
        return None
    since = facts.present.boarding_since
    boarding = 0.0 if since is None else max(0.0, (moment.now - since).total_seconds())
    return Crowd(
        patients=facts.counts("census").get(WHOLE, 0),
        ed_beds=facts.facility.ed_spaces,
        boarders=facts.counts("boarders").get(WHOLE, 0),
        hospital_beds=facts.facility.beds,
        ventilated=facts.counts("ventilated").get(WHOLE, 0),
        longest_boarding=boarding / 3600,
        last_wait=facts.recent.last_wait / 3600,
    )


def _turnover(facts: Sequence[Facts], _indicator: Indicator, _moment: Moment) -> Measure:
    """Discharges a bed in thirty days, by the time that each facility was observed."""
    able = _observed(facts)
    bed_months = sum(each.facility.beds * each.counts("observed_seconds")[WHOLE] / _MONTH for each in able)
    return ratio(_summed(able, "discharges").get(WHOLE, 0), bed_months)


def _turnover_interval(facts: Sequence[Facts], _indicator: Indicator, _moment: Moment) -> Measure:
    able = _observed(facts)
    available = sum(each.facility.beds * each.counts("observed_seconds")[WHOLE] for each in able)
    occupied = _summed(able, "occupied_seconds").get(WHOLE, 0)
    return ratio(available - occupied, _summed(able, "discharges").get(WHOLE, 0))


def _observed(facts: Iterable[Facts]) -> list[Facts]:
    return [
        each
        for each in facts
        if _has_beds(each) and each.counts("observed_seconds").get(WHOLE, 0) >= _OBSERVED_AT_LEAST
    ]


def _virtual(facts: Sequence[Facts], indicator: Indicator, _moment: Moment) -> Measure:
    """Each kind is counted from a facility's visits where it reports any, else from its appointments that were kept."""
    virtual = add_counts(_consultations(each, "virtual") for each in facts)
    every = add_counts([virtual, *(_consultations(each, "in_person") for each in facts)])

    def part(cells: Sequence[Cell]) -> Part:
        return ratio(sum(virtual[cell] for cell in cells), sum(every[cell] for cell in cells)).part

    return Measure(*part([WHOLE]), dimensions=_dimensions(indicator, every, part))


def _tells_unseen(facts: Facts) -> bool:
    return bool(facts.counts("left_seen") or facts.counts("tells_lwbs"))


def _left_unseen(facts: Facts) -> Counts:
    """By the disposition; where first contacts with a physician are reported, by their absence, too."""
    return facts.counts("left_unseen" if facts.counts("left_seen") else "left_lwbs")


def _consultations(facts: Facts, kind: str) -> Counts:
    return facts.counts(f"visits_{kind}") or facts.counts(f"kept_{kind}")


_EMERGENT = (Cell(TRIAGE, "1"), Cell(TRIAGE, "2"))

MEASURES: Mapping[str, Formula] = {
    "ed.arrivals": _arrivals,
    "ed.census": total("census"),
    "ed.waiting": _waiting,
    "ed.occupancy": per_space("census", lambda facts: facts.facility.ed_spaces, _has_spaces),
    "ed.nedocs": _nedocs,
    "ed.boarders": total("boarders"),
    "ed.boarders_per_space": per_space("boarders", lambda facts: facts.facility.ed_spaces, _has_spaces),
    "ed.four_hour": share("left_in_four_hours", "left_ed"),
    "ed.lwbs": share(_left_unseen, "left_ed", _tells_unseen),
    "ed.arrival_to_triage.p90": quantile("triage", 0.9),
    "ed.door_to_doctor.p50": quantile("doctor", 0.5),
    "ed.door_to_doctor.p90": quantile("doctor", 0.9),
    "ed.emergent_to_doctor.p90": quantile("doctor", 0.9, _EMERGENT),
    "ed.physician_in_time": share("within_limits", "limits"),
    "ed.length_of_stay.p90": quantile("stay", 0.9),
    "ed.ambulance_offload.p90": quantile("offload", 0.9),
    "ed.departed_after_decision": share("departed_in_two_hours", "decided"),
    "bed.occupancy": per_space("in_beds", lambda facts: facts.facility.beds, _has_beds),
    "bed.alos": share("inpatient_seconds", "discharges"),
    "bed.turnover": _turnover,
    "bed.turnover_interval": _turnover_interval,
    "bed.cleaning_response.p90": quantile("cleaning_response", 0.9),
    "bed.cleaning.p90": quantile("cleaning", 0.9),
    "bed.cleaning_turn.p90": quantile("cleaning_turn", 0.9),
    "referral.acceptance": share("referrals_accepted", "referred"),
    "referral.closed_loop": share("referrals_reported", "referred"),
    "referral.in_region": share("referrals_in_region", "referrals_placed"),
    "appointment.no_show": share("missed", "appointed"),
    "virtual.share": _virtual,
    "lab.turnaround.p50": quantile("lab", 0.5),
    "lab.turnaround.p90": quantile("lab", 0.9),
    "radiology.turnaround.p90": quantile("radiology", 0.9),
    "prescription.issued": total("issued", _tells("tells_prescriptions")),
    "prescription.dispensed": share("dispensed", "issued"),
    "vaccination.given": total("vaccinated", _tells("tells_vaccinations")),
    "vaccination.coverage": vaccination.coverage,
    "coverage.facilities": coverage.facilities,
    "coverage.platforms": coverage.platforms,
    "feed.freshness.p95": coverage.freshness,
}
