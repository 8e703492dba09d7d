"""`marsad quarantine`: what a center refused and why, which senders are not heard, and taking messages after all;
`marsad codes`: what it took and nobody has said the meaning of."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from marsad.cli.centers.fault import Impossible, told
from marsad.cli.quarantine.gateway import Gateway

quarantine = typer.Typer(no_args_is_help=True)

Namespace = Annotated[str | None, typer.Option("-n", "--namespace", help="Of the center.")]
Kubeconfig = Annotated[Path | None, typer.Option(help="Instead of KUBECONFIG.")]
Context = Annotated[str | None, typer.Option(help="Of the kubeconfig; the current one if left out.")]
Reason = Annotated[str | None, typer.Option(help="Only of this reason, such as unknown-sender.")]
Feed = Annotated[str | None, typer.Option(help="Only of a facility (KAMC), or of one feed of it (KAMC/his).")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@quarantine.callback()
def about() -> None:
    """Look into what a center refused, and replay it after a Facility or a mapping was put right.

    Runs in a gateway's pod: needs the right to pods/exec in the center's namespace. Exits with 0 when all is done, 1
    when something was refused again, 2 on a fault.
    """


@quarantine.command("list")
def list_(
    *,
    namespace: Namespace = None,
    reason: Reason = None,
    feed: Feed = None,
    since: Annotated[str | None, typer.Option(help="Received at or after this time (ISO 8601).")] = None,
    replayed: Annotated[bool, typer.Option("--replayed", help="Those that were replayed, too.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
    as_json: Json = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """List what was refused, with the reason in words."""
    arguments = ["quarantine", "list", "--limit", str(limit), *_given(reason=reason, feed=feed, since=since)]
    arguments += ["--replayed"] if replayed else []
    with told("quarantine list"):
        _tell(Gateway(namespace, kubeconfig, context), arguments, as_json, _rows)


@quarantine.command()
def senders(
    namespace: Namespace = None, as_json: Json = False, kubeconfig: Kubeconfig = None, context: Context = None
) -> None:
    """List the senders that are not heard: what is to be onboarded, or sends otherwise than it is declared."""
    with told("quarantine senders"):
        _tell(Gateway(namespace, kubeconfig, context), ["quarantine", "senders"], as_json, _senders)


@quarantine.command()
def show(
    *,
    ids: Annotated[list[int], typer.Argument(metavar="ID...", help="Numbers, as `list` shows them.")],
    namespace: Namespace = None,
    content: Annotated[
        bool, typer.Option("--content", help="With what was received. It identifies patients; that is recorded.")
    ] = False,
    as_json: Json = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Show all that is known of some rows, and what to do about them."""
    arguments = ["quarantine", "show", *map(str, ids), *(["--content"] if content else [])]
    with told("quarantine show"):
        Gateway(namespace, kubeconfig, context).show([*arguments, *_json(as_json)])


@quarantine.command()
def replay(
    *,
    ids: Annotated[list[int] | None, typer.Argument(metavar="[ID...]", help="Numbers, as `list` shows them.")] = None,
    namespace: Namespace = None,
    reason: Reason = None,
    feed: Feed = None,
    everything: Annotated[bool, typer.Option("--all", help="Every row.")] = False,
    as_json: Json = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Judge what was refused again, with the Facilities and the mapping of today, and take what passes, once."""
    arguments = ["quarantine", "replay", *map(str, ids or ()), *_given(reason=reason, feed=feed)]
    arguments += ["--all"] if everything else []
    with told("quarantine replay"):
        if len(arguments) == 2:
            raise Impossible("say which rows: by number, --reason, --feed or --all")
        Gateway(namespace, kubeconfig, context).show([*arguments, *_json(as_json)])


def codes(
    *,
    namespace: Namespace = None,
    facility: Annotated[str | None, typer.Option(help="Only of this facility, by its code.")] = None,
    limit: Annotated[int, typer.Option(help="Of each facility at most so many, the most used first.")] = 50,
    as_json: Json = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """List the local codes that no map knows. Map them in spec.codes of a Facility, or of the HealthCluster for all.

    Runs in a gateway's pod, as `quarantine` does.
    """
    arguments = ["codes", "--limit", str(limit), *_given(facility=facility)]
    with told("codes"):
        _tell(Gateway(namespace, kubeconfig, context), arguments, as_json, _codes)


def reprocess(
    *,
    namespace: Namespace = None,
    since: Annotated[str | None, typer.Option("--from", help="Received at or after this time (ISO 8601).")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Received before this time.")] = None,
    facility: Annotated[str | None, typer.Option(help="Only of this facility, by its code.")] = None,
    after: Annotated[int, typer.Option(help="Go on where an interrupted run was, as it said.")] = 0,
    as_json: Json = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Read stored messages again, as this release and the Facilities of today read them, and correct their facts.

    The gateway goes on meanwhile. Nothing changes where nothing is read otherwise than before.
    """
    arguments = ["reprocess", "--after", str(after), *_given(**{"from": since, "to": until, "facility": facility})]
    with told("reprocess"):
        Gateway(namespace, kubeconfig, context).show([*arguments, *_json(as_json)])


def _given(**options: str | None) -> list[str]:
    return [word for name, value in options.items() if value is not None for word in (f"--{name}", value)]


def _json(as_json: bool) -> list[str]:
    return ["--json"] if as_json else []


def _tell(gateway: Gateway, arguments: list[str], as_json: bool, table: Any) -> None:
    if as_json:
        gateway.show([*arguments, "--json"])
    else:
        Console().print(table(gateway.ask(arguments)))


def _rows(answer: dict[str, Any]) -> Table | Text:
    if not answer["rows"]:
        return Text("Nothing is in quarantine.")
    table = _table("id", "last received", "times", "sender", "MSH-10 or method", "reason", "detail")
    for row in answer["rows"]:
        sender = f"{row['sendingApplication'] or '-'} | {row['sendingFacility'] or '-'}"
        reason = Text(row["reason"], style="green" if row["replayedAt"] else "yellow")
        detail = Text(row["detail"] + (f" ({row['outcome']})" if row["replayedAt"] else ""))
        cells = (str(row["id"]), _moment(row["lastReceivedAt"]), str(row["times"]), sender, row["controlId"] or "-")
        table.add_row(*map(Text, cells), reason, detail)
    words = ", ".join(f"{number} {reason}" for reason, number in answer["totals"].items())
    table.caption = f"{sum(answer['totals'].values())} in quarantine: {words}"
    return table


def _senders(answer: dict[str, Any]) -> Table | Text:
    if not answer["senders"]:
        return Text("Every sender is declared.")
    table = _table("MSH-3", "MSH-4", "messages", "first", "last", "")
    for each in answer["senders"]:
        cells = (each["sendingApplication"] or "-", each["sendingFacility"] or "-", str(each["messages"]))
        table.add_row(*map(Text, cells), _moment(each["firstAt"]), _moment(each["lastAt"]), _standing(each))
    return table


def _codes(answer: dict[str, Any]) -> Table | Text:
    if not answer["totals"]:
        return Text("Every code is mapped.")
    table = _table("facility", "kind", "system", "code", "display", "times", "last")
    for each in answer["codes"]:
        said = (each["system"] or "-", each["code"], each["display"] or "-", str(each["times"]))
        table.add_row(*map(Text, (each["facility"], each["kind"], *said)), _moment(each["lastAt"]))
    words = ", ".join(f"{number} of {facility}" for facility, number in answer["totals"].items())
    table.caption = f"{sum(answer['totals'].values())} codes are not mapped: {words}"
    return table


def _standing(sender: dict[str, Any]) -> Text:
    """How a sender that was not heard stands to what is declared; a center of an older release tells no reason."""
    reason = sender.get("reason", "unknown-sender")
    if reason != "unknown-sender":
        return Text(f"{reason}: {sender['detail']}", style="red")
    if sender["declared"]:
        return Text("declared since: replay", style="green")
    return Text("not declared", style="yellow")


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left")
    for heading in headings:
        table.add_column(heading, no_wrap=heading in ("id", "reason"), overflow="fold")
    return table


def _moment(text: str) -> str:
    return f"{text[:10]} {text[11:19]}"
