"""Where a geologist wants to see the new mask first: around the landslide that was worked on last."""

from __future__ import annotations

import shapely
from affine import Affine
from shapely.affinity import affine_transform
from shapely.geometry import box

from icssn.geo import crs
from icssn.records import Bounds, LabelClass, Scene
from icssn.store import history
from icssn.store.workspace import Workspace

SIDE_PX = 1536  # about what a screen shows
FEWEST = 4  # times as many pixels a scene must have, or the whole is there almost as soon
_SAVES = 20  # looked through for a landslide; the newest ones may be of label areas alone


def bounds_of_last_work(ws: Workspace, scene: Scene) -> Bounds | None:
    """Give a window of a scene around its landslide (or look-alike) that was saved last.

    Returns:
        (west, south, east, north) in degrees, `SIDE_PX` px a side or less at the scene's border; None for a small
        scene, one without such a label, and one whose last lies far off the image.
    """
    facts = scene.facts
    if facts.width * facts.height < FEWEST * SIDE_PX**2:
        return None
    for save in history.saves(ws.db, scene.id, limit=_SAVES):
        for step in reversed(history.steps(ws.db, scene.id, save.revision)):
            shape = step.after.geometry_lonlat or (step.before and step.before.geometry_lonlat)  # a deletion has none
            if shape and step.after.cls is not LabelClass.label_area:
                return _window_around(shape.centroid, scene)
    return None


def _window_around(place_lonlat: shapely.Point, scene: Scene) -> Bounds | None:
    grid = Affine(*scene.facts.transform)
    place = crs.from_lonlat(place_lonlat, scene.facts.crs_wkt)
    col, row = ~grid * (place.x, place.y)
    half = SIDE_PX / 2
    window = box(col - half, row - half, col + half, row + half).intersection(
        box(0, 0, scene.facts.width, scene.facts.height)
    )
    if not window.area:
        return None
    a, b, c, d, e, f = scene.facts.transform
    outline = crs.to_lonlat(affine_transform(window, [a, b, d, e, c, f]), scene.facts.crs_wkt)
    west, south, east, north = outline.bounds
    return west, south, east, north
