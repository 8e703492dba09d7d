"""`marsad diff`: what the operator would change in the live cluster."""

import asyncio
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from marsad.api.names import ANNOTATION_DIGEST, FIELD_MANAGER
from marsad.cli.centers import operators, text, world
from marsad.cli.centers.declared import read
from marsad.cli.centers.fault import Impossible, told
from marsad.core.acceptance import refusal
from marsad.core.desired import desired
from marsad.core.diff import plan
from marsad.core.kinds import kind_of
from marsad.core.secrets import wanted_secrets
from marsad.core.templates import Templates, load
from marsad.core.world import Key, Manifest, Observed
from marsad.shell import settings
from marsad.shell.client import APPLY, Client, path
from marsad.shell.errors import NotFound

_SERVERS_OWN = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
_STYLES = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(frozen=True)
class Change:
    """One object that would be written: as it is (None: it is not there) and as it would be (None: it would go)."""

    key: Key
    before: Manifest | None
    after: Manifest | None


def diff(
    file: Annotated[
        Path | None,
        typer.Argument(help="A declaration that may be applied; - reads standard input. None: as declared."),
    ] = None,
    namespace: Annotated[str | None, typer.Option("-n", "--namespace", help="Only this namespace.")] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Instead of KUBECONFIG.")] = None,
    context: Annotated[str | None, typer.Option(help="Of the kubeconfig; the current one if left out.")] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Name the objects without their lines.")] = False,
) -> None:
    """Show what the operator would change: for a declaration before it is applied, or where the cluster has drifted.

    Nothing is written: objects that may differ are sent to the API server as a dry run. Exits with 0 where nothing
    would change, 1 where something would, 2 on a fault.
    """
    with told("diff"):
        differs = asyncio.run(_compare(world.client(kubeconfig, context), file, namespace, summary))
    raise typer.Exit(1 if differs else 0)


async def _compare(client: Client, file: Path | None, namespace: str | None, summary: bool) -> bool:
    console, differs = Console(highlight=False, soft_wrap=True), False
    async with client as api:
        platform, deployment = await operators.running(api)
        if deployment is None:
            Console(stderr=True).print("no operator runs in this cluster: compared with what this build would write")
        if file:
            seen = [await world.as_declared(api, declared, platform) for declared in read(file, namespace)]
        else:
            seen = [await world.observe(api, each, platform) for each in await world.clusters(api, namespace)]
        if not seen:
            raise Impossible(f"there is no HealthCluster{f' in namespace {namespace}' if namespace else ''}")
        templates = load(settings.read(operators.defaults()).templates)
        for observed in seen:
            found = await changes(api, observed, templates)
            differs |= bool(found)
            _show(console, observed, found, summary)
    return differs


async def changes(api: Client, observed: Observed, templates: Templates) -> list[Change]:
    """What would be written to bring the world to what is declared, in order. Raises Impossible when it is refused."""
    cluster = observed.cluster
    if (refused := refusal(observed)) is not None:
        raise Impossible(f"HealthCluster {cluster.namespace}/{cluster.name} is refused: {refused.message}")
    planned = plan(desired(observed, templates), observed, {})
    if cluster.spec.paused or cluster.deleting:
        return []
    secrets = [Change(Key.of(manifest), None, manifest) for manifest in wanted_secrets(observed)]
    written = [change for manifest in planned.apply if (change := await _dry_run(api, observed, manifest))]
    return [*secrets, *written, *(Change(Key.of(live), live, None) for live in planned.prune)]


async def _dry_run(api: Client, observed: Observed, manifest: Manifest) -> Change | None:
    """The change that the API server would make of an apply; None where it would make none."""
    key = Key.of(manifest)
    kind, live = kind_of(key.group, key.kind), observed.objects.get(key)
    query = {"fieldManager": FIELD_MANAGER, "force": "true", "dryRun": "All"}
    to = path(kind, key.namespace, key.name)
    try:
        after = await api.ask("PATCH", to, query=query, body=manifest, content=APPLY)
    except NotFound:  # its namespace is not there yet
        return Change(key, live, manifest)
    if live is not None and _plain(live) == _plain(after):
        return None
    return Change(key, live, after)


def _show(console: Console, observed: Observed, found: list[Change], summary: bool) -> None:
    cluster = observed.cluster
    name = f"{cluster.namespace}/{cluster.name}"
    if cluster.spec.paused:
        console.print(Text(f"{name}: paused, so nothing would be changed", style="yellow"))
        return
    if not found:
        console.print(Text(f"{name}: nothing would be changed ({len(observed.objects)} objects seen)", style="green"))
        return
    console.print(Text(f"{name}: {_count(found)}", style="bold"))
    for change in found:
        verb, style = (
            ("create", "green") if not change.before else ("change", "yellow") if change.after else ("delete", "red")
        )
        console.print(Text(f"  {verb} {change.key}", style=style))
        if not summary and change.before and change.after:
            for line in _lines(change):
                console.print(Text(f"    {line}", style=_STYLES.get(line[:1], "")))


def _count(found: list[Change]) -> str:
    created = sum(not change.before for change in found)
    deleted = sum(not change.after for change in found)
    return f"{created} to create, {len(found) - created - deleted} to change, {deleted} to delete"


def _lines(change: Change) -> Iterator[str]:
    before, after = (text.lines(_plain(side or {})) for side in (change.before, change.after))
    lines = difflib.unified_diff(before, after, n=2, lineterm="")
    return (line for line in lines if not line.startswith(("---", "+++")))


def _plain(item: Manifest) -> dict[str, Any]:
    """What a person would write: without status and what the server keeps for itself."""
    metadata = {name: value for name, value in item.get("metadata", {}).items() if name not in _SERVERS_OWN}
    notes = {name: text for name, text in (metadata.get("annotations") or {}).items() if name != ANNOTATION_DIGEST}
    return {
        **{name: value for name, value in item.items() if name != "status"},
        "metadata": {**metadata, "annotations": notes},
    }
