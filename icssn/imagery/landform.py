"""The form of the ground: measures of heights on a grid, each from 0 to 1, for maps and for networks."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from icssn.geo.crs import Step

Heights = npt.NDArray[np.float32]  # m, NaN where unknown
Grey = npt.NDArray[np.float32]  # 0 black to 1 white, or a place in a palette; NaN where unknown
Steps = tuple[Step, Step]  # of one column and of one row, as of `icssn.geo.crs.pixel_steps`
Measure = Callable[[Heights, Steps], Grey]

REACH_PX = 2
"""Neighbours on each side that a measure needs: two differences, one after the other."""

STEEPEST_DEG = 60.0
"""Drawn black in `slope`; level ground is white."""

SHARPEST = 0.25
"""Change of the gradient over one pixel (m per m) at which `curvature` has its strongest colour."""

ROUGHEST = 0.04
"""Ruggedness at which `roughness` is black."""

_ALTITUDE_RAD = math.radians(45)
_NORTH_WEST_DEG = 315.0  # light from the upper left, as maps have it
_AZIMUTHS_DEG = (225.0, 270.0, 315.0, 360.0)


def north_up(pixel_m: float) -> Steps:
    """Give the steps of a grid of square pixels whose first row lies in the north."""
    return (pixel_m, 90.0), (pixel_m, 180.0)


def slope(heights: Heights, steps: Steps) -> Grey:
    """Give lightness, the steeper the darker."""
    steep = np.clip(np.rad2deg(np.arctan(np.hypot(*_rises(heights, steps)))) / STEEPEST_DEG, 0, 1)
    return np.asarray(1 - steep, np.float32)


def aspect(heights: Heights, steps: Steps) -> Grey:
    """Give the direction downslope, clockwise from north, as a share of the circle; NaN on level ground."""
    south, east = _to_the_compass(heights, steps)
    turned = np.mod(np.arctan2(-east, south), 2 * np.pi) / (2 * np.pi)
    return np.where(np.hypot(south, east) > 1e-6, turned, np.nan).astype(np.float32)


def curvature(heights: Heights, steps: Steps) -> Grey:
    """Give .5 on even ground, less in hollows, more on ridges and convex breaks such as a crown."""
    down, across = _rises(heights, steps)
    bend = -(np.gradient(down, axis=0) + np.gradient(across, axis=1))  # over one pixel
    return np.asarray(0.5 + 0.5 * np.clip(bend / SHARPEST, -1, 1), np.float32)


def roughness(heights: Heights, steps: Steps) -> Grey:
    """Give lightness, the more the ground's normals differ within 3 × 3 pixels the darker; slope itself does not count.

    Source:
        Sappington et al. 2007, Journal of Wildlife Management 71(5), 1419–1426: vector ruggedness measure.
    """
    down, across = _rises(heights, steps)
    steepness = np.sqrt(1 + down**2 + across**2)
    parts = np.stack([-across / steepness, -down / steepness, 1 / steepness])
    padded = np.pad(parts, ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    rows, cols = heights.shape
    around = [padded[:, row : row + rows, col : col + cols] for row in range(3) for col in range(3)]
    total = np.sum(around, axis=0)
    ruggedness = 1 - np.sqrt((total**2).sum(axis=0)) / 9
    return np.asarray(1 - np.sqrt(np.clip(ruggedness / ROUGHEST, 0, 1)), np.float32)


def hillshade(heights: Heights, steps: Steps) -> Grey:
    """Give the light of one lamp in the north-west, 45° high: the cosine between it and the ground's normal."""
    return np.asarray(_lit(*_to_the_compass(heights, steps), azimuth_deg=_NORTH_WEST_DEG), np.float32)


def shading(heights: Heights, steps: Steps) -> Grey:
    """Give the light of four lamps in the west and north, each counting where it strikes along the slope.

    A single lamp hides scarps that face it or run along its rays.

    Source:
        Mark 1992, USGS Open-File Report 92-422: weights sin² of the angle between slope and lamp.
    """
    south, east = _to_the_compass(heights, steps)
    downslope = np.arctan2(-east, south)
    lit = weights = np.zeros_like(heights)
    for azimuth_deg in _AZIMUTHS_DEG:
        weight = np.asarray(np.sin(downslope - math.radians(azimuth_deg)) ** 2, np.float32)
        lit, weights = lit + weight * _lit(south, east, azimuth_deg=azimuth_deg), weights + weight
    return np.asarray(lit / weights, np.float32)


MEASURES: dict[str, Measure] = {
    "slope": slope,
    "shading": shading,
    "curvature": curvature,
    "roughness": roughness,
    "aspect": aspect,
}


def level(measure: Measure) -> float:
    """Give what a measure says of level ground."""
    side = 2 * REACH_PX + 1
    return float(measure(np.zeros((side, side), np.float32), north_up(1.0))[REACH_PX, REACH_PX])


def _lit(south: Heights, east: Heights, *, azimuth_deg: float) -> Heights:
    """Give the cosine between a lamp 45° high and the normal of ground that rises so fast; 0 in the shade."""
    lamp = math.radians(azimuth_deg)
    towards = -east * math.sin(lamp) + south * math.cos(lamp)
    cosine = (towards * math.cos(_ALTITUDE_RAD) + math.sin(_ALTITUDE_RAD)) / np.sqrt(1 + south**2 + east**2)
    return np.asarray(np.clip(cosine, 0, 1), np.float32)


def _rises(heights: Heights, steps: Steps) -> tuple[Heights, Heights]:
    """Give how fast the ground rises down the rows and across the columns, m per m."""
    (across_m, _), (down_m, _) = steps
    return np.gradient(heights, down_m, axis=0), np.gradient(heights, across_m, axis=1)


def _to_the_compass(heights: Heights, steps: Steps) -> tuple[Heights, Heights]:
    """Give how fast the ground rises to the south and to the east, m per m, however the grid lies."""
    down, across = _rises(heights, steps)
    (_, across_deg), (_, down_deg) = steps
    (sin_a, cos_a), (sin_d, cos_d) = _sin_cos(across_deg), _sin_cos(down_deg)
    turn = sin_a * cos_d - cos_a * sin_d  # -1 on a grid whose first row lies in the north
    south, east = (across * sin_d - down * sin_a) / turn, (across * cos_d - down * cos_a) / turn
    return np.asarray(south, np.float32), np.asarray(east, np.float32)


def _sin_cos(degrees: float) -> tuple[float, float]:
    """Give sine and cosine, 0 at quarter turns: north must not become a breath west of it, which is 360°."""
    radians = math.radians(degrees)
    return round(math.sin(radians), 12), round(math.cos(radians), 12)
