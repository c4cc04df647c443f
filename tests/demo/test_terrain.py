from __future__ import annotations

import numpy as np
import pytest

from icssn.demo.canvas import Canvas
from icssn.demo.noise import Field, band_noise, hashed, ramp
from icssn.demo.terrain import drainage, river_line, slope_of


def test_hills_drain_to_the_river(bare: Field) -> None:
    rows, cols = np.indices(bare.shape)
    from_river_m = np.abs(rows * 4.0 - river_line(cols * np.float32(4)))
    assert bare[from_river_m < 20].mean() < bare[from_river_m > 300].mean() - 30
    assert 0.15 < np.median(slope_of(bare, 4.0)) < 0.5  # loess hills: some 10–25°


def test_drainage_of_a_tilted_plane_grows_by_one_cell_a_row() -> None:
    plane = np.repeat(np.arange(6, dtype=np.float32)[::-1, None], 4, axis=1)
    assert drainage(plane, cell_m=2.0).tolist() == [[4.0 * (row + 1)] * 4 for row in range(6)]


def test_noise_has_the_wavelength_that_was_asked_for() -> None:
    noise = band_noise(np.random.default_rng(0), (256, 256), cell_m=2.0, wavelength_m=32.0, octaves=0.3)
    assert noise.mean() == pytest.approx(0, abs=1e-4)
    assert noise.std() == pytest.approx(1, abs=1e-4)
    power = np.abs(np.fft.rfft(noise, axis=1)).mean(0)
    peak_m = 256 * 2.0 / power[1:].argmax()
    assert 22 < peak_m < 60


def test_hashes_are_uniform_and_differ_by_key_and_seed() -> None:
    keys = np.arange(100_000)
    values = hashed(keys, 7, seed=1)
    assert values.min() >= 0
    assert values.max() < 1
    assert values.mean() == pytest.approx(0.5, abs=0.01)
    assert np.abs(np.corrcoef(values, hashed(keys, 7, seed=2))[0, 1]) < 0.02
    assert np.abs(np.corrcoef(values, hashed(keys, 8, seed=1))[0, 1]) < 0.02


def test_a_ramp_runs_either_way() -> None:
    values = np.array([0, 1, 2, 3], np.float32)
    assert ramp(values, 1, 2).tolist() == [0, 0, 1, 1]
    assert ramp(values, 2, 1).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("size_px", [256, 1024])
def test_a_canvas_keeps_a_plane_straight_up_to_its_border(size_px: int) -> None:
    coarse = np.add.outer(np.arange(512), 2 * np.arange(512)).astype(np.float32) * 4 + 1000
    canvas = Canvas(np.random.default_rng(0), size_px)
    wanted = 1000 + (canvas.y_m - 2) + 2 * (canvas.x_m - 2)
    assert np.abs(canvas.fine(coarse) - wanted).max() < 0.05
