"""What the ground under one candidate says: a profile down its axis, and what speaks against a landslide.

All geometries here are in metres on the ground, in the local frame of one elevation window: x to the right from its
left side, y down from its top.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from icssn.imagery.terrain import Terrain, slopes

_SAMPLES = 64  # of a profile
_BEYOND = 0.35  # of the axis, shown above the crown and below the toe
_ROUND = 1.25  # length ÷ width below which the long axis means nothing and the dip gives the direction
_FLAT_DEG, _CLIFF_DEG = 5.0, 50.0  # deep-seated slides are rare below the first; above the second rock falls
_ACROSS_DEG = 60.0  # between long axis and dip
_NARROW = 6.0  # length ÷ width of roads and gullies
_TREAD_DEG, _RISER_DEG = 6.0, 18.0  # of farmed terraces
_STEPS = 5  # risers with a tread on both sides: none of the demo's 20 landslides has so many, old terraces have
_BUMP = 0.25  # of the relief, by which a profile rises or sinks between its ends


@dataclass(frozen=True)
class Ground:
    """Elevations around one candidate.

    Attributes:
        elevation: (H, W), m; NaN where unknown.
        across_m: Width of a pixel on the ground.
        down_m: Height of a pixel on the ground.
    """

    elevation: npt.NDArray[np.float64]
    across_m: float
    down_m: float


@dataclass(frozen=True)
class Profile:
    """Elevations along an axis, from above the crown to below the toe.

    Attributes:
        distance_m: From the start of the line, (n,).
        elevation_m: At these places, (n,).
        inside_m: Where the candidate begins and ends on the line.
    """

    distance_m: tuple[float, ...]
    elevation_m: tuple[float, ...]
    inside_m: tuple[float, float]


@dataclass(frozen=True)
class Relief:
    """What the elevation model says about one candidate; `checks` are keys of the catalogue, ``map.check_…``."""

    measures: dict[str, float]
    profile: Profile | None
    checks: tuple[tuple[str, dict[str, float]], ...]


def look(ground: Ground, outline_m: BaseGeometry, under: Terrain | None) -> Relief:
    """Draw the profile of the ground under an outline and say what is unusual about it for a landslide.

    Args:
        ground: Elevations with some margin around the outline.
        outline_m: Polygon or MultiPolygon in the window's frame, m.
        under: What was measured under the outline, None where nothing is known there.

    Returns:
        The measures of `under`: `slope_deg`, `relief_m`, `crown_m`, `toe_m`, and `dip_deg` (steepest descent,
        clockwise from north) but on level ground; nothing but a check where half of the ground is unknown.
    """
    inside = _inside(ground, outline_m)
    known = inside & np.isfinite(ground.elevation)
    if under is None or under.slope_deg is None or known.sum() < inside.sum() / 2:
        return Relief({}, None, (("no_elevation", {}),))
    down = _fall(ground, known)
    profile = _along(ground, axis(outline_m, down=(float(down[0]), float(down[1]))), outline_m)
    measures = {
        "slope_deg": under.slope_deg,
        "relief_m": under.highest_m - under.lowest_m,
        "crown_m": under.highest_m,
        "toe_m": under.lowest_m,
    }
    if under.downslope_deg is not None:
        measures["dip_deg"] = under.downslope_deg
    return Relief(measures, profile, tuple(_checks(outline_m, measures, profile, down=down)))


def axis(outline_m: BaseGeometry, *, down: tuple[float, float]) -> LineString:
    """Give the line that a profile follows: the long axis, or straight down where the outline is round.

    Args:
        outline_m: In metres, y down.
        down: Direction of steepest descent, of any length; decides which end is the crown.
    """
    along, length_m, width_m = _long_axis(outline_m)
    if length_m < _ROUND * width_m and math.hypot(*down) > 0:
        along = np.array(down) / math.hypot(*down)
    if float(along @ np.array(down)) < 0:
        along = -along
    centre = np.array(outline_m.centroid.coords[0])
    ring = np.array(outline_m.convex_hull.exterior.coords) - centre
    first, last = float((ring @ along).min()), float((ring @ along).max())
    return LineString([centre + along * first, centre + along * last])


def _long_axis(outline_m: BaseGeometry) -> tuple[npt.NDArray[np.float64], float, float]:
    """Give the unit vector along the longer side of the smallest rectangle around an outline, and both sides, m."""
    rectangle = shapely.minimum_rotated_rectangle(outline_m)
    if not isinstance(rectangle, Polygon):
        return np.array([0.0, 1.0]), 1.0, 1.0
    corners = np.array(rectangle.exterior.coords)
    sides = corners[1:3] - corners[:2]
    lengths = np.hypot(*sides.T)
    longest = int(lengths.argmax())
    return sides[longest] / max(float(lengths[longest]), 1e-9), float(lengths.max()), max(float(lengths.min()), 1e-9)


def _inside(ground: Ground, outline_m: BaseGeometry) -> npt.NDArray[np.bool_]:
    height, width = ground.elevation.shape
    cols, rows = np.meshgrid((np.arange(width) + 0.5) * ground.across_m, (np.arange(height) + 0.5) * ground.down_m)
    found = np.asarray(shapely.contains_xy(outline_m, cols, rows))
    if not found.any():  # smaller than a pixel of the elevation model: the one it lies in
        x, y = outline_m.representative_point().coords[0]
        row, col = int(y / ground.down_m), int(x / ground.across_m)
        found[min(max(row, 0), height - 1), min(max(col, 0), width - 1)] = True
    return found


def _fall(ground: Ground, inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Give the mean fall in m per m, to the right and downwards on the map; 0 where no slope is known."""
    rises = slopes(ground.elevation, across_m=ground.across_m, down_m=ground.down_m)
    known = inside & np.isfinite(rises[0]) & np.isfinite(rises[1])
    return np.array([-rise[known].mean() if known.any() else 0.0 for rise in rises])


def _along(ground: Ground, line: LineString, outline_m: BaseGeometry) -> Profile | None:
    start, end = (np.array(point) for point in line.coords)
    reach = (end - start) * _BEYOND
    places = np.linspace(start - reach, end + reach, _SAMPLES)
    distance = np.hypot(*(places - places[0]).T)
    pixels = np.stack([places[:, 1] / ground.down_m, places[:, 0] / ground.across_m]) - 0.5
    heights = scipy.ndimage.map_coordinates(ground.elevation, pixels, order=1, mode="nearest")
    known = np.isfinite(heights)
    if known.sum() < _SAMPLES / 2:
        return None
    own = np.flatnonzero(known & np.asarray(shapely.contains_xy(outline_m, places[:, 0], places[:, 1])))
    first, last = (float(distance[own[0]]), float(distance[own[-1]])) if own.size else (0.0, 0.0)
    zero = float(distance[known][0])
    return Profile(
        distance_m=tuple(np.round(distance[known] - zero, 1).tolist()),
        elevation_m=tuple(np.round(heights[known], 1).tolist()),
        inside_m=(round(first - zero, 1), round(last - zero, 1)),
    )


def _checks(
    outline_m: BaseGeometry, measures: dict[str, float], profile: Profile | None, *, down: npt.NDArray[np.float64]
) -> list[tuple[str, dict[str, float]]]:
    along, length_m, width_m = _long_axis(outline_m)
    slope = round(measures["slope_deg"])
    found: list[tuple[str, dict[str, float]]] = []
    if measures["slope_deg"] < _FLAT_DEG:
        found.append(("flat", {"slope": slope}))
    elif measures["slope_deg"] > _CLIFF_DEG:
        found.append(("cliff", {"slope": slope}))
    if length_m > _NARROW * width_m:
        found.append(("narrow", {"times": round(length_m / width_m)}))
    steepest = float(np.hypot(*down))
    if length_m > 2 * width_m and steepest > math.tan(math.radians(_FLAT_DEG)):
        turned = math.degrees(math.acos(min(1.0, abs(float(along @ down)) / steepest)))
        if turned > _ACROSS_DEG:
            found.append(("across", {"angle": round(turned)}))
    if profile:
        found += [(key, {}) for key in _shape_checks(profile)]
    return found or [("plausible", {"slope": slope})]


def _shape_checks(profile: Profile) -> list[str]:
    """Read a profile: crown below toe, a ridge or a channel inside, treads and risers in turn."""
    distance, heights = np.array(profile.distance_m), np.array(profile.elevation_m)
    own = (distance >= profile.inside_m[0]) & (distance <= profile.inside_m[1])
    if own.sum() < 8 or (np.diff(distance) <= 0).any():  # shorter than the elevation model can tell
        return []
    inner, relief = heights[own], float(np.ptp(heights[own]))
    found = []
    if inner[-1] - inner[0] > 0.2 * max(relief, 1e-6) and relief > 1:
        found.append("crown_below_toe")
    if inner.max() - max(inner[0], inner[-1]) > _BUMP * relief and relief > 1:
        found.append("ridge")
    if min(inner[0], inner[-1]) - inner.min() > _BUMP * relief and relief > 1:
        found.append("channel")
    steps = np.rad2deg(np.arctan(-np.diff(inner) / np.diff(distance[own])))
    kinds = [kind for kind in np.where(steps > _RISER_DEG, 1, np.where(np.abs(steps) < _TREAD_DEG, 0, -1)) if kind >= 0]
    changes = sum(a != b for a, b in itertools.pairwise(kinds))
    if changes >= 2 * _STEPS:
        found.append("terraced")
    return found
