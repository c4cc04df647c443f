import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from icssn.geo.shapes import pixel_transform, polygons, rasterise, repair

NORTH_UP = Affine(0.8, 0, 510_000, 0, -0.8, 3_000_000)
ROTATED = Affine(27897.12468, 10688.129479, -2301052.237479, 10153.723005, -29365.3944, -1958391.554904)

masks = arrays(
    np.uint8,
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=14),
    elements=st.sampled_from([0, 1, 1, 255]),
)


@pytest.mark.parametrize("transform", [NORTH_UP, ROTATED], ids=["north up", "rotated"])
@given(mask=masks)
def test_polygons_of_any_mask_are_valid_and_give_the_mask_back(transform: Affine, mask: np.ndarray) -> None:
    traced = polygons(mask, transform=transform)
    assert all(shape.is_valid and isinstance(shape, Polygon) for shape in traced)
    height, width = mask.shape
    np.testing.assert_array_equal(rasterise(traced, transform=transform, width=width, height=height), mask == 1)


@given(mask=masks, simplify_px=st.floats(0.1, 4), min_px=st.integers(0, 300))
def test_simplified_polygons_are_valid_too(mask: np.ndarray, simplify_px: float, min_px: int) -> None:
    traced = polygons(mask, transform=ROTATED, simplify_px=simplify_px, min_px=min_px)
    assert all(shape.is_valid and shape.area > 0 for shape in traced)


@settings(max_examples=50)
@given(mask=masks, min_px=st.integers(1, 12))
def test_only_objects_of_the_least_size_remain_and_their_holes_stay(mask: np.ndarray, min_px: int) -> None:
    kept = polygons(mask, transform=NORTH_UP, min_px=min_px)
    every = polygons(mask, transform=NORTH_UP)
    expected = [shape.area for shape in every if round(shape.area / 0.64) >= min_px]
    assert sorted(shape.area for shape in kept) == pytest.approx(sorted(expected))


def test_pixels_that_touch_at_a_corner_are_two_objects() -> None:
    assert len(polygons(np.eye(2, dtype=np.uint8), transform=NORTH_UP)) == 2


def test_a_hole_stays_a_hole() -> None:
    mask = np.ones((5, 5), np.uint8)
    mask[2, 2] = 0
    (ring,) = polygons(mask, transform=NORTH_UP)
    assert len(ring.interiors) == 1
    assert ring.area == pytest.approx(24 * 0.64)


def test_a_pixel_belongs_to_a_polygon_when_its_centre_does() -> None:
    mask = rasterise([box(0.6, 0.4, 3, 1.4)], transform=Affine.identity(), width=4, height=2)
    np.testing.assert_array_equal(mask, [[0, 1, 1, 0], [0, 0, 0, 0]])


def test_polygons_are_burnt_with_a_value_into_a_given_mask() -> None:
    out = np.full((2, 3), 255, np.uint8)
    mask = rasterise([box(0, 0, 1, 1), Polygon()], transform=Affine.identity(), width=3, height=2, value=7, out=out)
    assert mask is out
    np.testing.assert_array_equal(out, [[7, 255, 255], [255, 255, 255]])


def test_nothing_to_burn_gives_an_empty_mask() -> None:
    assert not rasterise([], transform=NORTH_UP, width=3, height=2).any()


def test_a_window_has_its_own_transform() -> None:
    assert pixel_transform(ROTATED, Window(5, 7, 1, 1)) * (0, 0) == pytest.approx(ROTATED * (5, 7))


def test_a_valid_polygon_is_left_alone() -> None:
    square = box(0, 0, 1, 1)
    assert repair(square) == (square, False)


def test_a_ring_that_crosses_itself_becomes_two_polygons() -> None:
    repaired, changed = repair(Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]))
    assert changed
    assert isinstance(repaired, MultiPolygon)
    assert repaired.is_valid
    assert repaired.area == pytest.approx(2)


def test_only_polygons_are_kept_of_a_mixture() -> None:
    repaired, changed = repair(GeometryCollection([Point(0, 0), box(0, 0, 1, 1), LineString([(0, 0), (5, 5)])]))
    assert changed
    assert repaired.equals(box(0, 0, 1, 1))


def test_what_has_no_area_becomes_empty() -> None:
    repaired, changed = repair(Polygon([(0, 0), (1, 1), (2, 2)]))
    assert changed
    assert repaired.is_empty
