"""What codes of a facility's own, or of a health cluster's, mean in systems that everybody knows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from marsad.api.model import CONTROL, Model, rule, rules

_CODE_TEXT = rule(f"self.matches('^[^{CONTROL}]+$')", "codes are not empty and have no control characters")

_SYSTEM_TEXT = rule(f"self.matches('^[^{CONTROL}]*$')", "code systems have no control characters")


class LocalCode(Model):
    """A code of the facility's own and the standard one that it means."""

    local_system: Annotated[str, Field(max_length=120, json_schema_extra=rules(_SYSTEM_TEXT))]
    """System in which the facility writes it, as it stands in messages, such as L or 99LAB; empty for a code that
    stands without one, as the hospital service (PV1-10) does."""
    local_code: Annotated[str, Field(max_length=120, json_schema_extra=rules(_CODE_TEXT))]
    """The facility's own code."""
    system: Annotated[str, Field(max_length=120, json_schema_extra=rules(_CODE_TEXT))]
    """Standard system, such as LN (LOINC), SCT (SNOMED CT) or I10 (ICD-10)."""
    code: Annotated[str, Field(max_length=120, json_schema_extra=rules(_CODE_TEXT))]
    """Code in the standard system."""
    display: Annotated[str, Field(max_length=250)] = ""
    """What it means, for people."""


LocalCodes = Annotated[
    tuple[LocalCode, ...],
    Field(
        max_length=500,
        json_schema_extra=rules(x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["localSystem", "localCode"]),
    ),
]
"""Local codes, each of them once."""
