"""Facility: a hospital, primary care center or polyclinic whose events the center of its namespace receives."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from marsad.api.codes import LocalCodes
from marsad.api.feeds import Feed
from marsad.api.locales import DisplayNames
from marsad.api.model import Condition, Model, Resource, or_empty, rule, rules
from marsad.api.vaccination import VaccinationGroups


class Kind(StrEnum):
    """What a facility is."""

    HOSPITAL = "Hospital"
    PRIMARY_CARE = "PrimaryCare"
    POLYCLINIC = "Polyclinic"
    SPECIALISED = "Specialised"


class Level(StrEnum):
    """The tier of referral a facility stands on, the highest first."""

    CITY = "City"
    COUNTY = "County"
    TOWNSHIP = "Township"
    VILLAGE = "Village"


class Location(Model):
    """A point on the map (WGS 84)."""

    latitude: Annotated[
        float,
        Field(json_schema_extra=rules(rule("self >= -90.0 && self <= 90.0", "location.latitude must be -90 to 90"))),
    ]
    """Degrees north of the equator."""
    longitude: Annotated[
        float,
        Field(
            json_schema_extra=rules(rule("self >= -180.0 && self <= 180.0", "location.longitude must be -180 to 180"))
        ),
    ]
    """Degrees east of Greenwich."""


MOST = 100_000
"""Beds or spaces of one kind: far above any hospital's, and far below what a database's integer holds."""


class Capacity(Model):
    """What the facility can hold; the denominators of occupancy."""

    ed_spaces: Annotated[
        int,
        Field(
            json_schema_extra=rules(
                rule("self >= 0", "capacity.edSpaces may not be negative"),
                rule(f"self <= {MOST}", f"capacity.edSpaces may be at most {MOST}"),
            )
        ),
    ] = 0
    """Treatment spaces of the emergency department; 0 where there is none, at most 100000."""
    beds: Annotated[
        dict[str, int],
        Field(
            max_length=40,
            json_schema_extra=rules(
                rule("self.all(name, self[name] >= 0)", "capacity.beds may not be negative"),
                rule(f"self.all(name, self[name] <= {MOST})", f"capacity.beds may be at most {MOST} of a type"),
                rule(
                    "self.all(name, name.matches('^[a-z][a-z0-9-]{0,30}$'))",
                    "a bed type in capacity.beds is a lower-case word such as icu or isolation",
                ),
            ),
        ),
    ] = Field(default_factory=dict)
    """Staffed beds by type, such as general, icu or isolation; at most 100000 of each."""


class FacilitySpec(Model):
    """What a facility is, what it holds and what it sends."""

    code: Annotated[
        str,
        Field(
            max_length=64,
            json_schema_extra=rules(
                rule(
                    "self.matches('^[A-Z][A-Z0-9-]{1,15}$')",
                    "code has 2 to 16 capital letters, digits or dashes, such as KAMC",
                ),
                rule("self == oldSelf", "code cannot be changed: facts and reports are filed under it"),
            ),
        ),
    ]
    """Short code of the facility in figures and reports, unique within the health cluster; it cannot be changed."""
    kind: Kind
    """Hospital, PrimaryCare, Polyclinic or Specialised."""
    display_names: DisplayNames
    """Names shown to people, by locale: ar, en, fr or zh."""
    level: Level
    """Tier of referral: City, County, Township or Village."""
    location: Location | None = None
    """Where the facility is."""
    capacity: Capacity = Capacity()
    """What the facility can hold."""
    feeds: Annotated[
        tuple[Feed, ...],
        Field(
            max_length=16,
            json_schema_extra=rules(
                rule(
                    "self.all(one, self.exists_one(other, one.sendingApplication == other.sendingApplication && "
                    "one.sendingFacility == other.sendingFacility))",
                    "two feeds have the same sendingApplication and sendingFacility: a sender is one feed",
                ),
                x_kubernetes_list_type="map",
                x_kubernetes_list_map_keys=["name"],
            ),
        ),
    ] = ()
    """Systems of the facility that send to the gateway; messages of an undeclared sender are refused."""
    platforms: Annotated[
        tuple[Annotated[str, Field(max_length=63)], ...],
        Field(
            max_length=64,
            json_schema_extra=rules(
                rule(
                    "self.all(name, name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'))",
                    "a platform is named in lower-case letters, digits and dashes, such as appointments",
                ),
                x_kubernetes_list_type="set",
            ),
        ),
    ] = ()
    """Digital platforms that are activated in this facility, such as appointments or vaccination."""
    codes: LocalCodes = ()
    """What the facility's own codes mean; one that is missing here is kept as it came, counted and listed."""
    vaccination: VaccinationGroups = ()
    """Groups of vaccinations whose coverage is told: persons that the facility vaccinated by the population that is
    declared. Where none is declared there is no coverage."""


class FacilityStatus(Model):
    """What was observed of a facility."""

    observed_generation: int = 0
    """The metadata.generation that this status was judged for."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=32,
            json_schema_extra=rules(x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["type"]),
        ),
    ] = ()
    """Accepted says whether the center knows the facility; Connected says whether its feeds send."""


class Facility(Resource):
    """A facility of the health cluster of its namespace: what it is, what it can hold, and which systems send."""

    spec: FacilitySpec
    """What the facility is, what it holds and what it sends."""
    status: FacilityStatus = FacilityStatus()
    """What was observed of it; written by the operator only."""


class UnreadableFacility(Resource):
    """A Facility whose spec this release cannot read, such as one that a newer release let in."""

    status: Annotated[FacilityStatus, or_empty(FacilityStatus)] = FacilityStatus()
    fault: str
    """What cannot be read, and why."""


AnyFacility = Facility | UnreadableFacility
"""A Facility, whether its spec can be read or not."""
