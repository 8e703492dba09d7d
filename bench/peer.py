"""The peer of the gateway benchmark: what a day's work with PyPI's `hl7` gives. `python -m bench.peer PORT`.

Its own MLLP server; each message is parsed, its key and bytes inserted, committed, and acknowledged; one database
connection for each sender. No facts, no counters, no quarantine: less work than the gateway does. PG* variables say
where the database is.
"""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import uvloop
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server

TABLE = """create table if not exists message (
    id bigint generated always as identity primary key, application text, facility text, control_id text, type text,
    raw text, received_at timestamptz default now(), unique (application, facility, control_id))"""
INSERT = "insert into message (application, facility, control_id, type, raw) values ($1, $2, $3, $4, $5)"


async def serve(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
    """One sender, until it leaves."""
    connection = await asyncpg.connect()
    try:
        while not reader.at_eof():
            message = await reader.readmessage()
            key = (str(message[f"MSH.F{number}"]) for number in (3, 4, 10))
            await connection.execute(INSERT, *key, str(message["MSH.F9"]), str(message))
            writer.writemessage(message.create_ack())
            await writer.drain()
    except asyncio.IncompleteReadError:
        pass
    finally:
        await connection.close()
        writer.close()


async def main(port: int) -> None:
    """Serve for ever."""
    connection = await asyncpg.connect()
    await connection.execute(TABLE)
    await connection.close()
    async with await start_hl7_server(serve, "127.0.0.1", port, encoding="utf-8", limit=2**24) as server:
        await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
