"""Vaccination coverage: persons with a vaccination of a declared group, by the population that is declared for it.

Persons are counted as facts change, not when the figure is made (indicators/persons.py): what is read here is a row a
facility and group. A facility that is being counted anew has no figure, and neither has the cluster until it is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from marsad_center.db import Connection
from marsad_center.indicators.catalogue import Indicator
from marsad_center.indicators.facts import NOBODY_COUNTED, Facility, Facts, Vaccinated
from marsad_center.indicators.measure import Measure, Moment, Part, ratio

_CLUSTER = ""


async def read(connection: Connection, facilities: Iterable[Facility]) -> Vaccinated:
    """The counts as they are kept; nothing is asked where no group is declared."""
    if not any(each.groups for each in facilities):
        return NOBODY_COUNTED
    counted = await connection.fetch('SELECT facility, "group", persons FROM vaccinated_count')
    unfinished = await connection.fetch("SELECT facility FROM vaccination_recount")
    return Vaccinated(
        {(row["facility"], row["group"]): row["persons"] for row in counted}, frozenset(row[0] for row in unfinished)
    )


def coverage(facts: Sequence[Facts], _indicator: Indicator, moment: Moment) -> Measure:
    """By group, persons by population; as a whole, both summed over the groups: of all (person, group) that are to be,
    those that are."""
    population: Counter[str] = Counter()
    for each in facts:
        population.update(dict(each.facility.groups))
    if not population:
        return Measure()
    where = facts[0].facility.code if len(facts) == 1 else _CLUSTER
    counts = moment.vaccinated
    persons = {group: counts.persons.get((where, group)) for group in population}
    # In the cluster's counts there is also who a facility that has just left vaccinated, until it is counted anew.
    whole = not (counts.unfinished if where == _CLUSTER else counts.unfinished & {_CLUSTER, where})
    parts = {
        group: ratio(known, population[group]).part
        if whole and (known := persons[group]) is not None
        else Part(None, None, population[group])
        for group in sorted(population)
    }
    if any(part.value is None for part in parts.values()):
        return Measure(denominator=population.total(), dimensions={"group": parts})
    total = ratio(sum(part.numerator or 0 for part in parts.values()), population.total())
    return Measure(total.value, total.numerator, total.denominator, dimensions={"group": parts})
