"""`python -m marsad_center quarantine list|show|senders|replay`, `codes`, `reprocess`, `reseal`: for people, and with
--json for programs. Run in a gateway's pod, whose settings, role and keys they use.

Exit codes: 0 done; 1 done, but something was refused or could not be read; 2 wrong usage or settings.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from marsad_center import db, keys, registry
from marsad_center.facts.code_maps import count_by_facility, unmapped
from marsad_center.facts.registry_sync import known
from marsad_center.gateway import key_check
from marsad_center.gateway.reprocess import Progress, Range, reader, reprocess
from marsad_center.gateway.service import routes
from marsad_center.gateway.upkeep import quarantine, telling
from marsad_center.gateway.upkeep.replay import Outcome, replay
from marsad_center.gateway.upkeep.reseal import Resealed, reseal
from marsad_center.settings import Settings, SettingsError, from_environment

REPLAYED_AT_ONCE = 100


def main(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Run one command; its exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        settings = from_environment("gateway", environ)
        ring = keys.load(settings.keys)
        return asyncio.run(_run(chosen, settings, ring))
    except (SettingsError, registry.RegistryError, keys.CannotOpen) as error:
        sys.stderr.write(f"{error}\n")
        return 2


async def _run(chosen: argparse.Namespace, settings: Settings, ring: keys.Keys) -> int:
    await db.steadily(settings.database, "gateway-upkeep", lambda connection: key_check.check(connection, ring))
    match chosen.command, getattr(chosen, "action", ""):
        case "quarantine", "list":
            code = await _list(chosen, settings)
        case "quarantine", "show":
            code = await _show(chosen, settings, ring)
        case "quarantine", "senders":
            code = await _senders(chosen, settings)
        case "quarantine", _:
            code = await _replay(chosen, settings, ring)
        case "codes", _:
            code = await _codes(chosen, settings)
        case "reprocess", _:
            code = await _reprocess(chosen, settings, ring)
        case _:
            code = await _reseal(chosen, settings, ring)
    return code


async def _list(chosen: argparse.Namespace, settings: Settings) -> int:
    async with db.connected(settings.database, "gateway-upkeep") as connection:
        rows = await quarantine.listed(connection, _rows(chosen), chosen.limit)
        totals = await quarantine.totals(connection, _rows(chosen))
    telling.listed(rows, totals, as_json=chosen.json)
    return 0


async def _senders(chosen: argparse.Namespace, settings: Settings) -> int:
    async with db.connected(settings.database, "gateway-upkeep") as connection:
        telling.senders(await quarantine.senders(connection), as_json=chosen.json)
    return 0


async def _show(chosen: argparse.Namespace, settings: Settings, ring: keys.Keys) -> int:
    async with db.connected(settings.database, "gateway-upkeep") as connection:
        wanted = quarantine.Chosen(ids=tuple(chosen.ids), replayed=True)
        rows = await quarantine.listed(connection, wanted, len(chosen.ids))
        found = [row["id"] for row in rows]
        content = await quarantine.with_content(connection, found, ring, socket.gethostname()) if chosen.content else {}
    telling.shown(rows, content, as_json=chosen.json)
    return _missing(set(chosen.ids) - set(found), "is not in the quarantine")


async def _codes(chosen: argparse.Namespace, settings: Settings) -> int:
    async with db.connected(settings.database, "gateway-upkeep") as connection:
        rows = await unmapped(connection, [chosen.facility] if chosen.facility else None, chosen.limit)
        totals = await count_by_facility(connection)
    kept = {code: number for code, number in sorted(totals.items()) if chosen.facility in (None, code)}
    telling.codes(rows, kept, as_json=chosen.json)
    return 0


async def _replay(chosen: argparse.Namespace, settings: Settings, ring: keys.Keys) -> int:
    if not (chosen.ids or chosen.reason or chosen.feed or chosen.all):
        sys.stderr.write("say which rows: by number, --reason, --feed or --all\n")
        return 2
    center = registry.load(settings.center)
    outcomes: list[Outcome] = []
    async with db.connected(settings.database, "gateway-upkeep") as connection:
        read = await reader(connection, ring, center)
        where = routes(await known(connection, center))
        ids = await quarantine.numbers(connection, _rows(chosen))
        for at in range(0, len(ids), REPLAYED_AT_ONCE):
            outcomes += await replay(connection, ids[at : at + REPLAYED_AT_ONCE], ring, where, read)
    telling.replayed(outcomes, as_json=chosen.json)
    left = _missing(set(chosen.ids or ()) - {each.id for each in outcomes}, "is not in the quarantine, or was replayed")
    return left or int(any(each.outcome == "refused" for each in outcomes))


async def _reprocess(chosen: argparse.Namespace, settings: Settings, ring: keys.Keys) -> int:
    progress = Progress()
    span = Range(chosen.since, chosen.until, chosen.facility, chosen.after)
    async for progress in reprocess(settings, ring, span, batch=chosen.batch):
        telling.progress(progress, as_json=chosen.json)
    return int(progress.unread > 0)


async def _reseal(chosen: argparse.Namespace, settings: Settings, ring: keys.Keys) -> int:
    done = Resealed()
    async for done in reseal(settings.database, ring):
        telling.resealed(done, as_json=chosen.json)
    telling.unread(done)
    return int(bool(done.unread))


def _rows(chosen: argparse.Namespace) -> quarantine.Chosen:
    ids = tuple(chosen.ids) if getattr(chosen, "ids", None) else None
    since, replayed = getattr(chosen, "since", None), getattr(chosen, "replayed", False)
    return quarantine.Chosen(ids, chosen.reason, chosen.feed, since, replayed)


def _missing(ids: set[int], why: str) -> int:
    for id_ in sorted(ids):
        sys.stderr.write(f"{id_} {why}\n")
    return int(bool(ids))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m marsad_center", description="What people do with what was received.")
    commands = parser.add_subparsers(dest="command", required=True)
    actions = commands.add_parser("quarantine", help="what was refused").add_subparsers(dest="action", required=True)

    lists = actions.add_parser("list", help="the newest rows and why they are there")
    _filters(lists)
    lists.add_argument("--since", type=moment, metavar="TIME", help="received at or after this time")
    lists.add_argument("--replayed", action="store_true", help="those that were replayed, too")
    lists.add_argument("--limit", type=int, default=50)

    shows = actions.add_parser("show", help="all that is known of some rows")
    shows.add_argument("ids", type=int, nargs="+", metavar="ID")
    shows.add_argument("--content", action="store_true", help="with what was received: it identifies patients")

    actions.add_parser("senders", help="senders that no feed was declared for")

    replays = actions.add_parser("replay", help="judge rows again, and take those that pass")
    replays.add_argument("ids", type=int, nargs="*", metavar="ID")
    _filters(replays)
    replays.add_argument("--all", action="store_true", help="every row")

    codes = commands.add_parser("codes", help="local codes that nobody has mapped")
    codes.add_argument("--facility", metavar="CODE")
    codes.add_argument("--limit", type=int, default=50, help="of each facility at most so many, the most used first")

    again = commands.add_parser("reprocess", help="read stored messages again, as they are read today")
    again.add_argument("--from", dest="since", type=moment, metavar="TIME", help="received at or after this time")
    again.add_argument("--to", dest="until", type=moment, metavar="TIME", help="received before this time")
    again.add_argument("--facility", metavar="CODE")
    again.add_argument("--after", type=int, default=0, metavar="N", help="go on where an interrupted run was")
    again.add_argument("--batch", type=int, default=200, help="messages a transaction")

    seals = commands.add_parser("reseal", help="seal what is in clear or under an older key with the newest one")
    for each in (lists, shows, actions.choices["senders"], replays, codes, again, seals):
        each.add_argument("--json", action="store_true", help="for programs")
    return parser


def _filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="WORD", help="such as unknown-sender")
    parser.add_argument("--feed", metavar="CODE[/NAME]", help="of this facility, or this feed of it")


def moment(text: str) -> datetime:
    """ISO 8601; without an offset it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-23T10:00+03:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
