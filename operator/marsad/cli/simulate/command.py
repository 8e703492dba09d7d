"""`marsad simulate`: from what was asked for to the account."""

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from marsad.api.feeds import Transport
from marsad.cli.simulate import pace, screen
from marsad.cli.simulate.account import Account
from marsad.cli.simulate.envelope import Outgoing
from marsad.cli.simulate.facilities import Unusable, from_file, from_word
from marsad.cli.simulate.hospital import Facility
from marsad.cli.simulate.memory import Memory
from marsad.cli.simulate.player import Player
from marsad.cli.simulate.tls import tls
from marsad.cli.simulate.town import Clock, Town

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PLAIN, _OVER_TLS = (Transport.MLLP,), (Transport.MLLP, Transport.MLLPS)  # a plain feed may come over TLS
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Play:
    """What is sent (`source`), what to show of it (`picture`), how and when it ends, and how often it tells."""

    source: AsyncIterator[Outgoing]
    picture: Callable[[], str]
    farewell: Callable[[], Iterable[Outgoing]]
    count: int | None
    duration: float | None
    every: float


def simulate(  # noqa: PLR0917 - one parameter a flag
    to: Annotated[str, typer.Option("--to", "--target", help="The gateway, as host:port (MLLP).")] = "127.0.0.1:2575",
    over_tls: Annotated[
        bool, typer.Option("--tls", help="Over TLS (port 2576); feeds of transport MLLPS are played, too.")
    ] = False,
    ca: Annotated[
        Path | None, typer.Option(help="With --tls: certificates of the authority to trust; the system's if left out.")
    ] = None,
    cert: Annotated[Path | None, typer.Option(help="With --tls: the certificate to show, with --key.")] = None,
    key: Annotated[Path | None, typer.Option(help="With --tls: the certificate's key.")] = None,
    server_name: Annotated[
        str | None,
        typer.Option(help="With --tls: the name that the gateway's certificate must bear, if not the host's."),
    ] = None,
    center: Annotated[
        Path | None, typer.Option(help="Play the Facilities declared in this YAML, such as examples/makkah.yaml.")
    ] = None,
    facility: Annotated[
        list[str] | None,
        typer.Option(help="Play this one: CODE=APPLICATION/FACILITY[:ED SPACES[:BEDS]]. May be repeated."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Play the messages of this file instead, byte for byte and in order.")
    ] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Messages a second, all facilities together.")] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.001, help="Without a rate: how many times faster than life. 1 if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same patients.")] = 1,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many messages.")] = None,
    duration: Annotated[str | None, typer.Option(help="End after this time: 90, 90s, 5m, 2h.")] = None,
    forever: Annotated[bool, typer.Option("--forever", help="No end but Ctrl-C; so it is without an end too.")] = False,
    repeat: Annotated[int, typer.Option(min=1, help="Play the file so many times.")] = 1,
    connections: Annotated[int, typer.Option(min=1, max=64, help="Connections of each sender.")] = 1,
    warm_start: Annotated[
        bool, typer.Option("--warm-start/--cold-start", help="Begin with a plausible census, or with empty facilities.")
    ] = False,
    empty_at_end: Annotated[
        bool, typer.Option("--empty-at-end", help="Discharge everybody at the end, so that the next play begins clean.")
    ] = False,
    remember: Annotated[
        Path | None,
        typer.Option(
            help="Remember open visits in this file (one a gateway): the next play with it first discharges whom a"
            " killed one left behind."
        ),
    ] = None,
    timezone: Annotated[
        str, typer.Option(help="Where the facilities are: decides their day and night.")
    ] = "Asia/Riyadh",
    enhanced: Annotated[
        bool, typer.Option("--enhanced", help="Ask for accept and application acknowledgements (MSH-15, MSH-16).")
    ] = False,
    patience: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for an answer before sending again.")
    ] = 30.0,
    attempts: Annotated[int, typer.Option(min=0, help="Give a message up after so many tries; 0: never.")] = 0,
    progress_every: Annotated[float, typer.Option(min=0.1, help="Seconds between lines, off a terminal.")] = 10.0,
    json: Annotated[bool, typer.Option("--json", help="Print the account as JSON.")] = False,
) -> None:
    """Play facilities, or a file of messages, over MLLP, and account for every acknowledgement.

    Each message is sent until it is answered, with the same bytes; a negative answer is an answer. Exits with 1 if any
    message was left without one, with 2 if the request cannot be played. Ctrl-C ends it with the account.
    """
    memory: Memory | None = None
    try:
        host, port = _address(to)
        if not over_tls and (ca or cert or key or server_name):
            raise Unusable("--ca, --cert, --key and --server-name are for --tls: add it")
        secured = tls(ca, cert, key, server_name or host) if over_tls else None
        seconds = _seconds(duration) if duration else None
        if forever and (count or duration):
            raise Unusable("--forever has no end: leave --count and --duration out")
        if rate and speed:
            raise Unusable("--rate and --speed both set the pace: give one")
        if file:
            if center or facility or remember:
                raise Unusable("--file plays a file; leave --center, --facility and --remember out")
            source: AsyncIterator[Outgoing] = pace.file(file, repeat, rate)
            picture: Callable[[], str] = str
            farewell: Callable[[], Iterable[Outgoing]] = tuple
        else:
            declared = from_file(center, _OVER_TLS if over_tls else _PLAIN) if center else []
            town, run = _town(
                declared, facility or [], seed=seed, rate=rate, speed=speed or 1.0, warm=warm_start, timezone=timezone
            )
            memory = Memory(remember) if remember else None
            scribe = pace.Scribe(run, ("AL", "AL") if enhanced else ("", ""), memory)
            left = memory.left(town.facilities, town.clock.begin) if memory else ()
            source, picture = pace.facilities(town, scribe, rate, left), town.picture
            farewell = partial(pace.farewell, town, scribe) if empty_at_end else tuple
    except Unusable as error:
        typer.secho(f"marsad simulate: {error}", fg="red", err=True)
        raise typer.Exit(2) from error
    account = Account()
    options: dict[str, Any] = {"tls": secured} | ({"on_accepted": memory.accepted} if memory else {})
    player = Player(host, port, account, connections=connections, patience=patience, attempts=attempts, **options)
    begun = time.monotonic()
    try:
        asyncio.run(_run(player, account, Play(source, picture, farewell, count, seconds, progress_every), to))
    except Unusable as error:
        typer.secho(f"marsad simulate: {error}", fg="red", err=True)
        raise typer.Exit(2) from error
    finally:
        if memory:
            memory.close()
    elapsed = time.monotonic() - begun
    if json:
        typer.echo(account.as_json(elapsed))
    else:
        screen.show(account, elapsed)
    raise typer.Exit(1 if account.unanswered else 0)


async def _run(player: Player, account: Account, play: Play, target: str) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def interrupt() -> None:
        """The first asks for an end, the second does not wait for answers any more."""
        (player.abandon if stop.is_set() else stop.set)()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    if play.duration is not None:
        loop.call_later(play.duration, stop.set)
    reporter = asyncio.create_task(screen.report(account, target, play.picture, play.every))
    try:
        await player.play(play.source, stop, count=play.count, farewell=play.farewell)
    finally:
        reporter.cancel()
        await asyncio.gather(reporter, return_exceptions=True)


def _town(
    declared: list[Facility],
    words: list[str],
    *,
    seed: int,
    rate: float | None,
    speed: float,
    warm: bool,
    timezone: str,
) -> tuple[Town, str]:
    """The town, and what makes this run's numbers its own."""
    facilities = [*declared, *(from_word(word) for word in words)]
    if not facilities:
        raise Unusable("say what to play: --center FILE, --facility CODE=APPLICATION/FACILITY or --file FILE")
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError) as error:
        raise Unusable(f"--timezone {timezone} is not known; such as Asia/Riyadh or Africa/Algiers") from error
    begin = datetime.now(zone)
    if rate:
        speed = rate / Town.busyness(facilities)
    run = _digits(int(begin.timestamp() * 1000))
    return Town(facilities, seed, Clock(begin, speed), run, warm), run


def _digits(number: int) -> str:
    """A whole number in base 36: milliseconds since 1970 in eight characters."""
    return (_digits(number // 36) if number >= 36 else "") + _DIGITS[number % 36]


def _address(word: str) -> tuple[str, int]:
    host, _, port = word.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise Unusable(f"--to {word}: write host:port, such as 127.0.0.1:2575")
    return host.strip("[]"), int(port)


def _seconds(word: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", word)
    if not found:
        raise Unusable(f"--duration {word}: write seconds, or a number with s, m, h or d, such as 5m")
    return float(found[1]) * _UNITS[found[2]]
