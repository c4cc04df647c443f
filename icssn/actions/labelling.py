"""Labels: looked at, edited, imported, exported."""

from __future__ import annotations

from pathlib import Path

from icssn.actions.permission import require
from icssn.records import (
    Edits,
    ImportedLabels,
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
from icssn.vectors import check, read, write


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


def import_labels(ws: Workspace, scene_id: str, path: Path, *, complete: bool = False) -> ImportedLabels:
    """Add the polygons of a vector file as landslides.

    Args:
        complete: The file holds *every* landslide of the scene: its whole extent becomes a label area.
    """
    require(ws, Role.annotator, "import labels")
    scene = scenes.get(ws.db, scene_id)
    found = read.read_labels(path, facts=scene.facts, scene_name=scene.name)
    there = {label.geometry_lonlat.wkb for label in labels.current(ws.db, scene_id)}
    area = (check.whole_scene_area(scene.facts),) if complete else ()
    new = tuple(label for label in (*found.labels, *area) if label.geometry_lonlat.wkb not in there)
    saved = labels.save(ws.db, scene_id, Edits(created=new), actor=ws.actor.name)
    return ImportedLabels(
        count=len(found.labels),
        already_there=sum(label.geometry_lonlat.wkb in there for label in found.labels),
        repaired=found.repaired,
        crs_name=found.crs_name,
        revision=saved.revision,
    )


def export_labels(ws: Workspace, scene_id: str, path: Path) -> int:
    """Write the scene's labels to a GeoPackage or GeoJSON in the scene's CRS; gives their count."""
    scene = scenes.get(ws.db, scene_id)
    return write.write_labels(path, labels.current(ws.db, scene_id), facts=scene.facts)
