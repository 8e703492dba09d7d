"""Per-component deviations from a HealthCluster's size."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from marsad.api.model import Model, Quantity, rule, rules

_AMOUNT = rules(
    rule(
        "type(self) == int ? self > 0 : isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))",
        "an amount is a positive Kubernetes quantity such as 500m or 512Mi",
    ),
    maxLength=32,
)


class ResourceAmounts(Model):
    """Processor and memory of one container."""

    cpu: Annotated[Quantity | None, Field(json_schema_extra=_AMOUNT)] = None
    """Processors, such as 500m for half of one."""
    memory: Annotated[Quantity | None, Field(json_schema_extra=_AMOUNT)] = None
    """Memory, such as 512Mi."""


def _within_limit(name: str) -> dict[str, str]:
    request, limit = f"self.requests.{name}", f"self.limits.{name}"
    comparable = f"has({request}) && has({limit}) && isQuantity(string({request})) && isQuantity(string({limit}))"
    compared = f"quantity(string({request})).isGreaterThan(quantity(string({limit})))"
    return rule(f"!({comparable} && {compared})", f"requests.{name} may not exceed limits.{name}")


class ResourceOverride(Model):
    """Deviation of one component whose number of replicas is fixed."""

    model_config = ConfigDict(json_schema_extra=rules(_within_limit("cpu"), _within_limit("memory")))

    requests: ResourceAmounts = ResourceAmounts()
    """What a pod is guaranteed, in place of the size's amounts."""
    limits: ResourceAmounts = ResourceAmounts()
    """What a pod may use at most, in place of the size's amounts."""


class ComponentOverride(ResourceOverride):
    """Deviation of one component that scales out."""

    replicas: Annotated[
        int | None,
        Field(json_schema_extra=rules(rule("self >= 1 && self <= 20", "replicas must be 1 to 20"))),
    ] = None
    """Number of pods, in place of the size's number."""


class Overrides(Model):
    """Deviations from the size; what is absent follows the size."""

    gateway: ComponentOverride = ComponentOverride()
    """The gateway that receives HL7 v2 and FHIR."""
    analytics: ResourceOverride = ResourceOverride()
    """The engine that computes figures; always one pod, because one writer keeps them consistent."""
    dashboard: ComponentOverride = ComponentOverride()
    """The dashboard and its JSON API."""
