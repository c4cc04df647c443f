"""Labels in and out: looked at before they come in, carried from and to the formats of other programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from icssn.actions import returning
from icssn.actions.permission import require
from icssn.actions.recording import label_records
from icssn.actions.targets import require_apart
from icssn.records import (
    Edits,
    ExportedLabels,
    ImportedLabels,
    ImportPreview,
    LabelChange,
    NewLabel,
    Role,
    Scene,
    new_id,
)
from icssn.store import labels, origins, scenes
from icssn.store.workspace import Workspace
from icssn.vectors import check, read, source, write


def preview_import(
    ws: Workspace,
    scene_id: str,
    path: Path,
    *,
    points: bool = False,
    columns: Mapping[str, str | None] | None = None,
    layer: str = "",
) -> ImportPreview:
    """Say what a vector file holds and how its columns are understood, without importing it; see `import_labels`.

    Raises:
        LabelsRefusedError: The file as a whole cannot be read; what is wrong with single features is in the preview.
    """
    scene = scenes.get(ws.db, scene_id)
    return read.preview(path, facts=scene.facts, scene_name=scene.name, points=points, wish=columns, layer=layer)


def import_labels(
    ws: Workspace,
    scene_id: str,
    path: Path,
    *,
    complete: bool = False,
    points: bool = False,
    columns: Mapping[str, str | None] | None = None,
    layer: str = "",
) -> ImportedLabels:
    """Add the features of a vector file as labels: all of them, or none where one cannot be used.

    What lies at the place of a label is not added again. Where the file is an export of ours, and the label has not
    changed since, the label takes over what was edited in the file.

    Args:
        complete: The file holds *every* landslide of the scene: its whole extent becomes a label area.
        points: Points in the file become landslide points; else they are refused.
        columns: Column of the file → field of the landslide record, where it differs from what the preview suggests;
            "" leaves a column out, None keeps it under its own name.
        layer: Of a file with several.

    Raises:
        LabelsRefusedError: The file or one of its features cannot be used.
    """
    require(ws, Role.annotator, "import labels")
    scene = scenes.get(ws.db, scene_id)
    found = read.read_labels(path, facts=scene.facts, scene_name=scene.name, points=points, wish=columns, layer=layer)
    ours = found.columns.get("uid") == found.columns.get("class") == ""
    returned = returning.compared(ws, scene, found.labels, columns=set(found.columns.values()), ours=ours)
    changed = _not_older(returned.edited, path, scene, layer=layer)
    new = returned.new
    if complete:
        area = check.whole_scene_area(scene.facts)
        new += returning.compared(ws, scene, [area], columns=(), ours=False).new
    edits = Edits(created=_with_free_uids(ws, new), changed=changed)
    saved = labels.save(ws.db, scene_id, edits, actor=ws.actor.name)
    return ImportedLabels(
        count=len(found.labels),
        already_there=returned.there,
        updated=len(changed),
        left=returned.others + len(returned.edited) - len(changed),
        repaired=found.repaired,
        off_scene=found.off_scene,
        crs_name=found.crs_name,
        columns=found.columns,
        strange=found.strange,
        revision=saved.revision,
    )


def export_labels(ws: Workspace, scene_id: str, path: Path) -> ExportedLabels:
    """Write the scene's labels with their whole records; the file's ending says in which format.

    Raises:
        LabelsRefusedError: The ending is none that is known.
        UnwritableError: The path lies in the project or is a raster of a scene; or as
            `icssn.vectors.write.write_labels`.
        DiskFullError: The disk is full.
    """
    scene = scenes.get(ws.db, scene_id)
    require_apart(ws, [path])
    return write.write_labels(path, label_records(ws, scene_id), facts=scene.facts, scene_name=scene.name)


def _not_older(edited: Mapping[str, LabelChange], path: Path, scene: Scene, *, layer: str) -> tuple[LabelChange, ...]:
    """Give the changes to labels that stand as they stood when the file was written, as its versions say."""
    if not edited:
        return ()
    rows = source.features(path, layer=layer, facts=scene.facts, scene_name=scene.name).rows
    versions = {str(row.get("uid")): row.get("version") for row in rows}
    return tuple(change for uid, change in edited.items() if versions.get(uid) == change.expected_version)


def _with_free_uids(ws: Workspace, new: list[NewLabel]) -> tuple[NewLabel, ...]:
    """Give labels a new number where theirs was ever used in this workspace, or twice in the file."""
    used = origins.known(ws.db, [label.uid for label in new])
    free = []
    for label in new:
        free.append(label.model_copy(update={"uid": new_id()}) if label.uid in used else label)
        used.add(label.uid)
    return tuple(free)
