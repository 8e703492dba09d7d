"""Every figure a second way: plain loops over the rows of the facts, slow and without SQL, windows.py or formulas.py.

An answer is (value, numerator, denominator). Definitions: the catalogue's words (indicators/definitions), whose sources
stand beside each target there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

Row = Mapping[str, Any]
Answer = tuple[float | None, float | None, float | None]

NOTHING: Answer = (None, None, None)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SKEW = timedelta(seconds=60)
MINIMUM = 2  # durations for a percentile; the catalogue wants 5, but streams in tests are short
LIMITS = {1: 1, 2: 15, 3: 30, 4: 60, 5: 120}  # minutes, CTAS


@dataclass(frozen=True)
class World:
    """The facts of some facilities at a moment. `visited`: facilities where somebody is or was, in any part of it."""

    now: datetime
    facilities: Sequence[Row]
    visited: frozenset[str]
    encounter: Sequence[Row]
    clinical_order: Sequence[Row]
    appointment: Sequence[Row]
    referral: Sequence[Row]
    prescription: Sequence[Row]
    vaccination: Sequence[Row]
    statement: Sequence[Row]
    levels: Mapping[str, str] = field(default_factory=dict)  # of the declared facilities
    senders: frozenset[str] = field(default_factory=frozenset)  # names by which facilities of the cluster are known
    code_map: Sequence[Row] = ()
    vaccinated: frozenset[tuple[str, str, str, str]] = frozenset()  # of everybody.py

    def at(self, *codes: str) -> World:
        """Only these facilities."""
        tables = ("encounter", "clinical_order", "appointment", "referral", "prescription", "vaccination", "statement")
        only: dict[str, Any] = {
            name: [row for row in getattr(self, name) if row["facility"] in codes] for name in tables
        }
        return replace(self, facilities=[row for row in self.facilities if row["code"] in codes], **only)

    def by(self, dimension: str, member: str) -> World:
        """Only this triage level, specialty or group of vaccinations."""
        if dimension == "group":
            only = [
                {**row, "groups": {k: v for k, v in row["groups"].items() if k == member}} for row in self.facilities
            ]
            return replace(self, facilities=only)
        orders = [row for row in self.clinical_order if self.of_order(row).get(dimension) == member]
        if dimension == "triage":
            visits = [row for row in self.encounter if level(row) == member]
            return replace(self, encounter=visits, clinical_order=orders)
        if dimension == "tier":
            return replace(self, referral=[row for row in self.referral if self.tier(row) == member])
        return replace(
            self,
            clinical_order=orders,
            encounter=[row for row in self.encounter if self.of_visit(row) == member],
            appointment=[row for row in self.appointment if self.called(row) == member],
            referral=[row for row in self.referral if self.called(row) == member],
        )

    def of_order(self, order: Row) -> dict[str, str]:
        """What asked for it."""
        visits = [row for row in self.encounter if order["visit_key"] and row["visit_key"] == order["visit_key"]]
        visits = [row for row in visits if row["facility"] == order["facility"]]
        specialty = order["specialty"] or next((row["specialty"] for row in visits), None)
        return {
            "specialty": self.meaning(order, "", specialty or "", ""),
            "triage": level(visits[0]) if visits else "unknown",
        }

    def of_visit(self, row: Row) -> str:
        return self.meaning(row, "", row["specialty"] or "", "")

    def called(self, row: Row) -> str:
        return self.meaning(row, row["specialty_system"], row["specialty_code"], row["specialty_display"])

    def meaning(self, row: Row, system: str, code: str, display: str) -> str:
        """What the maps make of it: the facility's, then the center's; one name for all that mean one thing."""
        for facility in (row["facility"], ""):
            for each in self.code_map:
                if (each["facility"], each["local_system"], each["local_code"]) == (facility, system, code):
                    return self.name(each["system"], each["code"]) or str(each["code"])
        return self.name(system, code) or display or code or "unknown"

    def name(self, system: str, code: str) -> str:
        same = [each for each in self.code_map if (each["system"], each["code"]) == (system, code) and each["display"]]
        same.sort(key=lambda each: (each["facility"], each["local_system"], each["local_code"]))
        return same[0]["display"] if same else ""

    def tier(self, row: Row) -> str:
        """From and to which level it refers."""
        sides = [row["origin"] or row["from_facility"] or row["facility"], row["to_facility"]]
        levels = [self.levels.get(side) for side in sides]
        return f"{levels[0]} > {levels[1]}" if all(levels) else "unknown"

    def within(self, moment: datetime | None, days: int = 1) -> bool:
        return moment is not None and self.now - days * DAY < moment <= self.now + SKEW

    @property
    def codes(self) -> list[str]:
        """Of the facilities those that ever told of visits: somebody is or was there."""
        return [row["code"] for row in self.facilities if row["code"] in self.visited]


def level(row: Row) -> str:
    return str(row["triage_level"] or "unknown")


def members(world: World, dimension: str) -> set[str]:
    if dimension == "tier":
        return {world.tier(row) for row in world.referral}
    if dimension == "group":
        return {name for row in world.facilities for name in row["groups"]}
    orders = {world.of_order(row)[dimension] for row in world.clinical_order}
    if dimension == "triage":
        return {level(row) for row in world.encounter} | orders
    visits = {world.of_visit(row) for row in world.encounter}
    return visits | orders | {world.called(row) for row in [*world.appointment, *world.referral]}


def share(numerator: float, denominator: float) -> Answer:
    return (numerator / denominator, numerator, denominator) if denominator else NOTHING


def percentile(values: Sequence[float], rank: float) -> Answer:
    if len(values) < MINIMUM:
        return None, None, len(values)
    ordered = sorted(values)
    place = rank * (len(ordered) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place)), None, len(ordered)


def seconds(start: datetime, end: datetime) -> int:
    return math.floor((end - start).total_seconds())


# ---------------------------------------------------------------- who is there
def present(world: World) -> list[Row]:
    return [row for row in world.encounter if row["state"] == "present"]


def in_ed(world: World) -> list[Row]:
    return [row for row in present(world) if row["in_ed"]]


def boarders(world: World) -> list[Row]:
    return [row for row in in_ed(world) if row["class"] == "I" or row["decided_at"]]


def many(rows: Callable[[World], Sequence[Row]]) -> Callable[[World], Answer]:
    return lambda world: (len(rows(world)), None, None) if world.codes else NOTHING


def per(rows: Callable[[World], Sequence[Row]], capacity: str) -> Callable[[World], Answer]:
    def answer(world: World) -> Answer:
        able = [row for row in world.facilities if row["code"] in world.visited and row[capacity]]
        return share(len(rows(world.at(*(row["code"] for row in able)))), sum(row[capacity] for row in able))

    return answer


def in_beds(world: World) -> list[Row]:
    return [row for row in present(world) if row["class"] == "I" and row["bed"] and not row["in_ed"]]


def nedocs(world: World) -> Answer:
    scores = []
    for facility in world.facilities:
        here = world.at(facility["code"])
        bedded = [row for row in here.encounter if here.within(row["bedded_at"]) and row["state"] != "cancelled"]
        bedded = [row for row in bedded if row["ed_arrived_at"] and row["ed_arrived_at"] > here.now - 2 * DAY]
        if not (here.codes and facility["ed_spaces"] and facility["beds"] and bedded):
            continue
        newest = max(row["bedded_at"] for row in bedded)
        first = min(row["ed_arrived_at"] for row in bedded if row["bedded_at"] == newest)
        waited = max(0.0, (newest - first).total_seconds())
        since = [
            min(time for time in (row["decided_at"], row["admitted_at"]) if time)
            if row["decided_at"] or row["admitted_at"]
            else row["ed_arrived_at"]
            for row in boarders(here)
        ]
        longest = max([0.0, *((world.now - time).total_seconds() for time in since)])
        score = -20 + 85.8 * len(in_ed(here)) / facility["ed_spaces"] + 600 * len(since) / facility["beds"]
        score += 13.4 * sum(row["ventilated"] for row in in_ed(here)) + 0.93 * longest / 3600 + 5.64 * waited / 3600
        scores.append(round(score, 2))
    return (max(scores), None, None) if scores else NOTHING


# ---------------------------------------------------------------- visits to the ED
def arrived(world: World) -> list[Row]:
    return [row for row in world.encounter if row["state"] != "cancelled" and world.within(row["ed_arrived_at"])]


def last_hour(world: World) -> list[Row]:
    return [row for row in arrived(world) if row["ed_arrived_at"] > world.now - HOUR]


def departed(world: World) -> list[Row]:
    return [
        row
        for row in world.encounter
        if row["state"] != "cancelled" and row["ed_arrived_at"] and world.within(row["ed_departed_at"])
    ]


def waits(name: str, rank: float, only: Callable[[Row], bool] = lambda _row: True) -> Callable[[World], Answer]:
    def answer(world: World) -> Answer:
        found = [row for row in arrived(world) if only(row) and row[name] and row[name] >= row["ed_arrived_at"]]
        found = [row for row in found if row[name] <= world.now + SKEW]
        return percentile([seconds(row["ed_arrived_at"], row[name]) for row in found], rank)

    return answer


def stay(world: World) -> Answer:
    found = [row for row in departed(world) if row["ed_departed_at"] >= row["ed_arrived_at"]]
    return percentile([seconds(row["ed_arrived_at"], row["ed_departed_at"]) for row in found], 0.9)


def four_hour(world: World) -> Answer:
    rows = departed(world)
    return share(sum(row["ed_departed_at"] - row["ed_arrived_at"] <= 4 * HOUR for row in rows), len(rows))


def lwbs(world: World, everyone: World | None = None) -> Answer:
    """By what a facility says of him who left; by who was not seen where it says who was."""
    whole = everyone or world
    marks = {row["facility"] for row in departed(whole) if row["seen_at"]}
    says = {row["facility"] for row in whole.encounter if row["disposition"] == "LWBS"}
    rows = [row for row in departed(world) if row["facility"] in marks | says]
    unseen = [row for row in rows if row["facility"] in marks and not row["seen_at"] and not row["admitted_at"]]
    said = [row for row in rows if row["disposition"] == "LWBS" and row not in unseen]
    return share(len(unseen) + len(said), len(rows))


def in_time(world: World) -> Answer:
    good = due = 0
    for row in arrived(world):
        if row["triage_level"] is None:
            continue
        limit = timedelta(minutes=LIMITS[row["triage_level"]])
        if row["seen_at"]:
            due += 1
            good += row["seen_at"] - row["ed_arrived_at"] <= limit
        elif world.now - row["ed_arrived_at"] > limit:
            due += 1
    return share(good, due)


def after_decision(world: World) -> Answer:
    good = due = 0
    for row in world.encounter:
        if row["state"] == "cancelled" or not row["ed_arrived_at"] or not world.within(row["decided_at"]):
            continue
        if row["ed_departed_at"]:
            due += 1
            good += row["ed_departed_at"] - row["decided_at"] <= 2 * HOUR
        elif world.now - row["decided_at"] > 2 * HOUR:
            due += 1
    return share(good, due)


# ---------------------------------------------------------------- beds
def discharges(world: World) -> list[Row]:
    return [
        row
        for row in world.encounter
        if row["state"] == "departed"
        and world.within(row["discharged_at"], 30)
        and row["admitted_at"]
        and row["admitted_at"] <= row["discharged_at"]
    ]


def alos(world: World) -> Answer:
    rows = discharges(world)
    return share(sum(seconds(row["admitted_at"], row["discharged_at"]) for row in rows), len(rows))


def bed_use(world: World) -> tuple[int, int, int, float]:
    """Discharges, available and occupied seconds, and beds by months observed."""
    out = available = occupied = 0
    months = 0.0
    for facility in world.facilities:
        here = world.at(facility["code"])
        ends = [row["discharged_at"] for row in here.encounter if row["discharged_at"]]
        if not (here.codes and facility["beds"] and ends):
            continue
        since = max(min(ends), world.now - 30 * DAY)
        if since > world.now - DAY:
            continue
        observed = seconds(since, world.now)
        out += len(discharges(here))
        available += facility["beds"] * observed
        months += facility["beds"] * observed / (30 * 24 * 3600)
        for row in here.encounter:
            end = None
            if row["state"] == "present" and row["class"] == "I":
                end = world.now
            elif row["state"] == "departed" and row["discharged_at"] and row["discharged_at"] <= world.now + SKEW:
                end = min(row["discharged_at"], world.now)
            if end and row["admitted_at"]:
                occupied += max(0, seconds(max(row["admitted_at"], since), end))
    return out, available, occupied, months


def turnover(world: World) -> Answer:
    out, _, _, months = bed_use(world)
    return share(out, months)


def turnover_interval(world: World) -> Answer:
    out, available, occupied, _ = bed_use(world)
    return share(available - occupied, out)


def cleaning(begin: str, end: str) -> Callable[[World], Answer]:
    """From a bed's first entry into `begin` to its next into `end`; what may lie between is housekeeping alone."""

    def answer(world: World) -> Answer:
        beds: dict[tuple[str, str], list[Row]] = {}
        for row in world.statement:
            if row["kind"] == "bed" and row["status"] and world.within(row["event_at"], 2):
                beds.setdefault((row["facility"], row["key"]), []).append(row)
        found = []
        for log in beds.values():
            log.sort(key=lambda row: (row["event_at"], row["received_at"], row["id"]))
            runs: list[Row] = []
            for row in log:
                if not runs or runs[-1]["status"] != row["status"]:
                    runs.append(row)
            for place, row in enumerate(runs):
                if row["status"] == end and world.within(row["event_at"]):
                    found += _since(runs[:place], begin, row)
        return percentile(found, 0.9)

    def _since(before: list[Row], begin: str, row: Row) -> list[int]:
        dirty, cleaning_ = "contaminated", "housekeeping"
        tail: list[Row] = []
        while before and before[-1]["status"] in (dirty, cleaning_):
            tail.insert(0, before.pop())
        words = [each["status"] for each in tail]
        if begin == dirty and end == cleaning_:  # the first cleaning after the bed was dirty
            if words == [dirty] or (words[-1:] == [dirty] and dirty in words):
                start = tail[words.index(dirty)]
                return [seconds(start["event_at"], row["event_at"])]
            return []
        if begin not in words:
            return []
        if begin == dirty:
            return [seconds(tail[words.index(dirty)]["event_at"], row["event_at"])]
        if words[-1] != cleaning_:
            return []  # dirty again, and nobody has begun since
        return [seconds(tail[-1]["event_at"], row["event_at"])]

    return answer


# ---------------------------------------------------------------- the rest
def results(kind: str, rank: float) -> Callable[[World], Answer]:
    def answer(world: World) -> Answer:
        rows = [row for row in world.clinical_order if row["kind"] == kind and not row["cancelled_at"]]
        rows = [row for row in rows if world.within(row["resulted_at"]) and row["ordered_at"]]
        rows = [row for row in rows if row["ordered_at"] <= row["resulted_at"]]
        return percentile([seconds(row["ordered_at"], row["resulted_at"]) for row in rows], rank)

    return answer


def referrals(what: str) -> Callable[[World], Answer]:
    def answer(world: World) -> Answer:
        rows = [row for row in world.referral if row["status"] != "cancelled" and row["counted"]]
        rows = [row for row in rows if world.within(row["submitted_at"], 30)]
        if what == "in_region":
            rows = [row for row in rows if row["to_facility"]]
            return share(sum(row["to_facility"] in world.senders for row in rows), len(rows))
        if what == "closed":
            return share(sum(row["reported_at"] is not None for row in rows), len(rows))
        return share(sum(row["status"] in ("accepted", "seen", "reported") for row in rows), len(rows))

    return answer


def due(world: World) -> list[Row]:
    return [row for row in world.appointment if world.within(row["starts_at"], 7)]


def no_show(world: World) -> Answer:
    missed = sum(row["status"] == "no_show" for row in due(world))
    return share(missed, missed + sum(row["status"] in ("arrived", "completed") for row in due(world)))


def consultations(world: World, virtual: bool, everyone: World) -> int:
    def visits(here: World) -> list[Row]:
        wanted = [row for row in here.encounter if row["class"] == ("V" if virtual else "O")]
        there = [row for row in wanted if row["state"] in ("present", "departed") and not row["ed_arrived_at"]]
        return [row for row in there if here.within(row["arrived_at"], 7)]

    count = 0
    for code in (row["code"] for row in world.facilities):
        if visits(everyone.at(code)):
            count += len(visits(world.at(code)))
        else:
            kept = [row for row in due(world.at(code)) if row["status"] in ("arrived", "completed")]
            count += sum(row["virtual"] == virtual for row in kept)
    return count


def virtual(world: World, everyone: World | None = None) -> Answer:
    remote, in_person = (consultations(world, kind, everyone or world) for kind in (True, False))
    return share(remote, remote + in_person)


def told(table: str, time: str, status: str) -> Callable[[World], Answer]:
    def answer(world: World) -> Answer:
        rows: Sequence[Row] = getattr(world, table)
        if not rows:
            return NOTHING
        good = [row for row in rows if (row["status"] != "cancelled" if status == "" else row["status"] == status)]
        return sum(world.within(row[time]) for row in good), None, None

    return answer


def dispensed(world: World) -> Answer:
    rows = [row for row in world.prescription if row["status"] != "cancelled" and world.within(row["issued_at"])]
    return share(sum(row["dispensed_at"] is not None for row in rows), len(rows))


def covered(world: World) -> Answer:
    population: Counter[str] = Counter()
    for row in world.facilities:
        population.update(row["groups"])
    where = world.facilities[0]["code"] if len(world.facilities) == 1 else ""
    counted = sum(facility == where and group in population for _, _, facility, group in world.vaccinated)
    return share(counted, population.total())


ANSWERS: Mapping[str, Callable[[World], Answer]] = {
    "ed.arrivals": many(last_hour),
    "ed.census": many(in_ed),
    "ed.waiting": many(lambda world: [row for row in in_ed(world) if not row["seen_at"]]),
    "ed.occupancy": per(in_ed, "ed_spaces"),
    "ed.nedocs": nedocs,
    "ed.boarders": many(boarders),
    "ed.boarders_per_space": per(boarders, "ed_spaces"),
    "ed.four_hour": four_hour,
    "ed.lwbs": lwbs,
    "ed.arrival_to_triage.p90": waits("triaged_at", 0.9),
    "ed.door_to_doctor.p50": waits("seen_at", 0.5),
    "ed.door_to_doctor.p90": waits("seen_at", 0.9),
    "ed.emergent_to_doctor.p90": waits("seen_at", 0.9, lambda row: row["triage_level"] in (1, 2)),
    "ed.physician_in_time": in_time,
    "ed.length_of_stay.p90": stay,
    "ed.ambulance_offload.p90": waits("offloaded_at", 0.9, lambda row: row["arrival_mode"] == "ambulance"),
    "ed.departed_after_decision": after_decision,
    "bed.occupancy": per(in_beds, "beds"),
    "bed.alos": alos,
    "bed.turnover": turnover,
    "bed.turnover_interval": turnover_interval,
    "bed.cleaning_response.p90": cleaning("contaminated", "housekeeping"),
    "bed.cleaning.p90": cleaning("housekeeping", "unoccupied"),
    "bed.cleaning_turn.p90": cleaning("contaminated", "unoccupied"),
    "referral.acceptance": referrals("accepted"),
    "referral.closed_loop": referrals("closed"),
    "referral.in_region": referrals("in_region"),
    "appointment.no_show": no_show,
    "virtual.share": virtual,
    "lab.turnaround.p50": results("lab", 0.5),
    "lab.turnaround.p90": results("lab", 0.9),
    "radiology.turnaround.p90": results("radiology", 0.9),
    "prescription.issued": told("prescription", "issued_at", ""),
    "prescription.dispensed": dispensed,
    "vaccination.given": told("vaccination", "given_at", "given"),
    "vaccination.coverage": covered,
}
# What a part knows of the whole: where a facility can tell at all.
WITH_WHOLE: Mapping[str, Callable[[World, World], Answer]] = {"ed.lwbs": lwbs, "virtual.share": virtual}
