"""Terraces: benches and risers along the slope, cut across into plots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from icssn.demo.canvas import Canvas
from icssn.demo.noise import Field, hashed, ramp

_WIDTH_M = 11.0  # usual width of a terrace; loess terraces measure some 5–20 m
_RISER_SHARE = 0.30  # of a terrace's width that is its slope; the rest is the bench
_SECTORS = 5  # directions of contour lines that plots are cut across


@dataclass(frozen=True)
class Terraces:
    """What terracing would do everywhere; the caller decides where it was done."""

    lift_m: Field  # added to the smooth slope
    riser: Field  # 0–1
    plot: NDArray[np.int64]  # number of the plot, unique per terrace and piece of it
    edge: Field  # 0–1, borders between plots


def lay_terraces(canvas: Canvas, height_m: Field, *, slope: Field, hill_m: Field, disturbed: Field) -> Terraces:
    """Step a slope.

    Terraces follow the contour lines with some drift, keep about the same width by doubling their height where it
    gets steeper (so that they split and join), and are out of line where the ground has slid.

    Args:
        canvas: The pixel grid.
        height_m: Heights smooth enough for contour lines to be walked.
        slope: Of the hillside, rise over run.
        hill_m: Heights so smooth that they only show the hill.
        disturbed: How much the ground has slid, 0–1.
    """
    drift = 1.3 * canvas.band(240) + 0.35 * canvas.band(60) + 1.5 * disturbed * canvas.band(34)
    doublings = np.clip(np.rint(np.log2(np.maximum(slope, 0.02) * _WIDTH_M) + 0.55 * canvas.band(150)), 0, 2)
    step_m = np.exp2(doublings).astype(np.float32)
    steps = (height_m + drift) / step_m
    number = np.floor(steps)
    part = steps - number  # 0 at a terrace's lower edge, 1 at its upper one
    bench = 1 - _RISER_SHARE
    lift = step_m * (ramp(part, bench, 1.0) + 0.05 - part)
    riser = ramp(np.abs(part - (bench + 1) / 2), 0.8 * _RISER_SHARE, 0.35 * _RISER_SHARE)
    plot = _plots(canvas, (number * 4 + doublings).astype(np.int64), hill_m)
    return Terraces(lift, riser, plot, _edges(canvas, plot))


def _plots(canvas: Canvas, terrace: NDArray[np.int64], hill_m: Field) -> NDArray[np.int64]:
    """Number the plots: every terrace is cut across at its own uneven places."""
    down, right = np.gradient(hill_m, canvas.pixel_m)
    sector = np.rint(np.arctan2(down, right) / (np.pi / _SECTORS)).astype(np.int64) % _SECTORS
    turn = (sector * (np.pi / _SECTORS)).astype(np.float32)
    x, y = canvas.x_m + 14 * canvas.band(160), canvas.y_m + 14 * canvas.band(160)
    along = y * np.cos(turn) - x * np.sin(turn)
    length_m = 28 + 75 * hashed(terrace, sector, seed=11)
    piece = np.floor(along / length_m + hashed(terrace, sector, seed=12)).astype(np.int64)
    plot: NDArray[np.int64] = (terrace * _SECTORS + sector) * 4096 + piece
    return plot


def _edges(canvas: Canvas, plot: NDArray[np.int64]) -> Field:
    edge = np.zeros(canvas.shape, np.float32)
    edge[1:] = plot[1:] != plot[:-1]
    edge[:, 1:] = np.maximum(edge[:, 1:], plot[:, 1:] != plot[:, :-1])
    soft: Field = np.clip(2.2 * canvas.blurred(edge, 0.7), 0, 1)
    return soft
