"""What can be said about labels: what looks wrong with them."""

from __future__ import annotations

from pathlib import Path

from icssn.imagery.valid import nodata_lonlat
from icssn.records import LabelWarning
from icssn.store import labels, scenes
from icssn.store.workspace import Workspace
from icssn.vectors import warn


def check_labels(ws: Workspace, scene_id: str) -> list[LabelWarning]:
    """Give what looks wrong with a scene's labels: overlaps, slivers, outlines off the image, unlikely sizes.

    Raises:
        NotFoundError: There is no such scene.
        RasterRefusedError: The scene's file is gone or damaged.
    """
    scene = scenes.get(ws.db, scene_id)
    image = ws.path(scene.tiles) if scene.tiles else Path(scene.original)  # the copy for the map has overviews
    return warn.warnings_about(labels.current(ws.db, scene_id), facts=scene.facts, nodata_lonlat=nodata_lonlat(image))
