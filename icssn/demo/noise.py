"""Noise with a wavelength in metres: the raw material of terrain, fields and texture."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Field = NDArray[np.float32]


def band_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    cell_m: float,
    wavelength_m: float,
    octaves: float = 1.0,
) -> Field:
    """Give smooth noise around one wavelength.

    Args:
        rng: Source of randomness.
        shape: (rows, columns).
        cell_m: Side of a cell in metres.
        wavelength_m: Centre of the band in metres; finer than two cells gives white noise.
        octaves: Standard deviation of the band in octaves.

    Returns:
        Float32 (rows, columns), mean 0, standard deviation 1.
    """
    frequency = _frequency(shape) / cell_m * wavelength_m
    weight = np.exp(-0.5 * (np.log2(np.maximum(frequency, 1e-6)) / octaves) ** 2) / np.maximum(frequency, 1e-6)
    return _shaped(rng, shape, weight)


def fractal_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    cell_m: float,
    longest_m: float,
    slope: float = 2.0,
) -> Field:
    """Give noise whose amplitude falls with frequency as ``frequency ** -slope``.

    Args:
        rng: Source of randomness.
        shape: (rows, columns).
        cell_m: Side of a cell in metres.
        longest_m: Wavelengths longer than this carry no more than this one.
        slope: 1 is rough, 2 is terrain-like, 3 is rolling.

    Returns:
        Float32 (rows, columns), mean 0, standard deviation 1.
    """
    frequency = _frequency(shape) / cell_m * longest_m
    return _shaped(rng, shape, (1.0 + frequency**2) ** (-slope / 2))


def hashed(*keys: NDArray[np.int64] | int, seed: int) -> Field:
    """Give one uniform number in [0, 1) for each combination of whole-number keys (arrays broadcast)."""
    state = np.asarray(seed, np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            state = (state ^ np.asarray(key).astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
            state ^= state >> np.uint64(32)
    return ((state >> np.uint64(40)).astype(np.float32)) / np.float32(1 << 24)


def ramp(values: Field, low: float | Field, high: float | Field) -> Field:
    """Ramp smoothly from 0 at `low` to 1 at `high` (`low` may be the larger)."""
    share = np.clip((values - low) / (high - low), 0, 1).astype(np.float32, copy=False)
    smooth: Field = share * share * (3 - 2 * share)
    return smooth


@cache
def _frequency(shape: tuple[int, int]) -> Field:
    rows, cols = shape
    frequency: Field = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(cols)[None, :]).astype(np.float32)
    return frequency


def _shaped(rng: np.random.Generator, shape: tuple[int, int], weight: Field) -> Field:
    spectrum = fft.rfft2(rng.standard_normal(shape, dtype=np.float32))
    spectrum *= weight.astype(np.float32)
    spectrum[0, 0] = 0
    noise = fft.irfft2(spectrum, s=shape).astype(np.float32)
    shaped: Field = noise / max(float(noise.std()), 1e-9)
    return shaped
