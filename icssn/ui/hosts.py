"""By which names the server may be called, so that no foreign page can call it by a name of its own (DNS rebinding).

A page at another site may have its own name lead to 127.0.0.1. To the browser it then is one origin with this server,
and nothing but the name tells the two apart. So every request is asked for it: pages, their connection and our routes.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from icssn import environment
from icssn.ui.wording import phrase, preferred

_HERE = ("localhost", "127.0.0.1", "[::1]")


class KnownHosts:
    """Refuses, with 403 and a sentence, whatever calls the server by another name; everything else passes."""

    def __init__(self, app: ASGIApp, *, names: frozenset[str]) -> None:
        self.app, self.names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let one connection begin."""
        if scope["type"] in ("http", "websocket"):
            headers = Headers(scope=scope)
            called = {name_of(host) for host in headers.getlist("host")}
            if not called or called - self.names:
                name = ", ".join(sorted(called - self.names))[:100]
                told = phrase("frame.other_host", language=preferred(headers.get("accept-language")), name=name)
                await PlainTextResponse(told, status_code=403)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def name_of(host: str) -> str:
    """Give the name or number out of a ``Host`` header, in small letters, without port and brackets; "" for none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def known() -> frozenset[str]:
    """Give the names of this machine to itself, those that ``ICSSN_HOSTS`` adds, and where Streamlit is told to be."""
    told = [str(st.get_option(option) or "") for option in ("server.address", "browser.serverAddress")]
    return frozenset(map(name_of, (*_HERE, *environment.hosts(), *told))) - {""}


def middleware() -> list[Middleware]:
    """Give what stands before all else that answers."""
    return [Middleware(KnownHosts, names=known())]
