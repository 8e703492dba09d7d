"""The registry of the center: which facilities and feeds belong to it, as the operator wrote them into center.json.

The file is a mounted ConfigMap: kubelet replaces it by swapping a symbolic link, so watching means comparing the
resolved file's identity and modification time, not waiting for a write.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

log = logging.getLogger(__name__)


Places = tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{2}-[0-9]{1,2}$")], ...]
"""Fields of segments, such as PV1-10."""


class RegistryError(ValueError):
    """center.json is missing, is not JSON, or lacks something; the message says where and what."""


class _Frozen(BaseModel):
    # Unknown keys are let through: a newer operator may write more than this release reads.
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")


class ClientCertificate(_Frozen):
    """What a feed over TLS asks of the sender's certificate: a name it bears, its SHA-256 among these, or both."""

    name: str | None = None
    fingerprints: tuple[str, ...] = ()


class FeedProfile(_Frozen):
    """Where a sender writes otherwise than gateway/PROFILE.md says; each list takes the place of the default one.

    Codes of OBX-3.1: `*_codes` but the last; PV2-38, PV1-4 and PV1-36: modes, types and dispositions; SCH-8 and AIS-3:
    `virtual_codes`. `*_specialty`: fields such as PV1-10, the first that is filled.
    """

    triage_codes: tuple[str, ...] | None = None
    physician_contact_codes: tuple[str, ...] | None = None
    admit_decision_codes: tuple[str, ...] | None = None
    expected_admission_is_decision: bool | None = None
    offload_codes: tuple[str, ...] | None = None
    ventilated_codes: tuple[str, ...] | None = None
    ambulance_modes: tuple[str, ...] | None = None
    ambulance_types: tuple[str, ...] | None = None
    lwbs_dispositions: tuple[str, ...] | None = None
    virtual_codes: tuple[str, ...] | None = None
    appointment_specialty: Places | None = None
    order_specialty: Places | None = None


class Feed(_Frozen):
    """One sender of a facility: MSH-3 and MSH-4 as it writes them. `time_zone` reads times that carry no offset;
    `certificate` is what a feed with transport MLLPS or FHIRS asks for."""

    name: str
    sending_application: str
    sending_facility: str
    transport: str = "MLLP"
    time_zone: str | None = None
    certificate: ClientCertificate | None = None
    profile: FeedProfile | None = None


class Location(_Frozen):
    """WGS 84 degrees."""

    latitude: float
    longitude: float


class Capacity(_Frozen):
    """ED treatment spaces, and staffed beds by type."""

    ed_spaces: int = 0
    beds: Mapping[str, int] = {}


class CodeMapping(_Frozen):
    """What a local code means, in a code system that everybody knows."""

    local_system: str
    local_code: str
    system: str
    code: str
    display: str = ""


class Vaccine(_Frozen):
    """A code of a vaccine, in its code system."""

    system: str
    code: str


class VaccinationGroup(_Frozen):
    """Vaccines that count alike, and how many persons of the facility's population are to have one of them."""

    name: str
    display_names: Mapping[str, str] = {}
    codes: tuple[Vaccine, ...] = ()
    population: int


class Facility(_Frozen):
    """One hospital, primary care center or polyclinic of the health cluster."""

    code: str
    kind: str
    level: str | None = None
    display_names: Mapping[str, str] = {}
    location: Location | None = None
    capacity: Capacity = Capacity()
    feeds: tuple[Feed, ...] = ()
    platforms: tuple[str, ...] = ()
    codes: tuple[CodeMapping, ...] = ()  # its own
    vaccination: tuple[VaccinationGroup, ...] = ()


class Threshold(_Frozen):
    """Target and bands of one indicator, in place of the catalogue's; what is None stays as it is there."""

    id: str
    target: float | None = None
    ok: float | None = None
    watch: float | None = None


class Limit(_Frozen):
    """Numbers of one condition of a rule. Without `release` it lies as far from the threshold as in the rule."""

    figure: str
    part: str = ""
    threshold: float
    release: float | None = None


class RuleChange(_Frozen):
    """How a rule of the recommendations differs in this center; what is None or not named stays as it is there."""

    id: str
    enabled: bool = True
    holds_for_seconds: float | None = None
    released_for_seconds: float | None = None
    when: tuple[Limit, ...] = ()


class Retention(_Frozen):
    """Days that the history of figures is kept: by the minute, hour and day (never less than 1, 62 and 731)."""

    minute_days: int = 7
    hour_days: int = 396  # 13 months
    day_days: int = 3653  # 10 years


class Center(_Frozen):
    """The whole declaration that reached the center."""

    name: str
    namespace: str
    code: str
    display_names: Mapping[str, str] = {}
    region: str | None = None
    release: str = ""
    locales: tuple[str, ...] = ("ar", "en")
    default_locale: str = "ar"
    freshness_objective_seconds: int = 120
    time_zone: str = "UTC"
    facilities: tuple[Facility, ...] = ()
    codes: tuple[CodeMapping, ...] = ()  # of all facilities
    indicators: tuple[Threshold, ...] = ()
    recommendations: tuple[RuleChange, ...] = ()
    history: Retention = Retention()

    @field_validator("indicators", "recommendations", mode="before")
    @classmethod
    def _usable(cls, value: object, info: ValidationInfo) -> object:
        """One entry that cannot be read must not take the whole registry along."""
        if not isinstance(value, list):
            return ()
        model: type[_Frozen] = Threshold if info.field_name == "indicators" else RuleChange
        return [each for each in value if _is_readable(model, each, str(info.field_name))]


def _is_readable(model: type[_Frozen], value: object, among: str) -> bool:
    try:
        model.model_validate(value)
    except ValidationError as error:
        extra = {"among": among, "reason": error.errors()[0]["msg"]}
        log.error("an entry of the registry cannot be read and is left out", extra=extra)
        return False
    return True


def load(path: Path) -> Center:
    """The registry in `path`. Raises RegistryError with the place and the fault."""
    try:
        return Center.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RegistryError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        raise RegistryError(f"{path}: {place}: {first['msg']}") from error


async def watch(
    path: Path,
    on_change: Callable[[Center], Awaitable[None]],
    *,
    every: float = 1.0,
    again: float = 60.0,
    anew: asyncio.Event | None = None,
) -> None:
    """Call `on_change` with the registry now, after each change of the file and whenever `anew` is set, for ever.

    A file that cannot be read or parsed, or of which `on_change` raises RegistryError, is logged and tried once more
    `again` seconds later; the last good registry stays in force: a broken configuration must not become an outage of
    the center. Anything else that `on_change` raises ends the watch.
    """
    seen: tuple[int, int, int] | None = (-1, -1, -1)  # unlike any file, and unlike a missing one
    due = 0.0
    while True:
        identity = _identity(path)
        if identity != seen or time.monotonic() >= due or (anew is not None and anew.is_set()):
            seen, due = identity, float("inf")
            if anew is not None:
                anew.clear()  # before: what is said meanwhile must not be missed
            try:
                await on_change(load(path))
            except RegistryError as error:
                log.error("the registry cannot be used, the last good one stays", extra={"reason": str(error)})
                due = time.monotonic() + again
        await asyncio.sleep(every)


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()  # follows kubelet's symbolic links
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
