import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from icssn.contrast.cells import band, cell_classes


def slow_classes(mask: np.ndarray, stride: int, landslide: float, background: float) -> np.ndarray:
    rows, columns = -(-mask.shape[0] // stride), -(-mask.shape[1] // stride)
    classes = np.full((rows, columns), -1)
    for row in range(rows):
        for column in range(columns):
            block = mask[row * stride : (row + 1) * stride, column * stride : (column + 1) * stride]
            if (block == 1).sum() >= landslide * stride**2:
                classes[row, column] = 1
            elif (block == 0).sum() >= (1 - background) * stride**2:
                classes[row, column] = 0
    return classes


def slow_band(classes: np.ndarray, radius: int) -> np.ndarray:
    marked = np.zeros(classes.shape, dtype=bool)
    for row, column in np.argwhere(classes >= 0):
        top, left = max(row - radius, 0), max(column - radius, 0)
        around = classes[top : row + radius + 1, left : column + radius + 1]
        marked[row, column] = (around == 1 - classes[row, column]).any()
    return marked


@given(st.integers(1, 41), st.integers(1, 41), st.sampled_from([4, 8, 16]), st.integers(0, 2**32 - 1))
def test_classes_equal_the_slow_count(height: int, width: int, stride: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.choice([0, 0, 1, 1, 255], size=(height, width))
    mask = np.repeat(np.repeat(coarse, 3, 0), 3, 1)[:height, :width].astype(np.uint8)
    got = cell_classes(torch.from_numpy(mask)[None], stride, landslide_fraction=0.75, background_fraction=0.25)
    assert got.dtype == torch.int8
    assert np.array_equal(got[0].numpy(), slow_classes(mask, stride, 0.75, 0.25))


def test_a_cell_exactly_at_a_limit_has_a_class() -> None:
    masks = torch.zeros(1, 4, 8, dtype=torch.uint8)
    masks[0, :3, :4] = 1  # ρ = .75
    masks[0, :1, 4:] = 1  # ρ = .25
    assert cell_classes(masks, 4, landslide_fraction=0.75, background_fraction=0.25).tolist() == [[[1, 0]]]


def test_a_cell_between_the_limits_has_none() -> None:
    masks = torch.zeros(1, 4, 4, dtype=torch.uint8)
    masks[0, :2] = 1
    assert cell_classes(masks, 4, landslide_fraction=0.75, background_fraction=0.25).tolist() == [[[-1]]]


def test_a_cell_mostly_unknown_has_none() -> None:
    masks = torch.full((1, 4, 8), 255, dtype=torch.uint8)
    masks[0, :2, :4] = 1
    masks[0, :2, 4:] = 0
    assert cell_classes(masks, 4, landslide_fraction=0.75, background_fraction=0.25).tolist() == [[[-1, -1]]]


@given(st.integers(1, 14), st.integers(1, 14), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_band_equals_the_slow_search(height: int, width: int, radius: int, seed: int) -> None:
    classes = np.random.default_rng(seed).choice([-1, 0, 0, 0, 1], size=(height, width)).astype(np.int8)
    got = band(torch.from_numpy(classes)[None], radius)
    assert np.array_equal(got[0].numpy(), slow_band(classes, radius))


@pytest.mark.parametrize("value", [-1, 0, 1])
def test_one_class_has_no_band(value: int) -> None:
    assert not band(torch.full((2, 5, 7), value, dtype=torch.int8), 2).any()


def test_no_images_have_no_cells() -> None:
    classes = cell_classes(
        torch.zeros(0, 32, 48, dtype=torch.uint8), 16, landslide_fraction=0.75, background_fraction=0.25
    )
    assert classes.shape == band(classes, 2).shape == (0, 2, 3)
