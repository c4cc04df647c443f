from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from shapely.geometry import LineString, Point

from icssn.demo.landslides import Landslide, deform
from icssn.demo.noise import Field
from icssn.demo.sites import LABEL_AREA, place
from icssn.demo.terrain import CELL_M


@pytest.fixture(scope="module")
def landslides(bare: Field) -> list[Landslide]:
    return place(np.random.default_rng(1), bare)


def _heights(height_m: Field, points: NDArray[np.float64]) -> NDArray[np.float64]:
    cols, rows = (points / CELL_M).astype(int).T
    return height_m[rows, cols]


def test_the_ground_drops_from_crown_to_toe_of_every_landslide(bare: Field, landslides: list[Landslide]) -> None:
    after = deform(np.random.default_rng(2), bare, landslides=landslides).height_m
    for landslide in landslides:
        along = _heights(after, landslide.axis)
        assert along[0] - along[-1] > 0.1 * landslide.length_m
        thirds = [part.mean() for part in np.array_split(along, 3)]
        assert thirds == sorted(thirds, reverse=True)


def test_the_crown_sinks_and_the_toe_bulges(bare: Field, landslides: list[Landslide]) -> None:
    change = deform(np.random.default_rng(2), bare, landslides=landslides).height_m - bare
    for landslide in landslides:
        if landslide.freshness > 0.5:
            along = _heights(change, landslide.axis)
            assert along[3:9].mean() < -0.5
            assert along[17:22].mean() > 0.5


def test_ground_outside_the_outlines_stays_as_it_was(bare: Field, landslides: list[Landslide]) -> None:
    slipped = deform(np.random.default_rng(2), bare, landslides=landslides)
    rows, cols = np.nonzero((slipped.height_m != bare) | (slipped.disturbed > 0))
    places = [Point((col + 0.5) * CELL_M, (row + 0.5) * CELL_M) for row, col in zip(rows[::7], cols[::7], strict=True)]
    assert all(any(slide.outline.distance(spot) < 2 * CELL_M for slide in landslides) for spot in places)


def test_traces_are_as_plain_as_the_landslide_is_fresh(bare: Field, landslides: list[Landslide]) -> None:
    slipped = deform(np.random.default_rng(2), bare, landslides=landslides)
    for landslide in landslides:
        middle = landslide.outline.representative_point()
        row, col = int(middle.y / CELL_M), int(middle.x / CELL_M)
        assert slipped.disturbed[row, col] == pytest.approx(landslide.freshness, abs=0.05)


def test_axes_stay_inside_their_outlines_and_keep_clear_of_the_label_areas_border(
    landslides: list[Landslide],
) -> None:
    for landslide in landslides:
        inside = landslide.outline.intersection(LineString(landslide.axis)).length
        assert inside > 0.85 * landslide.length_m
        assert landslide.outline.distance(LABEL_AREA.exterior) > 10
