"""Labels in and out: looked at before they come in, carried from and to the formats of other programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from icssn.actions import returning
from icssn.actions.permission import require
from icssn.actions.recording import label_records
from icssn.actions.returning import Returned
from icssn.actions.targets import require_apart
from icssn.actions.whereabouts import NO_HEIGHTS, elevation_gone
from icssn.records import (
    Edits,
    ExportedLabels,
    ImportedLabels,
    ImportPreview,
    NewLabel,
    Role,
    Scene,
    new_id,
)
from icssn.store import labels, origins, scenes
from icssn.store.workspace import Workspace
from icssn.vectors import check, read, write
from icssn.vectors.places import at_places


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


def preview_return(
    ws: Workspace,
    scene_id: str,
    path: Path,
    *,
    points: bool = False,
    columns: Mapping[str, str | None] | None = None,
    layer: str = "",
) -> Returned:
    """Say what an import would add, change and leave, without importing anything; arguments as `import_labels`.

    Raises:
        LabelsRefusedError: The file or one of its features cannot be used.
    """
    scene = scenes.get(ws.db, scene_id)
    found = read.read_labels(path, facts=scene.facts, scene_name=scene.name, points=points, wish=columns, layer=layer)
    return returning.compared(ws, scene, found, file=path.name)


def import_labels(
    ws: Workspace,
    scene_id: str,
    path: Path,
    *,
    complete: bool = False,
    points: bool = False,
    columns: Mapping[str, str | None] | None = None,
    layer: str = "",
    called: str = "",
) -> ImportedLabels:
    """Add the features of a vector file as labels: all of them, or none where one cannot be used.

    What lies at the place of a label is not added again, nor in an export of ours what has the number of one. Where
    such a label has not changed since the export, it takes over what was edited in the file, its outline too, as a new
    version that names the file. Where it has changed or was deleted, it stays as it is. A label that the file does
    not have stays.

    Args:
        complete: The file holds *every* landslide of the scene: its whole extent becomes a label area.
        points: Points in the file become landslide points; else they are refused.
        columns: Column of the file → field of the landslide record, where it differs from what the preview suggests;
            "" leaves a column out, None keeps it under its own name.
        layer: Of a file with several.
        called: What its owner calls the file, where that is not the path's name.

    Raises:
        ConflictError: Somebody changed one of the labels meanwhile; nothing was imported.
        LabelsRefusedError: The file or one of its features cannot be used.
    """
    require(ws, Role.annotator, "import labels")
    scene = scenes.get(ws.db, scene_id)
    found = read.read_labels(path, facts=scene.facts, scene_name=scene.name, points=points, wish=columns, layer=layer)
    returned = returning.compared(ws, scene, found, file=called or path.name)
    new = list(returned.new)
    if complete and not _lies_there(ws, scene, area := check.whole_scene_area(scene.facts)):
        new.append(area)
    edits = Edits(created=_with_free_uids(ws, new), changed=tuple(returned.edited.values()))
    saved = labels.save(ws.db, scene_id, edits, actor=ws.actor.name)
    return ImportedLabels(
        count=len(found.labels),
        already_there=returned.there,
        updated=len(returned.edited),
        left=returned.left + returned.deleted,
        repaired=found.repaired,
        off_scene=found.off_scene,
        crs_name=found.crs_name,
        columns=found.columns,
        strange=found.strange,
        revision=saved.revision,
    )


def export_labels(ws: Workspace, scene_id: str, path: Path) -> ExportedLabels:
    """Write the scene's labels with their whole records; the file's ending says in which format.

    Where the scene's elevation model is gone, heights and slopes are left out, and a notice says so.

    Raises:
        LabelsRefusedError: The ending is none that is known.
        UnwritableError: The path lies in the project or is a raster of a scene; or what stands there is no export of
            ours; or as `icssn.vectors.write.write_labels`.
        DiskFullError: The disk is full.
    """
    scene = scenes.get(ws.db, scene_id)
    require_apart(ws, [path])
    done = write.write_labels(path, label_records(ws, scene_id), facts=scene.facts, scene_name=scene.name)
    return done.model_copy(update={"notices": (*done.notices, NO_HEIGHTS)}) if elevation_gone(scene) else done


def _lies_there(ws: Workspace, scene: Scene, area: NewLabel) -> bool:
    standing = [label.geometry_lonlat for label in labels.current(ws.db, scene.id)]
    return any(at_places([area.geometry_lonlat], standing))


def _with_free_uids(ws: Workspace, new: list[NewLabel]) -> tuple[NewLabel, ...]:
    """Give labels a new number where theirs was ever used in this workspace, or twice in the file."""
    used = origins.known(ws.db, [label.uid for label in new])
    free = []
    for label in new:
        free.append(label.model_copy(update={"uid": new_id()}) if label.uid in used else label)
        used.add(label.uid)
    return tuple(free)
