"""Requests as our own pages send them, through the real router."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

OURS = {"x-icssn": "draft", "host": "localhost:8501", "origin": "http://localhost:8501"}


def ask(
    routes: Sequence[Route], method: str, path: str, body: bytes | object = b"", headers: dict[str, str] = OURS
) -> tuple[int, Any]:
    """Send one request; gives status and the JSON of the answer."""
    sent: list[dict[str, Any]] = []
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    parts = [raw[start : start + 65536] for start in range(0, len(raw), 65536)] or [b""]
    coming = iter(enumerate(parts, 1))

    async def receive() -> dict[str, Any]:
        number, part = next(coming)
        return {"type": "http.request", "body": part, "more_body": number < len(parts)}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    raw_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw_headers, "query_string": b""}
    asyncio.run(Starlette(routes=list(routes))({**scope, "root_path": ""}, receive, send))
    return sent[0]["status"], json.loads(b"".join(part.get("body", b"") for part in sent[1:]))
