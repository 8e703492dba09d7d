"""`marsad render`: the manifests that a declaration becomes, without any cluster."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from marsad.cli.centers import operators, text
from marsad.cli.centers.declared import Declared, read
from marsad.cli.centers.fault import Impossible, told
from marsad.core.acceptance import refusal
from marsad.core.desired import desired
from marsad.core.kinds import MANAGED, MONITORING
from marsad.core.templates import Templates, load
from marsad.core.world import Manifest, Observed, Platform
from marsad.shell import settings


def render(
    file: Annotated[Path, typer.Argument(help="YAML with a HealthCluster and its Facilities; - reads standard input.")],
    namespace: Annotated[
        str | None, typer.Option("-n", "--namespace", help="For what names no namespace itself.")
    ] = None,
    monitoring: Annotated[
        bool, typer.Option("--monitoring", help="As in a cluster with the Prometheus operator's kinds.")
    ] = False,
) -> None:
    """Print what the operator would write for a declaration, as YAML.

    Images and release are this build's own; MARSAD_CENTER_IMAGE and MARSAD_POSTGRESQL_IMAGE set others. Passwords are
    made in the cluster, so their Secrets are not part of it.
    """
    with told("render"):
        environment = operators.defaults()
        templates, platform = load(settings.read(environment).templates), operators.platform(environment)
        for declared in read(file, namespace):
            made = manifests(declared, platform, templates, monitoring=monitoring)
            typer.echo(text.documents(made), nl=False)


def manifests(declared: Declared, platform: Platform, templates: Templates, *, monitoring: bool) -> list[Manifest]:
    """The manifests of a declaration in an empty cluster. Raises Impossible when the operator would refuse it."""
    kinds = ((kind.group, kind.kind) for kind in MANAGED if monitoring or kind.group != MONITORING)
    observed = Observed(
        cluster=declared.cluster,
        platform=platform,
        now=datetime.now(UTC),
        facilities=declared.facilities,
        served=frozenset(kinds),
    )
    if (refused := refusal(observed)) is not None:
        raise Impossible(
            f"HealthCluster {declared.cluster.name} would be refused ({refused.reason}): {refused.message}"
        )
    return list(desired(observed, templates))
