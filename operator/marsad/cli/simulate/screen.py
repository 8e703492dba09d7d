"""What a person sees while it plays and when it is over. Progress goes to stderr, the account to stdout."""

import asyncio
import sys
import time
from collections.abc import Callable

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from marsad.cli.simulate.account import Account, accepted


async def report(account: Account, waits_for: str, picture: Callable[[], str], every: float) -> None:
    """One line that renews itself on a terminal; elsewhere a line every `every` seconds. Runs until cancelled."""
    console = Console(stderr=True)
    begun = time.monotonic()
    if not console.is_terminal:
        while True:
            await asyncio.sleep(every)
            print(progress(account, time.monotonic() - begun, waits_for, picture()), file=sys.stderr, flush=True)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            line = progress(account, time.monotonic() - begun, waits_for, picture())
            style = "red" if account.fault else "yellow" if account.refused else ""
            live.update(Text(line, style=style, no_wrap=True, overflow="ellipsis"), refresh=True)
            await asyncio.sleep(0.25)


def progress(account: Account, elapsed: float, target: str, picture: str) -> str:
    """How long, how much, how fast, what is odd, and how the facilities are."""
    codes = "  ".join(f"{code} {count:,}" for code, count in sorted(account.answers.items())) or "no answers yet"
    parts = [_clock(elapsed), f"{codes}  {account.answered / max(elapsed, 0.001):,.1f}/s"]
    if (p95 := account.latency(0.95)) is not None:
        parts.append(f"p95 {_milliseconds(p95)}")
    if account.unanswered:
        parts.append(f"{account.unanswered:,} waiting")
    if account.resent:
        parts.append(f"{account.resent:,} resent")
    if account.fault:
        parts.append(f"{target}: {account.fault}, trying again")
    return " | ".join([*parts, picture] if picture else parts)


def show(account: Account, elapsed: float) -> None:
    """The final account as a table a sender, with the verdict first."""
    console = Console()
    rate = account.answered / max(elapsed, 0.001)
    console.print(Text(f"{account.taken:,} messages in {_clock(elapsed)}, {rate:,.1f} a second: ") + _verdict(account))
    codes = sorted(account.answers)
    if codes:
        table = Table(box=box.SIMPLE, pad_edge=False)
        table.add_column("sender")
        for code in codes:
            table.add_column(code, justify="right", style=None if accepted(code) else "red")
        for sender, counts in sorted(account.by_sender.items()):
            table.add_row(sender, *(f"{counts[code]:,}" for code in codes))
        if len(account.by_sender) > 1:
            table.add_section()
            table.add_row("all", *(f"{account.answers[code]:,}" for code in codes))
        console.print(table)
    p50, p95, most = (account.latency(share) for share in (0.5, 0.95, 1.0))
    if p50 is not None and p95 is not None and most is not None:
        answered = f"median {_milliseconds(p50)}, p95 {_milliseconds(p95)}, longest {_milliseconds(most)}"
        console.print(f"acknowledged after {answered}", highlight=False)
    console.print(f"sent again after a fault {account.resent:,} (faults {account.faults:,})  "
                  f"repeated on purpose {account.repeated:,}", highlight=False)  # fmt: skip
    if account.unanswered and account.last_fault:
        console.print(f"the last fault: {account.last_fault}", highlight=False)


def _verdict(account: Account) -> Text:
    if account.unanswered:
        return Text(f"{account.unanswered:,} NOT acknowledged", style="bold red")
    if account.refused:
        return Text(f"all answered, {account.refused:,} refused", style="bold yellow")
    return Text("all acknowledged", style="bold green")


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.1f} s"
