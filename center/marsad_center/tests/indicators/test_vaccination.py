"""Vaccination coverage as a figure: what it says, and when it says nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from marsad_center.facts.registry_sync import sync
from marsad_center.indicators import store
from marsad_center.indicators.catalogue import catalogue
from marsad_center.indicators.engine import Engine
from marsad_center.indicators.facts import Facility, Facts, Vaccinated
from marsad_center.indicators.figures import CLUSTER, Figure, figures
from marsad_center.indicators.measure import Moment, Part
from marsad_center.registry import Center
from marsad_center.tests.conftest import CENTER, Database
from marsad_center.tests.indicators.everybody import settle
from marsad_center.tests.indicators.test_persons import declare, group, vaccinate

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ID = "vaccination.coverage"
KAMC = Facts(Facility("KAMC", 0, 0, groups=(("measles", 100), ("influenza", 300))))
ALNOOR = Facts(Facility("ALNOOR", 0, 0, groups=(("measles", 60),)))
SFAC = Facts(Facility("SFAC", 0, 0))
COUNTED: Mapping[tuple[str, str], int] = {
    ("KAMC", "measles"): 90,
    ("KAMC", "influenza"): 0,
    ("ALNOOR", "measles"): 50,
    ("", "measles"): 120,
    ("", "influenza"): 0,
}


def figure(facility: str, *facts: Facts, vaccinated: Vaccinated | None = None) -> Figure:
    counts = Vaccinated(COUNTED) if vaccinated is None else vaccinated
    (found,) = figures(facility, facts, {ID: catalogue()[ID]}, Moment(NOW, 120, {}, counts))
    return found


def test_a_facilitys_persons_by_its_own_population() -> None:
    found = figure("ALNOOR", ALNOOR)
    assert (found.value, found.numerator, found.denominator, found.status) == (50 / 60, 50, 60, "watch")
    assert found.dimensions == {"group": {"measles": Part(50 / 60, 50, 60)}}


def test_the_clusters_persons_once_each_by_the_sum_of_the_populations_that_are_declared() -> None:
    found = figure(CLUSTER, KAMC, ALNOOR, SFAC)
    assert found.dimensions == {"group": {"measles": Part(0.75, 120, 160), "influenza": Part(0, 0, 300)}}
    assert (found.value, found.numerator, found.denominator) == (120 / 460, 120, 460)


def test_where_no_group_is_declared_there_is_no_data_and_where_nobody_is_vaccinated_there_is_nought() -> None:
    nothing = figure("SFAC", SFAC)
    assert (nothing.value, nothing.status, nothing.dimensions) == (None, "no-data", None)
    found = figure("KAMC", KAMC, vaccinated=Vaccinated({("KAMC", "measles"): 0, ("KAMC", "influenza"): 0}))
    assert (found.value, found.status) == (0, "breach")


def test_what_is_being_counted_is_no_figure() -> None:
    for unfinished, still in ((("KAMC",), {"ALNOOR"}), (("GONE",), {"ALNOOR", "KAMC"}), (("",), set[str]())):
        counts = Vaccinated(COUNTED, frozenset(unfinished))
        known = {
            each.facility.code
            for each in (KAMC, ALNOOR)
            if figure(each.facility.code, each, vaccinated=counts).value is not None
        }
        assert known == still
        assert figure(CLUSTER, KAMC, ALNOOR, vaccinated=counts).status == "no-data"
    unknown = figure("KAMC", KAMC, vaccinated=Vaccinated({("KAMC", "measles"): 1}))
    assert unknown.status == "no-data", "not counted yet"
    assert unknown.dimensions == {"group": {"measles": Part(0.01, 1, 100), "influenza": Part(None, None, 300)}}


async def test_the_figure_follows_what_is_declared_given_and_counted(database: Database) -> None:
    async with database.connect("gateway") as gateway, database.connect("analytics") as analytics:
        told = {"code": "03", "system": "CVX"}
        declared = {"name": "measles", "displayNames": {"en": "Measles"}, "codes": [told], "population": 4}
        local = {"localSystem": "L", "localCode": "MMR", "system": "CVX", "code": "03"}
        facility = CENTER["facilities"][0] | {"vaccination": [declared], "codes": [local]}
        await sync(gateway, Center.model_validate(CENTER | {"facilities": [facility, *CENTER["facilities"][1:]]}))
        engine = Engine()

        async def coverage() -> tuple[float | None, float | None]:
            await engine.tick(analytics, NOW)
            written = await store.written(analytics)
            assert written[ID, "SFAC"].status == "no-data"
            return written[ID, "KAMC"].value, written[ID, ""].value

        assert await coverage() == (None, None)
        await settle(analytics)
        assert await coverage() == (0, 0)
        await vaccinate(gateway, "KAMC", "P1")
        await gateway.execute(
            "INSERT INTO vaccination (facility, key, patient_key, vaccine_system, vaccine_code, status, source_at)"
            " VALUES ('KAMC', 'V', 'P2', 'L', 'MMR', 'given', $1)",
            NOW,
        )
        await settle(analytics)
        assert await coverage() == (0.5, 0.5)
        await gateway.execute("DELETE FROM code_map")
        assert await coverage() == (None, None), "another map is another count"
        await settle(analytics)
        assert await coverage() == (0.25, 0.25)
        await gateway.execute("UPDATE facility SET active = false WHERE code = 'KAMC'")
        await declare(gateway, "ALNOOR", group(population=8))
        await vaccinate(gateway, "ALNOOR", "P9")
        await engine.tick(analytics, NOW)
        assert (await store.written(analytics))[ID, ""].value is None
        await settle(analytics)
        await engine.tick(analytics, NOW)
        written = await store.written(analytics)
        assert (written[ID, ""].value, written[ID, "ALNOOR"].value) == (0.125, 0.125)
        stored = await gateway.fetchval("SELECT vaccination FROM facility WHERE code = 'KAMC'")
        assert json.loads(stored)[0]["display_names"] == {"en": "Measles"}
