"""Changes of outlines that the browser asks for: read, made by `icssn.geo.outlines`, given back; nothing is stored."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import LineString, Polygon, mapping
from shapely.geometry.base import BaseGeometry

from icssn.errors import IcssnError, LabelsRefusedError, NotFoundError
from icssn.geo import outlines
from icssn.geo.crs import area_m2
from icssn.ui import payload

MAX_CORNERS = 200_000  # of one change of outlines: two of the largest labels

VERBS: dict[str, Callable[[list[BaseGeometry], list[tuple[float, float]], float], list[BaseGeometry]]] = {
    "reshape": lambda polygons, line, reach_m: [outlines.reshape(polygons[0], LineString(line), reach_m=reach_m)],
    "split": lambda polygons, line, reach_m: outlines.split(polygons[0], LineString(line), reach_m=reach_m),
    "merge": lambda polygons, _, __: [outlines.merge(polygons)],
    "cut": lambda polygons, line, _: [outlines.cut(polygons[0], Polygon(line))],
    "fill": lambda polygons, _, __: [outlines.fill(polygons[0])],
    "simplify": lambda polygons, _, reach_m: [outlines.simplify(polygons[0], tolerance_m=reach_m)],
    "smooth": lambda polygons, _, reach_m: [outlines.smooth(polygons[0], reach_m=reach_m)],
}


def changed(verb: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Change outlines as the browser asks, ``{polygons, line, reach_m}``.

    Args:
        verb: reshape, split, merge, cut, fill, simplify or smooth.
        asked: `line` is what was drawn, [[longitude, latitude], …]; for ``cut`` it is the ring of the hole.
            `reach_m` is how coarse ``simplify`` and ``smooth`` may be, and how far short of the boundary a line of
            ``reshape`` and ``split`` may stop, m.

    Returns:
        ``{polygons, areas, before}``: what the change left, its areas, and the area of all there was, m².

    Raises:
        LabelsRefusedError: The payload is not of this form, or too large.
        NotFoundError: There is no such verb.
        OutlineError: The change cannot be made as it was drawn.
    """
    if verb not in VERBS:
        raise NotFoundError("change of outlines", verb, known=VERBS)
    try:
        polygons = [payload.polygon(item) for item in asked["polygons"]]
        line = [(float(lon), float(lat)) for lon, lat in asked.get("line") or ()]
        reach_m = float(asked.get("reach_m") or 0)
        if not polygons or not 0 <= reach_m < 1e5 or not all(map(math.isfinite, sum(line, ()))):
            raise _unusable("a change without polygons, or with impossible numbers")
        if len(line) + sum(shapely.get_num_coordinates(polygon) for polygon in polygons) > MAX_CORNERS:
            raise _unusable(f"more than {MAX_CORNERS:,} corners")
        found = VERBS[verb](polygons, line, reach_m)
    except (KeyError, TypeError, ValueError, AttributeError, ShapelyError) as err:
        raise err if isinstance(err, IcssnError) else _unusable(err) from err
    return {
        "polygons": [mapping(polygon) for polygon in found],
        "areas": [area_m2(polygon) for polygon in found],
        "before": sum(area_m2(polygon) for polygon in polygons),
    }


def _unusable(found: object) -> LabelsRefusedError:
    return LabelsRefusedError(
        "from the map",
        found=f"a change of outlines that cannot be read ({str(found)[:150]})",
        needed="polygons and a line drawn on the map",
        remedy="Reload the page; unsaved edits are kept.",
    )
