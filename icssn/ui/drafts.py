"""Drafts on the application's own port, so that keeping one costs no run of the page.

``POST drafts/{scene}`` with the header ``X-ICSSN: draft`` and JSON::

    {"session": "tab id", "draft": "text" | null, "drop": ["other tab id", …]}

keeps (text) or forgets (null) the tab's draft, or leaves it as it is (no "draft"); forgets the drafts of other tabs
that this one has taken over ("drop", optional); counts as a sign of life, to be sent every 5 s at least; and answers
``{"revision": n, "others": [{"person": "Li", "tabs": 1}, …]}``: the scene's label revision, and who else edits.

``GET drafts/{scene}`` with the same header answers ``{"drafts": [{"session": …, "draft": "text", "at": "ISO 8601",
"open": bool}, …]}``: this person's drafts, newest first; an open one belongs to a tab that is still there.

Refusals are ``{"error": "sentence"}``: 400 for another form, 403 for another site's page, 404 for what is unknown or
not allowed, 413 for a draft over `actions`' limit, 503 when the disk or the database fails (send it again).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from icssn import actions
from icssn.errors import (
    DatabaseUnusableError,
    DiskFullError,
    IcssnError,
    LabelsRefusedError,
)
from icssn.records import Id
from icssn.ui import posted
from icssn.ui.addresses import under
from icssn.ui.session import workspace

_REQUEST_LIMIT_BYTES = 16 << 20  # a draft's quotes are escaped on the way here


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    session: Id
    draft: str | None = None
    drop: list[Id] = Field(default=[], max_length=100)


def routes(base: str = "") -> list[Route]:
    """Give the draft routes under the server's base path."""
    return [
        Route(under(base, "/drafts/{scene}"), given, methods=["GET"]),
        Route(under(base, "/drafts/{scene}"), taken, methods=["POST"]),
    ]


async def given(request: Request) -> Response:
    """Answer with this person's drafts of a scene."""
    return await _answer(request, lambda scene: {"drafts": _drafts(scene)})


async def taken(request: Request) -> Response:
    """Keep or forget a draft, note the sign of life, answer with the revision and who else is there."""
    if not posted.is_ours(request):
        return posted.refusal(request, 403, "Only ICSSN's own pages may do this.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _REQUEST_LIMIT_BYTES:
            return posted.refusal(request, 413, "The draft is too large. Save now.")
    try:
        message = _Message.model_validate(json.loads(body))
    except (ValueError, ValidationError, RecursionError):
        return posted.refusal(request, 400, "The draft cannot be read. Reload the page.")
    return await _answer(request, lambda scene: _take(scene, message))


async def _answer(request: Request, work: Callable[[str], dict[str, Any]]) -> Response:
    if not posted.is_ours(request):
        return posted.refusal(request, 403, "Only ICSSN's own pages may do this.")
    try:
        found = await run_in_threadpool(work, request.path_params["scene"])
    except LabelsRefusedError as err:
        return posted.refusal(request, 413, str(err))
    except (DiskFullError, DatabaseUnusableError) as err:
        return posted.refusal(request, 503, str(err))
    except IcssnError:
        return posted.refusal(request, 404, "No such scene.")
    return JSONResponse(found, headers=posted.FRESH)


def _take(scene_id: str, message: _Message) -> dict[str, Any]:
    ws = workspace()
    if message.draft is not None:
        actions.keep_draft(ws, scene_id, message.session, message.draft)
    elif "draft" in message.model_fields_set:
        actions.drop_draft(ws, scene_id, message.session)
    for other in message.drop:
        actions.drop_draft(ws, scene_id, other)
    look = actions.check_in if message.draft is None else actions.present  # a kept draft is a sign of life
    others = look(ws, scene_id, message.session)
    return {
        "revision": actions.label_revision(ws, scene_id),
        "others": [{"person": other.person, "tabs": other.tabs} for other in others],
    }


def _drafts(scene_id: str) -> list[dict[str, Any]]:
    return [
        {"session": draft.session_id, "draft": draft.body, "at": draft.kept_at.isoformat(), "open": draft.is_open}
        for draft in actions.drafts(workspace(), scene_id)
    ]
