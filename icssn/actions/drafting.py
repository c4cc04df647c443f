"""Unsaved edits, kept while they are made; and who else has the scene open.

A draft belongs to (scene, person, browser tab). What is in it is the browser's own affair: a text of JSON that comes
back exactly as it was given. The tab keeps it within a second of each edit, drops it after a Save, and looks for the
drafts of tabs that are gone when it opens a scene.
"""

from __future__ import annotations

from icssn.actions.permission import require
from icssn.errors import LabelsRefusedError
from icssn.records import Draft, Present, Role
from icssn.store import seats
from icssn.store.workspace import Workspace

DRAFT_LIMIT_BYTES = 4 << 20
"""About 1,500 polygons of 60 corners, with what undo needs."""


def keep_draft(ws: Workspace, scene_id: str, session_id: str, draft_json: str) -> None:
    """Keep a tab's unsaved edits in the place of its earlier draft; returns when they are on the disk.

    Args:
        ws: The workspace.
        scene_id: The scene being edited.
        session_id: Chosen by the tab, 1–64 letters, digits, ``-`` or ``_``; the same across its reloads.
        draft_json: Opaque text of at most `DRAFT_LIMIT_BYTES` in UTF-8.

    Raises:
        LabelsRefusedError: It is too large, or no text that can be stored.
        NotFoundError: There is no such scene.
        NotAllowedError: The actor may not edit.
    """
    require(ws, Role.annotator, "change labels")
    _refuse_unfit(draft_json)
    seats.keep(ws.db, scene_id, person=ws.actor.name, session_id=session_id, draft=draft_json)


def drafts(ws: Workspace, scene_id: str) -> list[Draft]:
    """Give the actor's drafts on a scene, the newest first, those of closed or crashed tabs included."""
    return seats.drafts(ws.db, scene_id, person=ws.actor.name)


def drop_draft(ws: Workspace, scene_id: str, session_id: str) -> None:
    """Forget a draft of the actor: its edits were saved, taken over by another tab, or thrown away."""
    require(ws, Role.annotator, "change labels")
    seats.drop(ws.db, scene_id, person=ws.actor.name, session_id=session_id)


def check_in(ws: Workspace, scene_id: str, session_id: str) -> list[Present]:
    """Say that a tab edits the scene, and give who else does; a tab silent for 20 s counts as gone.

    Who may only look is told the same, but is not counted.

    Raises:
        NotFoundError: There is no such scene.
    """
    if ws.actor.role is not Role.viewer:
        seats.beat(ws.db, scene_id, person=ws.actor.name, session_id=session_id)
    return present(ws, scene_id, session_id)


def present(ws: Workspace, scene_id: str, session_id: str) -> list[Present]:
    """Give who else has the scene open for editing, without a sign of life of one's own (a kept draft is one)."""
    return seats.others(ws.db, scene_id, session_id=session_id)


def _refuse_unfit(draft_json: str) -> None:
    try:
        size = len(draft_json.encode())
    except UnicodeEncodeError:
        found = "it holds half a character"
    else:
        if size <= DRAFT_LIMIT_BYTES and "\0" not in draft_json:
            return
        found = f"it has {size / 1e6:.1f} MB" if size > DRAFT_LIMIT_BYTES else "it holds a zero character"
    raise LabelsRefusedError(
        "of the draft", found=found, needed=f"text of at most {DRAFT_LIMIT_BYTES / 1e6:.1f} MB", remedy="Save now."
    )
