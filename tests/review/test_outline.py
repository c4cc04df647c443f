"""The envelope of an outline: nothing for a sharp edge, as wide as the ramp for a soft one."""

from __future__ import annotations

import numpy as np
import pytest

from icssn.review.outline import envelope

SIDE = 120


def disc(soft_px: float, *, radius_px: float = 30, centre: tuple[float, float] = (60, 60)) -> np.ndarray:
    """Give probabilities that fall from 1 to 0 over `soft_px` at a circle's edge."""
    rows, cols = np.mgrid[:SIDE, :SIDE] + 0.5
    beyond = np.hypot(cols - centre[0], rows - centre[1]) - radius_px
    return np.clip(0.5 - beyond / max(soft_px, 1e-9), 0, 1)


def as_values(probability: np.ndarray) -> np.ndarray:
    return np.round(probability * 254).astype(np.uint8)


def test_a_sharp_edge_agrees_with_itself_and_has_no_width() -> None:
    sharp = disc(0)
    found = envelope(as_values(sharp), sharp >= 0.5, pixel_m=0.5)
    assert found.agreement == 1
    assert found.width_m == 0
    assert found.unknown == 0


@pytest.mark.parametrize("pixel_m", [0.5, 2.0])
@pytest.mark.parametrize("soft_px", [8.0, 20.0])
def test_a_soft_edge_is_as_wide_as_half_of_its_ramp(soft_px: float, pixel_m: float) -> None:
    soft = disc(soft_px)
    found = envelope(as_values(soft), soft >= 0.5, pixel_m=pixel_m)
    assert found.width_m == pytest.approx(soft_px / 2 * pixel_m, rel=0.06)
    inner, outer = 30 - soft_px / 4, 30 + soft_px / 4
    assert found.agreement == pytest.approx((inner / outer) ** 2, abs=0.02)


def test_a_neighbour_does_not_count() -> None:
    alone = disc(8)
    both = np.maximum(alone, disc(8, radius_px=12, centre=(108, 60)))
    inside = (both >= 0.5) & (np.arange(SIDE) < 95)
    assert envelope(as_values(both), inside, pixel_m=1) == envelope(as_values(alone), inside, pixel_m=1)


def test_a_faint_object_has_no_sure_core() -> None:
    faint = 0.4 * disc(8)
    assert envelope(as_values(faint), faint >= 0.2, pixel_m=1).agreement == 0


def test_nodata_is_no_landslide() -> None:
    values = np.full((40, 40), 255, np.uint8)
    values[10:20, 10:20] = 254
    found = envelope(values, values == 254, pixel_m=1)
    assert found.agreement == 1
    assert found.unknown == 1


def test_a_candidate_without_pixels_is_measured_as_nothing() -> None:
    assert envelope(np.zeros((5, 5), np.uint8), np.zeros((5, 5), bool), pixel_m=1).width_m == 0
