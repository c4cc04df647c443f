"""A language's code in the address leads to what the switch writes there, on the same page and nowhere else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from icssn.ui.addresses import WrittenLanguage, translated

CHINESE = "%E4%B8%AD%E6%96%87"


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("lang=zh", f"lang={CHINESE}"),
        ("guide=false&lang=en", "guide=false&lang=English"),
        (f"lang={CHINESE}", f"lang={CHINESE}"),
        ("lang=fr&x=zh", "lang=fr&x=zh"),
        ("lang=zh&empty=", f"lang={CHINESE}&empty="),
    ],
)
def test_only_a_known_code_is_translated(query: str, meant: str) -> None:
    assert translated(query) == meant


@pytest.mark.parametrize("path", ["/Models", "//elsewhere.example/"])
def test_the_answer_leads_to_the_same_page_and_to_no_other_host(path: str) -> None:
    status, headers = asyncio.run(answered(path, "lang=zh"))
    assert (status, headers["location"]) == (307, f"?lang={CHINESE}")
    assert asyncio.run(answered(path, "guide=false"))[0] == 200


async def answered(path: str, query: str) -> tuple[int, dict[str, str]]:
    """Give status and headers of a GET through the middleware."""
    sent: list[Any] = []
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    await WrittenLanguage(PlainTextResponse("the page"))(scope, receive, send)
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}
