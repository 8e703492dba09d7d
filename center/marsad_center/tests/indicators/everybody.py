"""Who is one person and who is vaccinated, a second way: from all the rows at once, by plain loops."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

import asyncpg

from marsad_center.indicators.persons import Kept, keep

Number = tuple[str, str]
MOST_CARRIERS = 64
TABLES = (
    "person_link",
    "person_changed",
    "person_member",
    "common_identifier",
    "patient_merge",
    "vaccination",
    "vaccinated",
    "vaccinated_count",
    "vaccine_of_group",
    "vaccination_recount",
    "code_map",
)


async def settle(connection: asyncpg.Connection, most: int = 500) -> Kept:
    """Batches until nothing is left to do; what they did together."""
    done = await keep(connection, most)
    while done.more:
        last = await keep(connection, most)
        done = Kept(done.numbers + last.numbers, done.facilities | last.facilities, last.more)
    return done


async def rows(connection: asyncpg.Connection, sql: str) -> list[Any]:
    return [tuple(row) for row in await connection.fetch(sql)]


def components(edges: list[tuple[Number, Number]]) -> dict[Number, Number]:
    """Each number that hangs together with another, and the smallest of all of them."""
    near: dict[Number, set[Number]] = defaultdict(set)
    for one, other in edges:
        near[one].add(other)
        near[other].add(one)
    found: dict[Number, Number] = {}
    for start in sorted(near):
        if start in found:
            continue
        waiting = [start]
        while waiting:
            each = waiting.pop()
            if each not in found:
                found[each] = start
                waiting += near[each]
    return {number: person for number, person in found.items() if near[number] - {number}}


async def persons(owner: asyncpg.Connection) -> dict[Number, Number]:
    """As links and merges say."""
    carriers: dict[str, list[Number]] = defaultdict(list)
    for facility, key, identifier in await rows(owner, "SELECT facility, patient_key, identifier FROM person_link"):
        carriers[identifier].append((facility, key))
    edges = [
        (each, together[0]) for together in carriers.values() if len(together) <= MOST_CARRIERS for each in together
    ]
    merges = await rows(owner, "SELECT facility, merged, survivor FROM patient_merge")
    return components([edge for edge in edges if edge[0] != edge[1]] + [((f, m), (f, s)) for f, m, s in merges])


async def vaccinated(owner: asyncpg.Connection, member: dict[Number, Number]) -> set[tuple[str, str, str, str]]:
    """(person's facility and number, facility or '', group) as vaccinations, groups and maps say."""
    maps = {(f, s, c): (system, code) for f, s, c, system, code in await rows(owner, _MAPS)}
    groups: dict[str, dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for facility, declared in await rows(owner, "SELECT code, vaccination FROM facility WHERE active"):
        for group in json.loads(declared):
            for code in group["codes"]:
                groups[facility][code["system"], code["code"]].append(group["name"])
    found = set()
    for facility, key, system, code in await rows(owner, _GIVEN):
        said = maps.get((facility, system, code)) or maps.get(("", system, code)) or (system, code)
        person = member.get((facility, key), (facility, key))
        for group in groups[facility][said]:
            found |= {(*person, facility, group), (*person, "", group)}
    return found


_MAPS = "SELECT facility, local_system, local_code, system, code FROM code_map"
_GIVEN = """
SELECT facility, patient_key, vaccine_system, vaccine_code FROM vaccination
 WHERE status = 'given' AND patient_key <> ''"""


async def differences(owner: asyncpg.Connection) -> dict[str, Any]:
    """What is kept and is not what everything at once gives; empty where all is right."""
    member = await persons(owner)
    kept = {(f, k): (pf, pk) for f, k, pf, pk in await rows(owner, "SELECT * FROM person_member")}
    wanted = await vaccinated(owner, member)
    stored = set(await rows(owner, 'SELECT person_facility, person_key, facility, "group" FROM vaccinated'))
    counts = Counter((facility, group) for _f, _k, facility, group in wanted)
    counted = {(f, g): n for f, g, n in await rows(owner, "SELECT * FROM vaccinated_count") if n}
    return {
        name: (one, other)
        for name, one, other in (("persons", kept, member), ("vaccinated", stored, wanted), ("counts", counted, counts))
        if one != other
    }
