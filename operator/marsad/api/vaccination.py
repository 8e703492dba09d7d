"""Groups of vaccinations: which vaccines count alike, and for how many persons they are meant."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from marsad.api.locales import DisplayNames
from marsad.api.model import CONTROL, Model, rule, rules, short_name

_CODE_TEXT = rule(
    f"self.matches('^[^{CONTROL}]+$')", "a vaccine's system and code are not empty and have no control characters"
)
MOST = 2_000_000_000
"""Persons of a population: more than any country has, and far below what JSON holds exactly."""


class Vaccine(Model):
    """A vaccine as messages name it."""

    system: Annotated[str, Field(max_length=120, json_schema_extra=rules(_CODE_TEXT))]
    """Code system as it stands in messages, or in the code map: such as CVX in HL7 v2, http://hl7.org/fhir/sid/cvx in
    FHIR."""
    code: Annotated[str, Field(max_length=120, json_schema_extra=rules(_CODE_TEXT))]
    """Code in that system, such as 03."""


class VaccinationGroup(Model):
    """Vaccines of which one is enough to count as vaccinated, and the population that is to be."""

    name: Annotated[
        str,
        Field(
            max_length=63,
            json_schema_extra=rules(
                short_name(
                    "a group of vaccinations has a name of 1 to 40 lower-case letters, digits or dashes, "
                    "such as measles",
                )
            ),
        ),
    ]
    """What the group is called in figures, unique within the facility; facilities that use the same name are counted
    together in the cluster, each person once."""
    display_names: DisplayNames | None = None
    """Names shown to people, by locale: ar, en, fr or zh; its name where absent."""
    codes: Annotated[
        tuple[Vaccine, ...],
        Field(
            max_length=64,
            json_schema_extra=rules(
                rule("self.size() > 0", "a group of vaccinations needs the code of one vaccine at least"),
                x_kubernetes_list_type="map",
                x_kubernetes_list_map_keys=["system", "code"],
            ),
        ),
    ]
    """Vaccines of the group: whoever was given one of them counts. A code that the code map says to mean one of these
    is one of them."""
    population: Annotated[
        int,
        Field(
            json_schema_extra=rules(
                rule("self >= 1", "the population of a group of vaccinations is 1 at least"),
                rule(f"self <= {MOST}", f"the population of a group of vaccinations is {MOST} at most"),
            )
        ),
    ]
    """How many persons of the facility's catchment are to be vaccinated."""


VaccinationGroups = Annotated[
    tuple[VaccinationGroup, ...],
    Field(
        max_length=32,
        json_schema_extra=rules(x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["name"]),
    ),
]
"""Groups of vaccinations, each of them once."""
