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

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from icssn import actions
from icssn.errors import IcssnError, LabelsRefusedError
from icssn.records import Id
from icssn.ui import posted
from icssn.ui.addresses import under
from icssn.ui.session import workspace


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
    return await posted.answered(request, lambda: _drafts(request.path_params["scene"]), refused=_refused)


async def taken(request: Request) -> Response:
    """Keep or forget a draft, note the sign of life, answer with the revision and who else is there."""
    return await posted.answered(
        request,
        lambda message: _take(request.path_params["scene"], message),
        form=_Message.model_validate,
        refused=_refused,
        too_much="The draft is too large. Save now.",
    )


def _refused(err: IcssnError) -> tuple[int, str]:
    if isinstance(err, LabelsRefusedError):
        return 413, str(err)
    status, sentence = posted.told(err)
    return (status, sentence) if status == 503 else (404, "No such scene.")


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


def _drafts(scene_id: str) -> dict[str, Any]:
    return {
        "drafts": [
            {"session": draft.session_id, "draft": draft.body, "at": draft.kept_at.isoformat(), "open": draft.is_open}
            for draft in actions.drafts(workspace(), scene_id)
        ]
    }
