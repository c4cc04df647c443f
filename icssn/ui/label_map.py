"""The label editor on its map: shows a scene's labels, saves what the browser sends."""

from __future__ import annotations

from typing import Any

import streamlit as st

from icssn import actions
from icssn.errors import ConflictError, IcssnError
from icssn.records import Scene
from icssn.store.workspace import Workspace
from icssn.ui import map as maps
from icssn.ui import payload
from icssn.ui.wording import phrase

LEGEND = [("landslide", "landslide"), ("label_area", "label_area"), ("hard_negative", "hard_negative")]
_KEYS = [
    ("D", "key_draw"),
    ("E", "key_edit"),
    ("Del", "key_delete"),
    ("Enter", "key_finish"),
    ("Backspace", "key_back"),
    ("Esc", "key_escape"),
    ("Ctrl+Z", "undo"),
    ("Ctrl+Y", "redo"),
    ("Ctrl+S", "save"),
]


def edit(ws: Workspace, scene: Scene) -> None:
    """Show the editor for a scene; a Save of the browser is applied before the page runs again."""
    answer = f"answer_label_{scene.id}"
    maps.show(
        "editor",
        scene,
        key=f"editor_{scene.id}",
        legend=LEGEND,
        keys=_KEYS,
        options={"lookAlikes": payload.LOOK_ALIKES},
        contents={
            "revision": actions.label_revision(ws, scene.id),
            "labels": payload.label_items(actions.list_labels(ws, scene.id)),
            "answer": st.session_state.get(answer),
        },
        on_event=lambda event: st.session_state.update({answer: saved(ws, scene.id, event)}),
    )


def saved(ws: Workspace, scene_id: str, event: dict[str, Any]) -> dict[str, Any]:
    """Apply one Save and give the answer for the browser: ``{nonce, ok, text}``, with both sides of a conflict."""
    try:
        edits = payload.edits(event)
        done = actions.save_edits(ws, scene_id, edits)
    except ConflictError as err:
        conflicts = payload.conflict_items(err.conflicts)
        return {"nonce": event.get("nonce"), "ok": False, "text": str(err), "conflicts": conflicts}
    except IcssnError as err:
        return {"nonce": event.get("nonce"), "ok": False, "text": str(err)}
    text = phrase(
        "label.saved",
        created=len(edits.created),
        changed=len(edits.changed),
        deleted=len(edits.deleted),
        revision=done.revision,
    )
    return {"nonce": edits.nonce, "ok": True, "text": text}
