"""Measures of the ground: planes, hollows and steps of which it is known what they must say."""

from __future__ import annotations

import numpy as np
import pytest

from icssn.imagery import landform
from icssn.imagery.landform import MEASURES, Heights, Steps, level, north_up

PIXEL = north_up(1.0)
INNER = (slice(2, -2), slice(2, -2))
ROWS, COLS = np.mgrid[:20, :20].astype(np.float32)


@pytest.mark.parametrize(("fall", "degrees"), [(-ROWS, 180), (ROWS, 0), (-COLS, 90), (COLS, 270), (-ROWS - COLS, 135)])
def test_aspect_is_the_direction_downslope(fall: Heights, degrees: float) -> None:
    assert landform.aspect(fall, PIXEL)[INNER] * 360 == pytest.approx(degrees, abs=1e-3)


def test_level_ground_has_no_aspect() -> None:
    assert np.isnan(landform.aspect(np.zeros((9, 9), np.float32), PIXEL)).all()


def test_curvature_tells_ridges_from_hollows_and_nothing_of_slope() -> None:
    hollow = 0.05 * (COLS - 10) ** 2
    assert landform.curvature(3 * ROWS, PIXEL)[INNER] == pytest.approx(0.5)
    assert (landform.curvature(hollow, PIXEL)[INNER] < 0.4).all()
    assert (landform.curvature(-hollow, PIXEL)[INNER] > 0.6).all()


def test_a_steep_plane_is_not_rough_and_hummocks_are() -> None:
    hummocks = np.random.default_rng(0).normal(scale=0.5, size=(20, 20)).astype(np.float32)
    assert landform.roughness(3 * ROWS, PIXEL)[INNER] == pytest.approx(1, abs=0.01)
    assert landform.roughness(hummocks, PIXEL)[INNER].mean() < 0.6


@pytest.mark.parametrize(("east", "north"), [(0, 0), (1, 0), (0, 1), (-0.5, 0.3), (-1, 1), (1, -1)])
def test_a_plane_is_as_bright_as_the_cosine_between_light_and_normal(east: float, north: float) -> None:
    light = np.array([-0.5, 0.5, np.sqrt(0.5)])  # from the north-west, 45° high
    normal = np.array([-east, -north, 1]) / np.sqrt(1 + east**2 + north**2)
    shade = landform.hillshade(COLS * np.float32(east) - ROWS * np.float32(north), PIXEL)
    assert shade == pytest.approx(max(float(light @ normal), 0), abs=1e-5)


@pytest.mark.parametrize("strike", [ROWS, COLS, ROWS + COLS, ROWS - COLS])
def test_a_step_in_any_direction_stands_out_in_the_light_of_four_sides(strike: Heights) -> None:
    scarp = 4 / (1 + np.exp(-(strike - strike.mean())))
    lit = landform.shading(scarp.astype(np.float32), PIXEL)[INNER]
    assert ((lit >= 0) & (lit <= 1)).all()
    assert np.ptp(lit) > 0.04  # ten steps of grey


TURNED = {
    "turned": (np.rot90, ((1.0, 180.0), (1.0, 270.0))),  # columns run south, rows west
    "upside down": (np.flipud, ((1.0, 90.0), (1.0, 0.0))),
    "mirrored": (np.fliplr, ((1.0, 270.0), (1.0, 180.0))),
}


@pytest.mark.parametrize("layer", MEASURES)
@pytest.mark.parametrize("way", TURNED)
def test_the_same_ground_on_another_grid_measures_the_same(layer: str, way: str) -> None:
    ground = (8 * np.sin(COLS / 5) + 5 * np.cos(ROWS / 3) + ROWS).astype(np.float32)
    turn, steps = TURNED[way]
    wanted = turn(MEASURES[layer](ground, PIXEL)[INNER])
    found = MEASURES[layer](np.ascontiguousarray(turn(ground)), steps)[INNER]
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_oblong_pixels_change_no_slope() -> None:
    oblong: Steps = (2.0, 90.0), (3.0, 180.0)
    found = landform.slope((2 * 0.5 * COLS + 3 * 0.25 * ROWS).astype(np.float32), oblong)[INNER]
    wanted = 1 - np.rad2deg(np.arctan(np.hypot(0.5, 0.25))) / landform.STEEPEST_DEG
    assert found == pytest.approx(wanted, abs=1e-5)


def test_level_ground_is_light_even_smooth_and_lit_by_the_height_of_the_lamps() -> None:
    found = {name: level(MEASURES[name]) for name in ("slope", "curvature", "roughness", "shading")}
    assert found == pytest.approx({"slope": 1, "curvature": 0.5, "roughness": 1, "shading": np.sqrt(0.5)}, abs=1e-6)
