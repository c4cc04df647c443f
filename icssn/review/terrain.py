"""What the ground under one candidate says: a profile down its axis, slope and relief, and what speaks against it.

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

    elevation: npt.NDArray[np.float32]
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


def look(ground: Ground, outline_m: BaseGeometry) -> Relief:
    """Measure the ground under an outline and say what is unusual about it for a landslide.

    Args:
        ground: Elevations with some margin around the outline.
        outline_m: Polygon or MultiPolygon in the window's frame, m.

    Returns:
        Measures `slope_deg` (mean), `relief_m`, `dip_deg` (steepest descent, clockwise from north), `crown_m`,
        `toe_m`; nothing but a check where half of the ground is unknown.
    """
    inside = _inside(ground, outline_m)
    known = inside & np.isfinite(ground.elevation)
    if known.sum() < inside.sum() / 2:
        return Relief({}, None, (("no_elevation", {}),))
    heights = ground.elevation[known]
    rise_x, rise_y = _gradients(ground)
    slope_deg = float(np.rad2deg(np.arctan(np.nanmean(np.hypot(rise_x, rise_y)[known]))))
    down = -np.array([np.nanmean(rise_x[known]), np.nanmean(rise_y[known])])
    line = axis(outline_m, down=(float(down[0]), float(down[1])))
    profile = _along(ground, line, outline_m)
    measures = {
        "slope_deg": slope_deg,
        "relief_m": float(heights.max() - heights.min()),
        "dip_deg": math.degrees(math.atan2(down[0], -down[1])) % 360,
        "crown_m": float(heights.max()),
        "toe_m": float(heights.min()),
    }
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


def _gradients(ground: Ground) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give rise per metre to the right and downwards on the map, (H, W) each; NaN beside unknown ground."""
    heights = ground.elevation.astype(np.float64)
    if min(heights.shape) < 2:
        return np.zeros_like(heights), np.zeros_like(heights)
    rise_y, rise_x = np.gradient(heights, ground.down_m, ground.across_m)
    return np.asarray(rise_x), np.asarray(rise_y)


def _along(ground: Ground, line: LineString, outline_m: BaseGeometry) -> Profile | None:
    start, end = (np.array(point) for point in line.coords)
    reach = (end - start) * _BEYOND
    places = np.linspace(start - reach, end + reach, _SAMPLES)
    distance = np.hypot(*(places - places[0]).T)
    pixels = np.stack([places[:, 1] / ground.down_m, places[:, 0] / ground.across_m]) - 0.5
    heights = scipy.ndimage.map_coordinates(ground.elevation.astype(np.float64), pixels, order=1, mode="nearest")
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
