"""`marsad status`: how centers are, for a person who was just woken."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from marsad.api.conditions import ConditionStatus, ConditionType
from marsad.api.facility import Facility
from marsad.api.healthcluster import Endpoints, HealthCluster
from marsad.api.model import Condition
from marsad.cli.centers import world
from marsad.cli.centers.fault import Impossible, told
from marsad.shell.client import Client

_BAD_WHEN_TRUE = (ConditionType.RECONCILING, ConditionType.STALLED)


def status(
    name: Annotated[str | None, typer.Argument(help="Only this HealthCluster.")] = None,
    namespace: Annotated[str | None, typer.Option("-n", "--namespace", help="Only this namespace.")] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Instead of KUBECONFIG.")] = None,
    context: Annotated[str | None, typer.Option(help="Of the kubeconfig; the current one if left out.")] = None,
) -> None:
    """Show the conditions, endpoints, coverage and freshness of centers and their facilities.

    Exits with 0 when every center is Ready, 1 when one is not, 2 on a fault.
    """
    with told("status"):
        everything_ready = asyncio.run(_show(world.client(kubeconfig, context), name, namespace))
    raise typer.Exit(0 if everything_ready else 1)


async def _show(client: Client, name: str | None, namespace: str | None) -> bool:
    console, now = Console(), datetime.now(UTC)
    async with client as api:
        found = [each for each in await world.clusters(api, namespace) if name in (None, each.name)]
        if not found:
            where = f" in namespace {namespace}" if namespace else ""
            raise Impossible(f"there is no HealthCluster {name or ''}".rstrip() + where)
        for cluster in found:
            facilities = await world.facilities(api, cluster.namespace)
            console.print(center(cluster, facilities, now))
    return all(is_ready(cluster) for cluster in found)


def is_ready(cluster: HealthCluster) -> bool:
    """Whether Ready is True and was judged of what is declared now."""
    ready = {condition.type: condition for condition in cluster.status.conditions}.get(ConditionType.READY)
    return ready is not None and ready.status is ConditionStatus.TRUE and not is_outdated(cluster)


def is_outdated(cluster: HealthCluster) -> bool:
    """Whether the status was judged of an older declaration."""
    return cluster.status.observed_generation != cluster.generation


def center(cluster: HealthCluster, facilities: list[Facility], now: datetime) -> RenderableType:
    """One center: a headline, its conditions, what matters beside them, and its facilities."""
    parts: list[RenderableType] = [_headline(cluster), _conditions(cluster.status.conditions, now), _facts(cluster)]
    if facilities:
        parts.append(_facilities(facilities, now))
    return Group(*parts)


def _headline(cluster: HealthCluster) -> Text:
    ready = is_ready(cluster)
    text = Text(f"{cluster.namespace}/{cluster.name}  ", style="bold")
    text.append("Ready" if ready else "NOT READY", style="bold green" if ready else "bold red")
    if cluster.spec.paused:
        text.append("  paused", style="yellow")
    if cluster.deleting:
        text.append("  being deleted", style="yellow")
    if is_outdated(cluster):
        seen, declared = cluster.status.observed_generation, cluster.generation
        text.append(f"  the operator has seen generation {seen} of {declared}: is it running?", style="red")
    return text


def _conditions(conditions: tuple[Condition, ...], now: datetime) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("condition", "status", "since", "reason", "message"):
        table.add_column(heading, no_wrap=heading != "message", overflow="fold")
    for condition in conditions:
        since = age((now - condition.last_transition_time).total_seconds())
        status_ = Text(condition.status.value, style=_style(condition))
        table.add_row(condition.type, status_, since, condition.reason, Text(condition.message))
    return table


def _style(condition: Condition) -> str:
    if condition.status is ConditionStatus.UNKNOWN:
        return "yellow"
    good = ConditionStatus.FALSE if condition.type in _BAD_WHEN_TRUE else ConditionStatus.TRUE
    if condition.status is good:
        return "green"
    return "yellow" if condition.type == ConditionType.RECONCILING else "bold red"


def _facts(cluster: HealthCluster) -> Table:
    table = Table.grid(padding=(0, 2))
    found, spec = cluster.status, cluster.spec
    freshness, reached = found.freshness, found.endpoints or Endpoints()
    silent = f", {freshness.silent_feeds} silent feeds" if freshness and freshness.silent_feeds else ""
    rows = {
        "release": f"{found.release or '-'}  size {spec.size.value}",
        "facilities": f"{found.facilities.coverage} report" if found.facilities else "-",
        "freshness": f"{freshness.display} (95 % shown within / objective){silent}" if freshness else "-",
        "hl7": reached.hl7 or "-",
        "hl7 over tls": reached.hl7_tls or "-",
        "fhir": reached.fhir or "-",
        "fhir over tls": reached.fhir_tls or "-",
        "dashboard": reached.dashboard or "-",
    }
    for label, value in rows.items():
        table.add_row(Text(label, style="dim"), Text(value))
    return table


def _facilities(facilities: list[Facility], now: datetime) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("facility", "name", "condition", "status", "since", "message"):
        wraps, width = heading in ("name", "message"), 16 if heading == "name" else None  # for terminals of 80 columns
        table.add_column(heading, no_wrap=not wraps, overflow="fold", max_width=width)
    for facility in sorted(facilities, key=lambda each: each.spec.code):
        names = facility.spec.display_names
        shown = [names.get("en") or next(iter(names.values()), facility.name), facility.spec.code]
        for condition in facility.status.conditions or ():
            since = age((now - condition.last_transition_time).total_seconds())
            value = Text(condition.status.value, style=_style(condition))
            table.add_row(shown[1], shown[0], condition.type, value, since, Text(condition.message))
            shown = ["", ""]
    return table


def age(seconds: float) -> str:
    """A duration as kubectl writes it: 45s, 12m, 5h, 3d."""
    whole = max(0, int(seconds))
    for unit, size, until in (("s", 1, 120), ("m", 60, 7200), ("h", 3600, 172800)):
        if whole < until:
            return f"{whole // size}{unit}"
    return f"{whole // 86400}d"
