"""How many messages a second the gateway takes in, against a floor and a peer, on one PostgreSQL that syncs to disk.

Floor: COPY of the same bytes, nothing parsed, one commit. Peer: an MLLP server made with PyPI's `hl7` (bench/peer.py)
that commits each message. Gateway: parse, key, counters, facts and figures' notifications, committed before each
acknowledgement. Eight senders each; in turns. Two gateways: as a medium center has them, four senders each; a gateway
is one process and has one processor at most. Senders, gateways and PostgreSQL share the same processors, so what each
of them uses is told: on a busy machine that, and not the time on the clock, says what a quiet one would bear.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from subprocess import Popen

from bench.load import Account, play
from bench.process import listening, python
from bench.samples import Report, Samples, ratios
from bench.stage import CONNECTIONS, Stage, Stored, stage
from e2e.oracle import SHARED_FILE
from e2e.ports import free_ports
from e2e.usage import cpu_seconds, peak_mib

MANY = 64  # unanswered messages a connection: as many as a gateway lets one have
SECONDS = 4.0
GOAL = 10_000  # messages a second on two processors that everything shares
PROCESSORS = 2


@dataclass(frozen=True)
class Run:
    """One playing, and the processor time in seconds that it cost; `gateway`: of all `processes` of it together."""

    account: Account
    gateway: float
    database: float
    processes: int = 1

    @property
    def messages(self) -> int:
        """Those acknowledged."""
        return len(self.account.waits)

    @property
    def total(self) -> float:
        """Of all together, the senders included."""
        return self.gateway + self.database + self.account.spent

    @property
    def borne(self) -> float:
        """Messages a second that PROCESSORS with nothing else to do would bear: all of them busy, and each gateway on
        one of them, for it is one process."""
        return self.messages / max(self.total / PROCESSORS, self.gateway / self.processes)


async def measure(rounds: int) -> Report:
    """Run all rounds and report. Everything is started here and stopped here."""
    if not SHARED_FILE.exists():
        raise SystemExit(f"{SHARED_FILE} is not there: set MARSAD_SHARED to the folder that has data/simhospital.hl7")
    with stage() as on:
        await on.prepare()
        first_port, second_port, peer_port = free_ports(3)
        one_settings, other_settings = (
            on.gateway_settings(port, on.server.folder) for port in (first_port, second_port)
        )
        with (
            python(["marsad_center", "gateway"], one_settings, on.log) as gateway,
            python(["marsad_center", "gateway"], other_settings, on.log) as other,
            python(["bench.peer", str(peer_port)], on.peer_settings(), on.log) as peer,
        ):
            one, both, theirs = {first_port: gateway}, {first_port: gateway, second_port: other}, {peer_port: peer}
            for port, process in (both | theirs).items():
                await listening(process, port, on.log)
            floors, singles, manies, twos, peers = [], [], [], [], []
            before = await on.stored()
            for number in range(rounds):
                floors.append(await on.floor(f"f{number}"))
                singles.append(await _run(on, one, f"s{number}", 1))
                peers.append(await _run(on, theirs, f"p{number}", 1))
                manies.append(await _run(on, one, f"m{number}", MANY))
                twos.append(await _run(on, both, f"t{number}", MANY))
            after = await on.stored()
            memory = Samples("gateway: peak memory", "MiB", (peak_mib(gateway.pid),))
        await _nothing_lost(on, "center", "center.message", [*singles, *manies, *twos])
        await _nothing_lost(on, "peer", "message", peers)
    return _report(floors, singles, manies, twos, peers, [*_bytes(before, after), memory])


async def _run(on: Stage, processes: Mapping[int, Popen[bytes]], name: str, unanswered: int) -> Run:
    """`processes`: by the port that they listen at."""

    def spent() -> float:
        return sum(cpu_seconds(process.pid) for process in processes.values())

    begun, database = spent(), on.cpu_seconds()
    account = await play(list(processes), name, connections=CONNECTIONS, unanswered=unanswered, seconds=SECONDS)
    return Run(account, spent() - begun, on.cpu_seconds() - database, len(processes))


async def _nothing_lost(on: Stage, database: str, table: str, runs: Sequence[Run]) -> None:
    """A contender that acknowledges what it did not store is not measured at all."""
    acknowledged, stored = sum(run.messages for run in runs), await on.ask(database, f"select count(*) from {table}")
    assert acknowledged == stored, f"{database}: {acknowledged} acknowledged, {stored} stored"


def _bytes(before: Stored, after: Stored) -> list[Samples]:
    rows = after.rows - before.rows
    return [
        Samples("stored with facts and indexes, a message", "bytes", ((after.size - before.size) / rows,)),
        Samples("written to the log (WAL), a message", "bytes", ((after.written - before.written) / rows,)),
    ]


def _costs(name: str, runs: Sequence[Run]) -> list[Samples]:
    parts = {
        "gateway": [run.gateway for run in runs],
        "PostgreSQL": [run.database for run in runs],
        "senders": [run.account.spent for run in runs],
    }
    return [
        Samples(f"{name}: processor time of {part}, a message", "ms",
                tuple(1000 * seconds / run.messages for seconds, run in zip(spent, runs, strict=True)))
        for part, spent in parts.items()
    ]  # fmt: skip


def _report(
    floors: list[float],
    singles: list[Run],
    manies: list[Run],
    twos: list[Run],
    peers: list[Run],
    more: Sequence[Samples],
) -> Report:
    floor = Samples("floor: COPY", "messages/s", tuple(floors))
    single = Samples("gateway: one unanswered", "messages/s", tuple(run.account.rate for run in singles))
    many = Samples(f"gateway: {MANY} unanswered", "messages/s", tuple(run.account.rate for run in manies))
    two = Samples(f"two gateways: {MANY} unanswered", "messages/s", tuple(run.account.rate for run in twos))
    borne, two_borne = (
        Samples(f"{name}: what {PROCESSORS} free processors bear", "messages/s", tuple(run.borne for run in runs))
        for name, runs in (("gateway", manies), ("two gateways", twos))
    )
    peer = Samples("peer: one unanswered", "messages/s", tuple(run.account.rate for run in peers))
    to_peer, to_floor = ratios("gateway / peer", single, peer), ratios("two gateways / floor", two, floor)
    cost = Samples("peer: processor time with PostgreSQL, a message", "ms",
                   tuple(1000 * (run.gateway + run.database) / run.messages for run in peers))  # fmt: skip
    waits = [
        Samples(f"{name}: acknowledgement, {label}", "ms", tuple(run.account.wait(share) for run in runs))
        for name, runs in (
            ("one unanswered", singles),
            (f"{MANY} unanswered", manies),
            ("two gateways", twos),
            ("peer", peers),
        )
        for label, share in (("median", 0.5), ("99 %", 0.99))
    ]
    named = (("one unanswered", singles), (f"{MANY} unanswered", manies), ("two gateways", twos))
    spent = list(itertools.chain(*(_costs(name, runs) for name, runs in named), [cost]))
    title = f"Gateway: {CONNECTIONS} MLLP connections, messages of simhospital.hl7, PostgreSQL with fsync"
    samples = [floor, single, many, borne, two, two_borne, peer, to_peer, to_floor, *waits, *spent, *more]
    return Report(title, samples, conclusion(many, two, two_borne, to_peer, to_floor))


def conclusion(many: Samples, two: Samples, borne: Samples, to_peer: Samples, to_floor: Samples) -> tuple[str, ...]:
    """What the figures mean; `borne`: by two gateways."""
    reached = "reached" if max(two.values) >= GOAL else "not reached on the clock"
    return (
        f"Goal: {GOAL:,} messages a second. Measured with two gateways: {max(two.values):,.0f} at best,"
        f" {two.median:,.0f} in the middle, so it is {reached}. One gateway: {max(many.values):,.0f}.",
        f"By what all of it used, {PROCESSORS} processors without other work would bear {borne.median:,.0f} (median).",
        f"Senders that wait for each acknowledgement: {to_peer.median:.1f} times the peer, which maps no facts.",
        f"Two gateways, senders that do not: {to_floor.median:.1%} of what PostgreSQL takes in when nothing is parsed.",
        "Real command centers see 8 to 50 messages a second. Every acknowledged message was found in the database.",
    )
