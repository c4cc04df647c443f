"""The ground under a candidate: the profile and the oddities of planes and steps; `tests/test_evidence.py` measures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from shapely.affinity import rotate
from shapely.geometry import Point, Polygon, box

from icssn.imagery.terrain import Terrain
from icssn.review.terrain import Ground, axis, look

PIXEL_M = 5.0
LONG = box(250, 150, 350, 450)  # 100 m wide, 300 m down the map


def plane(slope_deg: float, *, towards_deg: float = 180, side: int = 120) -> Ground:
    """Give ground that falls towards a direction, clockwise from north."""
    rows, cols = (np.mgrid[:side, :side] + 0.5) * PIXEL_M
    down = math.sin(math.radians(towards_deg)) * cols - math.cos(math.radians(towards_deg)) * rows
    heights = 2000 - math.tan(math.radians(slope_deg)) * down
    return Ground(heights, PIXEL_M, PIXEL_M)


def sloping(slope_deg: float) -> Terrain:
    """Give what is measured under an outline on ground of a slope that falls to the south."""
    return Terrain(slope_deg=slope_deg, downslope_deg=180.0, lowest_m=1880.0, highest_m=2000.0)


def keys(ground: Ground, outline: Polygon, *, slope_deg: float = 20) -> list[str]:
    return [key for key, _ in look(ground, outline, sloping(slope_deg)).checks]


@pytest.mark.parametrize("towards_deg", [180.0, 90.0, 225.0])
def test_a_plane_is_plausible_and_its_measures_are_told(towards_deg: float) -> None:
    found = look(plane(20, towards_deg=towards_deg), rotate(LONG, towards_deg - 180), sloping(20))
    assert found.measures == {"slope_deg": 20, "dip_deg": 180, "relief_m": 120, "crown_m": 2000, "toe_m": 1880}
    assert found.checks == (("plausible", {"slope": 20}),)


def test_level_ground_has_no_dip() -> None:
    level = Terrain(slope_deg=0.0, downslope_deg=None, lowest_m=1880.0, highest_m=1880.0)
    assert look(plane(0), LONG, level).measures == {"slope_deg": 0, "relief_m": 0, "crown_m": 1880, "toe_m": 1880}


def test_the_profile_begins_above_the_crown_and_falls() -> None:
    profile = look(plane(20), LONG, sloping(20)).profile
    assert profile is not None
    assert profile.distance_m[0] == 0
    assert profile.inside_m[1] - profile.inside_m[0] == pytest.approx(300, abs=12)
    assert all(np.diff(profile.elevation_m) < 0)


def test_the_axis_of_a_round_outline_runs_straight_down() -> None:
    (x0, y0), (x1, y1) = axis(Point(300, 300).buffer(80), down=(1.0, 1.0)).coords
    assert x1 - x0 == pytest.approx(y1 - y0)
    assert x1 > x0


def test_flat_ground_and_cliffs_are_doubted() -> None:
    assert "flat" in keys(plane(2), LONG, slope_deg=2)
    assert "cliff" in keys(plane(60), LONG, slope_deg=60)


def test_an_outline_along_the_contour_is_doubted() -> None:
    assert "across" in keys(plane(20, towards_deg=90), LONG)
    assert "across" not in keys(plane(20), LONG)


def test_a_ribbon_is_doubted() -> None:
    assert "narrow" in keys(plane(20), box(290, 100, 310, 500))


def test_a_ridge_and_a_channel_inside_are_seen() -> None:
    ground = plane(10)
    rows = (np.arange(120) + 0.5) * PIXEL_M
    bump = 60 * np.exp(-(((rows - 300) / 60) ** 2))[:, None]
    assert "ridge" in keys(Ground(ground.elevation + bump, PIXEL_M, PIXEL_M), LONG)
    assert "channel" in keys(Ground(ground.elevation - bump, PIXEL_M, PIXEL_M), LONG)


def test_treads_and_risers_in_turn_are_terraces() -> None:
    rows = (np.arange(120) + 0.5) * PIXEL_M
    tread = np.floor(rows / 40)
    heights = 2000 - 15 * (tread + np.clip((rows / 40 - tread - 0.5) / 0.5, 0, 1))
    stepped = np.repeat(heights[:, None], 120, axis=1)
    assert "terraced" in keys(Ground(stepped, PIXEL_M, PIXEL_M), LONG)
    assert "terraced" not in keys(plane(18), LONG)


def test_unknown_ground_is_said_to_be_unknown() -> None:
    ground = plane(20)
    ground.elevation[40:, :] = np.nan
    found = look(ground, LONG, sloping(20))
    assert found.checks == (("no_elevation", {}),)
    assert found.measures == {}


def test_ground_that_was_not_measured_is_said_to_be_unknown() -> None:
    unmeasured = Terrain(slope_deg=None, downslope_deg=None, lowest_m=1880.0, highest_m=1880.0)
    assert [look(plane(20), LONG, under).checks for under in (None, unmeasured)] == [(("no_elevation", {}),)] * 2


def test_an_outline_smaller_than_a_pixel_is_judged() -> None:
    assert keys(plane(20), box(300.5, 300.5, 302, 302)) == ["plausible"]
