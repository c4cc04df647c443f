"""What our own scripts post to our own routes: from the same origin, small, JSON, answered with JSON.

Routes stand outside Streamlit's protection against forged requests, so each POST is checked here: a foreign page can
neither set the header ``X-ICSSN`` without asking first nor hide its origin, and `hosts` sees to it that this origin's
name is one of ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from icssn.errors import ConflictError, DatabaseUnusableError, DiskFullError, IcssnError, NotAllowedError, NotFoundError
from icssn.ui import as_json, wording

LIMIT_BYTES = 16 << 20
FRESH = {"Cache-Control": "no-store"}
_STATUS: list[tuple[type[IcssnError], int]] = [
    (NotFoundError, 404),
    (NotAllowedError, 403),
    (DiskFullError, 503),
    (DatabaseUnusableError, 503),
]

an_object = TypeAdapter(dict[str, Any]).validate_python


def told(err: IcssnError) -> tuple[int, str]:
    """Give the status and the sentence with which a refusal is answered."""
    return next((status for kind, status in _STATUS if isinstance(err, kind)), 422), str(err)


async def answered(
    request: Request,
    work: Callable[..., Any],
    *,
    form: Callable[[Any], Any] = an_object,
    refused: Callable[[IcssnError], tuple[int, str]] = told,
    too_much: str = "",
) -> Response:
    """Give a POST's JSON to `work`, in the thread pool, and answer with what it returns.

    A GET calls `work` without anything. Refusals are ``{"error": sentence}``: 400 for another form, 403 for another
    site's page, 409 for a conflict (with both sides, see `as_json.conflicts`), 413 for too much, 422 for what
    cannot be done, 503 for a full disk.

    Args:
        request: What came.
        work: What is to be done.
        form: Gives what `work` takes, or a ValueError where the JSON is of another form.
        refused: Gives status and sentence for what `work` refuses, conflicts apart.
        too_much: The sentence for a body over `LIMIT_BYTES`; one that fits every message by default.
    """
    if not is_ours(request):
        return refusal(request, 403, "Only ICSSN's own pages may do this.")
    given: list[Any] = []
    if request.method == "POST":
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > LIMIT_BYTES:
                sentence = too_much or f"This is more than {LIMIT_BYTES >> 20} MB. Do it in smaller steps."
                return refusal(request, 413, sentence)
        try:
            given = [form(json.loads(body))]
        except (ValueError, RecursionError):
            return refusal(request, 400, "The message cannot be read. Reload the page.")
    try:
        found = await run_in_threadpool(work, *given)
    except ConflictError as err:
        sides = as_json.conflicts(err.conflicts)
        sentence = wording.told(str(err), language=language(request))
        return JSONResponse({"error": sentence, "conflicts": sides}, status_code=409, headers=FRESH)
    except IcssnError as err:
        return refusal(request, *refused(err))
    return JSONResponse(found, headers=FRESH)


def is_ours(request: Request) -> bool:
    """Say whether one of our own pages asks."""
    asked = request.headers
    if not asked.get("x-icssn") or asked.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = asked.get("origin")
    return origin is None or urlsplit(origin).netloc == asked.get("host")


def language(request: Request) -> str:
    """Give the language of the page that asks: our scripts put it into ``Accept-Language``."""
    return wording.preferred(request.headers.get("accept-language"))


def refusal(request: Request, status: int, sentence: str) -> Response:
    """Answer with a refusal in one sentence, in the language of the page that asks."""
    error = wording.told(sentence, language=language(request))
    return JSONResponse({"error": error}, status_code=status, headers=FRESH)
