"""Requests with a body, over a real socket, as another program or a foreign page would send them."""

from __future__ import annotations

import asyncio
import json
from typing import Any


async def post(port: int, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    """Status and JSON of a POST; `body` is JSON unless it is bytes. Headers: `_` stands for `-`."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Host": f"127.0.0.1:{port}", "Content_Type": "application/json", "Content_Length": str(len(raw)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in sent.items() if value)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST {path} HTTP/1.1\r\nConnection: close\r\n{lines}\r\n".encode() + raw)
    answer = await asyncio.wait_for(reader.read(), 120)
    writer.close()
    head, _, rest = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(rest)
