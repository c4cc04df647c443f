"""Addresses: where our own routes are; and ``?lang=zh``, written by hand, leads to the word that the switch writes."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from icssn.ui.wording import LANGUAGES


class WrittenLanguage:
    """Sends a browser on from ``lang=zh`` to ``lang=中文``; everything else passes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "GET" and b"lang=" in scope["query_string"]:
            query = scope["query_string"].decode("latin-1")
            meant = translated(query)
            if meant != query:
                await RedirectResponse(f"?{meant}")(scope, receive, send)  # the same page, never another host
                return
        await self.app(scope, receive, send)


def translated(query: str) -> str:
    """Give a query with a language's code replaced by its name, else the query as it came."""
    pairs = parse_qsl(query, keep_blank_values=True)
    meant = [(key, LANGUAGES.get(value, value) if key == "lang" else value) for key, value in pairs]
    return query if meant == pairs else urlencode(meant)


def under(base: str, path: str) -> str:
    """Give the path of one of our routes under the server's base path, which may be empty."""
    return f"/{base.strip('/')}{path}" if base.strip("/") else path


def middleware() -> list[Middleware]:
    """Give what stands before all pages."""
    return [Middleware(WrittenLanguage)]
