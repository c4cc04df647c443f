"""Labels in and out: looked at before they come in, carried from and to the formats of other programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from icssn.actions.permission import require
from icssn.actions.recording import label_records
from icssn.records import Edits, ExportedLabels, ImportedLabels, ImportPreview, NewLabel, Role, new_id
from icssn.store import labels, origins, scenes
from icssn.store.workspace import Workspace
from icssn.vectors import check, read, write


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
    there = {_place(label.geometry_lonlat) for label in labels.current(ws.db, scene_id)}
    area = (check.whole_scene_area(scene.facts),) if complete else ()
    new = [label for label in (*found.labels, *area) if _place(label.geometry_lonlat) not in there]
    saved = labels.save(ws.db, scene_id, Edits(created=_with_free_uids(ws, new)), actor=ws.actor.name)
    return ImportedLabels(
        count=len(found.labels),
        already_there=sum(_place(label.geometry_lonlat) in there for label in found.labels),
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
    """
    scene = scenes.get(ws.db, scene_id)
    return write.write_labels(path, label_records(ws, scene_id), facts=scene.facts, scene_name=scene.name)


def _place(geometry_lonlat: BaseGeometry) -> bytes:
    """Give what equal geometries have in common, on whatever way through another CRS: to the millimetre, in order."""
    rounded = shapely.transform(geometry_lonlat, lambda corners: corners.round(8))
    return bytes(shapely.normalize(rounded).wkb)


def _with_free_uids(ws: Workspace, new: list[NewLabel]) -> tuple[NewLabel, ...]:
    """Give labels a new number where theirs was ever used in this workspace, or twice in the file."""
    used = origins.known(ws.db, [label.uid for label in new])
    free = []
    for label in new:
        free.append(label.model_copy(update={"uid": new_id()}) if label.uid in used else label)
        used.add(label.uid)
    return tuple(free)
