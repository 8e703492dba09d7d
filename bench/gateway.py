"""How many messages a second the gateway takes in, against a floor and a peer, on one PostgreSQL that syncs to disk.

Floor: COPY of the same bytes, nothing parsed, one commit. Peer: an MLLP server made with PyPI's `hl7` (bench/peer.py)
that commits each message. Gateway: parse, key, counters, facts and figures' notifications, committed before each
acknowledgement. Eight senders each; in turns.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from bench.load import Account, laps, play, templates
from bench.process import cpu_seconds, free_ports, listening, peak_mib, python
from bench.samples import Report, Samples, ratios
from e2e.oracle import SHARED_FILE
from marsad_center.facts.migrate import migrate
from marsad_center.tests.server import PASSWORD, PostgresServer

CONNECTIONS = 8
MANY = 32  # unanswered messages a connection, of senders that do not wait for each acknowledgement
SECONDS = 4.0
COPIED = 6000
CENTER = {
    "name": "bench", "namespace": "bench", "code": "BEN", "displayNames": {"en": "Bench"}, "region": "Bench",
    "release": "0.1.0", "locales": ["en"], "defaultLocale": "en", "freshnessObjectiveSeconds": 120,
    "facilities": [{
        "code": "SFAC", "kind": "Hospital", "level": "City", "displayNames": {"en": "Simulated"},
        "capacity": {"edSpaces": 20, "beds": {"general": 300}}, "platforms": [],
        "feeds": [{"name": "his", "sendingApplication": "SIMHOSP", "sendingFacility": "SFAC", "transport": "MLLP"}],
    }],
}  # fmt: skip


class Bench:
    """A PostgreSQL server with one database for each contender."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.log = server.folder / "bench.log"

    async def prepare(self) -> None:
        """Databases, roles, the center's schema."""
        await self.server.wait()
        await self.server.make_roles()
        connection = await self.server.superuser("postgres")
        for name in ("center", "peer", "floor"):
            await connection.execute(f"CREATE DATABASE {name} OWNER owner")
        await connection.close()
        await migrate(self.server.settings("owner", "center"))
        floor = await self.server.superuser("floor")
        await floor.execute("CREATE TABLE message (control_id text, raw bytea)")
        await floor.close()

    async def floor(self, name: str) -> float:
        """Messages a second of COPY, from as many connections as there are senders."""
        source = laps(templates(), name)
        rows = [(str(number), next(source)) for number in range(COPIED)]
        connections = [await self.server.superuser("floor") for _ in range(CONNECTIONS)]
        start = time.monotonic()
        copies = (
            connection.copy_records_to_table("message", records=rows[number::CONNECTIONS])
            for number, connection in enumerate(connections)
        )
        await asyncio.gather(*copies)
        seconds = time.monotonic() - start
        for connection in connections:
            await connection.close()
        return COPIED / seconds

    def gateway_settings(self, mllp: int, folder: Path) -> dict[str, str]:
        """The environment of the gateway's process."""
        (folder / "center.json").write_text(json.dumps(CENTER))
        http, metrics = free_ports(2)
        return {
            "MARSAD_DATABASE_HOST": "127.0.0.1", "MARSAD_DATABASE_PORT": str(self.server.port),
            "MARSAD_DATABASE_NAME": "center", "MARSAD_DATABASE_CREDENTIALS": str(self.server.credentials["gateway"]),
            "MARSAD_DATABASE_CA": "", "MARSAD_CENTER": str(folder / "center.json"), "MARSAD_BIND": "127.0.0.1",
            "MARSAD_MLLP_PORT": str(mllp), "MARSAD_HTTP_PORT": str(http), "MARSAD_METRICS_PORT": str(metrics),
        }  # fmt: skip

    def peer_settings(self) -> dict[str, str]:
        """The environment of the peer's process."""
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.server.port), "PGUSER": "postgres",
                "PGPASSWORD": PASSWORD, "PGDATABASE": "peer"}  # fmt: skip

    async def rows(self, database: str, table: str) -> int:
        """How many messages are stored."""
        connection: asyncpg.Connection = await self.server.superuser(database)
        try:
            return int(await connection.fetchval(f"select count(*) from {table}"))
        finally:
            await connection.close()


async def measure(rounds: int) -> Report:
    """Run all rounds and report. Everything is started here and stopped here."""
    if not SHARED_FILE.exists():
        raise SystemExit(f"{SHARED_FILE} is not there: set MARSAD_SHARED to the folder that has data/simhospital.hl7")
    with _postgresql() as bench:
        await bench.prepare()
        gateway_port, peer_port = free_ports(2)
        settings = bench.gateway_settings(gateway_port, bench.server.folder)
        with (
            python(["marsad_center", "gateway"], settings, bench.log) as gateway,
            python(["bench.peer", str(peer_port)], bench.peer_settings(), bench.log) as peer,
        ):
            await listening(gateway, gateway_port, bench.log)
            await listening(peer, peer_port, bench.log)
            floors, singles, manies, peers = [], [], [], []
            for number in range(rounds):
                floors.append(await bench.floor(f"f{number}"))
                singles.append(await _play(gateway_port, f"s{number}", 1))
                peers.append(await _play(peer_port, f"p{number}", 1))
                manies.append(await _play(gateway_port, f"m{number}", MANY))
            busy = Samples("gateway: peak memory", "MiB", (peak_mib(gateway),))
            cost = 1000 * cpu_seconds(gateway.pid) / sum(len(one.waits) for one in itertools.chain(singles, manies))
        await _nothing_lost(bench, "center", "center.message", [*singles, *manies])
        await _nothing_lost(bench, "peer", "message", peers)
    return _report(floors, singles, manies, peers, [Samples("gateway: processor time a message", "ms", (cost,)), busy])


async def _play(port: int, name: str, unanswered: int) -> Account:
    return await play(port, name, connections=CONNECTIONS, unanswered=unanswered, seconds=SECONDS)


async def _nothing_lost(bench: Bench, database: str, table: str, accounts: list[Account]) -> None:
    """A contender that acknowledges what it did not store is not measured at all."""
    acknowledged, stored = sum(len(one.waits) for one in accounts), await bench.rows(database, table)
    assert acknowledged == stored, f"{database}: {acknowledged} acknowledged, {stored} stored"


def _report(
    floors: list[float], singles: list[Account], manies: list[Account], peers: list[Account], more: list[Samples]
) -> Report:
    floor = Samples("floor: COPY", "messages/s", tuple(floors))
    single = Samples("gateway: one unanswered", "messages/s", tuple(one.rate for one in singles))
    many = Samples(f"gateway: {MANY} unanswered", "messages/s", tuple(one.rate for one in manies))
    peer = Samples("peer: one unanswered", "messages/s", tuple(one.rate for one in peers))
    to_peer, to_floor = ratios("gateway / peer", single, peer), ratios("gateway at its best / floor", many, floor)
    waits = [
        Samples(f"{name}: acknowledgement, {label}", "ms", tuple(one.wait(share) for one in accounts))
        for name, accounts in (("gateway", singles), ("peer", peers))
        for label, share in (("median", 0.5), ("99 %", 0.99))
    ]
    conclusion = (
        f"Senders that wait for each acknowledgement: {to_peer.median:.1f} times the peer, which maps no facts.",
        f"Senders that do not: {to_floor.median:.1%} of what PostgreSQL takes in when nothing is parsed or answered.",
        "Real command centers see 8 to 50 messages a second. Every acknowledged message was found in the database.",
    )
    title = f"Gateway: {CONNECTIONS} MLLP connections, messages of simhospital.hl7, PostgreSQL with fsync"
    return Report(title, [floor, single, many, peer, to_peer, to_floor, *waits, *more], conclusion)


@contextmanager
def _postgresql() -> Iterator[Bench]:
    server = PostgresServer(durable=True)
    try:
        server.start()
        yield Bench(server)
    finally:
        server.close()
