"""Objects are whole, valid and the same wherever the strips are cut."""

from collections.abc import Iterator

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from icssn.geo.shapes import rasterise
from icssn.inference.objects import Cells, Outline, outlines, survey, trace
from icssn.metrics.pixels import level_of

Array = NDArray[np.uint8]


def cut(values: Array, rows: int) -> Iterator[Array]:
    return (values[row : row + rows] for row in range(0, values.shape[0], rows))


def find(values: Array, *, rows: int, min_px: int = 1, simplify_px: float = 0.0) -> tuple[Array, list[Outline]]:
    found = survey(cut(values, rows), level=level_of(0.5))
    traced = list(trace(cut(values, rows), found=found, min_px=min_px))
    pieces = [piece for _, new in traced for piece in new]
    return np.concatenate([mask for mask, _ in traced]), outlines(pieces, found=found, simplify_px=simplify_px)


def burnt(found: list[Outline], values: Array) -> Array:
    height, width = values.shape
    geometries = [outline.polygon_px for outline in found]
    return rasterise(geometries, transform=Affine.identity(), width=width, height=height)


def speckle(seed: int, shape: tuple[int, int] = (60, 40)) -> Array:
    values = np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8)
    values[:7, :5] = 255
    return values


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 59), min_px=st.integers(0, 12))
def test_mask_and_outlines_do_not_depend_on_the_strips(seed: int, rows: int, min_px: int) -> None:
    values = speckle(seed)
    mask, found = find(values, rows=rows, min_px=min_px, simplify_px=1.0)
    whole_mask, whole = find(values, rows=60, min_px=min_px, simplify_px=1.0)
    assert np.array_equal(mask, whole_mask)
    assert [outline.polygon_px.wkb for outline in found] == [outline.polygon_px.wkb for outline in whole]
    assert [(o.area_px, o.mask_score) for o in found] == [(o.area_px, o.mask_score) for o in whole]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 59))
def test_outlines_cover_the_mask_exactly_and_are_valid(seed: int, rows: int) -> None:
    values = speckle(seed)
    mask, found = find(values, rows=rows)
    assert np.array_equal(mask == 1, (values >= 127) & (values != 255))
    assert np.array_equal(burnt(found, values) == 1, mask == 1)
    assert all(o.polygon_px.is_valid and o.polygon_px.geom_type == "Polygon" for o in found)
    assert [o.polygon_px.area for o in found] == [o.area_px for o in found]


@pytest.mark.parametrize("rows", [1, 3, 10])
def test_an_object_across_many_seams_stays_one(rows: int) -> None:
    values = np.zeros((30, 30), np.uint8)
    values[2:28, 3] = values[2:28, 20] = values[27, 3:21] = 200  # two arms that meet in the last strip only
    _, found = find(values, rows=rows)
    (outline,) = found
    assert outline.area_px == 26 * 2 + 16
    assert outline.mask_score == pytest.approx(200 / 254)


@pytest.mark.parametrize("rows", [1, 4, 20])
def test_parts_that_touch_at_a_corner_are_two_objects(rows: int) -> None:
    values = np.zeros((20, 20), np.uint8)
    values[2:8, 2:8] = values[8:14, 8:14] = 250
    assert [o.area_px for o in find(values, rows=rows)[1]] == [36, 36]


@pytest.mark.parametrize("rows", [1, 5, 7, 60])
def test_evidence_is_the_mean_of_the_cells_under_an_object(rows: int) -> None:
    values = np.zeros((60, 40), np.uint8)
    values[10:30, 4:20] = 200  # rows 10-15, 16-29 of the cells' rows 0 and 1
    values[50:55, 33:38] = 200
    logits = np.arange(4 * 3, dtype=np.float16).reshape(4, 3)
    found = survey(cut(values, rows), level=level_of(0.5), cells=Cells(logits, 16))
    by_hand = [(6 * 12 * 0 + 14 * 12 * 3 + 6 * 4 * 1 + 14 * 4 * 4) / (20 * 16), 11.0]
    assert sorted(found.evidence) == pytest.approx(by_hand)


def test_holes_are_kept() -> None:
    values = np.full((20, 20), 254, np.uint8)
    values[5:9, 5:9] = 0
    (outline,) = find(values, rows=7)[1]
    assert len(outline.polygon_px.interiors) == 1
    assert outline.polygon_px.area == outline.area_px == 400 - 16


def test_small_objects_leave_mask_and_outlines() -> None:
    values = np.zeros((20, 20), np.uint8)
    values[1:4, 1:4] = values[6:12, 6:12] = 250
    mask, found = find(values, rows=8, min_px=10)
    assert [o.area_px for o in found] == [36]
    assert mask.sum() == 36


def test_nodata_is_neither_landslide_nor_background() -> None:
    values = np.full((8, 8), 255, np.uint8)
    values[:, :4] = 254
    mask, (outline,) = find(values, rows=3)
    assert np.array_equal(np.unique(mask[:, 4:]), [255])
    assert outline.area_px == 32
    assert outline.mask_score == 1


@pytest.mark.parametrize("value", [0, 255])
def test_a_scene_without_landslides_has_no_objects(value: int) -> None:
    mask, found = find(np.full((9, 9), value, np.uint8), rows=4)
    assert np.array_equal(np.unique(mask), [value])
    assert found == []
