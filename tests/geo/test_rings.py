"""Outlines of numbered pixels are those that GDAL gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import features
from scipy import ndimage
from shapely.geometry import shape

from icssn.geo.rings import trace_parts


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    share=st.sampled_from((0.1, 0.4, 0.5, 0.6, 0.8, 1.0)),
)
def test_outlines_are_those_of_gdal(seed: int, height: int, width: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    parts, count = ndimage.label(rng.random((height, width)) < share, output=np.int32)
    wanted = np.concatenate([[False], rng.random(count) < 0.8])
    mask = wanted[parts]
    numbers, polygons = trace_parts(parts, mask, row=7)
    by_gdal = {
        int(number): shape(outline).normalize()
        for outline, number in features.shapes(parts, mask=mask, connectivity=4, transform=(1, 0, 0, 0, 1, 7))
    }
    assert numbers.tolist() == sorted(by_gdal)
    assert all(polygon.is_valid for polygon in polygons)
    assert [polygon.normalize().wkb for polygon in polygons] == [by_gdal[number].wkb for number in sorted(by_gdal)]


@pytest.mark.parametrize("turned", [False, True])
def test_a_hole_that_touches_the_outside_at_a_corner_stays_a_hole(turned: bool) -> None:
    parts = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], np.int32)
    parts = parts[:, ::-1] if turned else parts
    _, (polygon,) = trace_parts(parts, parts > 0)
    assert polygon.is_valid
    assert polygon.area == 7
    assert [hole.length for hole in polygon.interiors] == [4]
