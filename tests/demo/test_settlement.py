from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import Point, box

from icssn.demo.canvas import Canvas
from icssn.demo.noise import Field
from icssn.demo.roads import Ways
from icssn.demo.settlement import Settlement, settle
from icssn.demo.terraces import lay_terraces
from icssn.demo.terrain import SIDE_M

SCENE = box(0, 0, SIDE_M, SIDE_M)


@pytest.fixture(scope="module")
def built(bare: Field) -> Settlement:
    return settle(np.random.default_rng(3), bare, landslides=[])


def test_people_build_inside_the_scene(built: Settlement) -> None:
    everything = [*built.roads, *built.tracks, *built.yards, *(house.roof for house in built.houses), built.quarry]
    assert all(SCENE.contains(shape) for shape in everything)
    assert len(built.houses) > 40


def test_courtyards_keep_off_one_another_the_roads_and_the_quarry(built: Settlement) -> None:
    taken = [built.quarry, *(road.buffer(3) for road in built.roads)]
    for index, yard in enumerate(built.yards):
        assert not any(yard.intersects(other) for other in [*built.yards[index + 1 :], *taken])


def test_every_road_reaches_another_one_or_the_end_of_the_valley(built: Settlement) -> None:
    valley, *streets = built.roads
    assert valley.length > 0.9 * SIDE_M
    for street in streets:
        end = Point(street.coords[-1])
        assert min(end.distance(road) for road in built.roads if road is not street) < 10


def test_a_road_goes_round_a_ridge_that_has_a_pass() -> None:
    height = np.zeros((512, 512), np.float32)
    height[:, 250:262] = 60
    height[40:60, 250:262] = 0  # 160–240 m from the north
    start, goal = Point(600, 300), Point(1500, 300).buffer(10)
    (road,) = Ways(height).join([start], to=[goal], steepness=0.07)
    crossing = road.intersection(box(1010, 0, 1040, SIDE_M))
    assert 140 < crossing.centroid.y < 260
    assert road.coords[0] == pytest.approx((600, 300), abs=8)
    assert Point(road.coords[-1]).distance(goal) < 1e-6


def test_terraces_turn_most_of_a_slope_into_benches_and_keep_its_height() -> None:
    canvas = Canvas(np.random.default_rng(0), 1024)
    height = np.broadcast_to(0.3 * canvas.y_m, canvas.shape).astype(np.float32)
    nothing = np.zeros(canvas.shape, np.float32)
    slope = np.full(canvas.shape, 0.3, np.float32)
    terraces = lay_terraces(canvas, height, slope=slope, hill_m=height, disturbed=nothing)
    assert abs(terraces.lift_m.mean()) < 1
    assert np.abs(terraces.lift_m).max() < 4.2
    steps = np.abs(np.gradient(height + terraces.lift_m, canvas.pixel_m, axis=0))
    assert np.median(steps) < 0.24
    assert steps.mean() > 0.3
    assert 0.1 < terraces.riser.mean() < 0.5
    assert len(np.unique(terraces.plot)) > 500
