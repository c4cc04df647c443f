"""Labels: looked at, edited."""

from __future__ import annotations

from icssn.actions.permission import require
from icssn.records import (
    Edits,
    Label,
    LabelClass,
    LabelStep,
    LabelVersion,
    Role,
    SavedEdits,
    SceneSave,
)
from icssn.store import history, labels, scenes
from icssn.store.workspace import Workspace
from icssn.vectors import check


def list_labels(ws: Workspace, scene_id: str, *, cls: LabelClass | None = None) -> list[Label]:
    """Give the current labels of a scene."""
    return labels.current(ws.db, scene_id, cls=cls)


def label_revision(ws: Workspace, scene_id: str) -> int:
    """Give the number of the scene's latest label revision (0: never labelled)."""
    return labels.revision(ws.db, scene_id)


def label_history(ws: Workspace, uid: str) -> list[LabelVersion]:
    """Give every version of a label, oldest first."""
    return labels.history(ws.db, uid)


def scene_history(ws: Workspace, scene_id: str, *, limit: int = 50, before: int | None = None) -> list[SceneSave]:
    """Give the newest saves of a scene, the newest first; `before` a revision, to read on page by page."""
    return history.saves(ws.db, scene_id, limit=limit, before=before)


def save_steps(ws: Workspace, scene_id: str, revision: int) -> list[LabelStep]:
    """Give each label that one save touched, with its shape and attributes before and after."""
    return history.steps(ws.db, scene_id, revision)


def deleted_labels(ws: Workspace, scene_id: str, *, limit: int = 200) -> list[LabelStep]:
    """Give the labels of a scene that are deleted now, each as it was before and its deletion; the newest first."""
    return history.deletions(ws.db, scene_id, limit=limit)


def save_edits(ws: Workspace, scene_id: str, edits: Edits) -> SavedEdits:
    """Save one set of edits, whole or not at all; the same nonce is applied once.

    Raises:
        ConflictError: Somebody changed labels first; it carries both sides of each of them.
        LabelsRefusedError: A geometry cannot be used.
    """
    require(ws, Role.annotator, "change labels")
    scene = scenes.get(ws.db, scene_id)
    sound = check.checked(edits, facts=scene.facts, name=scene.name)
    saved = labels.save(ws.db, scene_id, sound, actor=ws.actor.name)
    return saved.model_copy(update={"repaired": check.repaired_uids(edits)})


def restore_version(ws: Workspace, uid: str, *, version: int) -> Label:
    """Append a version of a label equal to an earlier one; a deleted label rises again.

    Raises:
        NotFoundError: The label never had this version, or the version is its deletion.
    """
    require(ws, Role.annotator, "restore a label")
    return labels.restore(ws.db, uid, version=version, actor=ws.actor.name)
