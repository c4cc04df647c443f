"""Shrubs and trees, crown by crown, where water, slope and people let them grow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from icssn.demo.canvas import Canvas
from icssn.demo.ground import Ground
from icssn.demo.noise import Field, ramp


@dataclass(frozen=True)
class Plants:
    """Crowns seen from above."""

    height_m: Field  # of crowns over the ground
    tree: Field  # 1 where the crown is a tree's, 0 where a shrub's or none


def plant(canvas: Canvas, ground: Ground, *, shady: Field) -> Plants:
    """Plant the scene.

    Args:
        canvas: The pixel grid.
        ground: What lies where.
        shady: 1 on slopes that face north, -1 on those that face south.
    """
    works = ground.works
    clump = canvas.fractal(120, slope=1.3)
    wild = (1 - ground.terraced) * (1 - ground.floor) * (1 - works.quarry) * (1 - ground.river)
    free = (1 - works.road) * (1 - works.track) * (1 - works.yard) * (works.roof == 0)
    shrubs = 0.012 + 0.10 * ground.gully + 0.12 * ground.wet + 0.03 * shady  # plants per m²
    shrubs += 0.05 * ground.disturbed + 0.03 * ground.abandoned
    shrubs = np.maximum(shrubs, 0) * wild * ramp(clump, -0.8, 1.2) + 0.02 * ground.riser * ramp(clump, 0.0, 1.4)
    trees = 0.010 * canvas.blurred(works.yard, 18) + 0.012 * ground.wet * ramp(clump, 0.2, 1.2) * wild
    trees += 0.004 * ground.floor * ramp(clump, 0.3, 1.0) + 0.0008 * ground.edge * ground.terraced
    trees += 0.06 * ground.planted * ramp(clump, -1.6, -0.4) * (1 - ground.disturbed)
    height = _crowns(canvas, shrubs * free, radius_m=1.5, height_m=(0.6, 1.6))
    tree = np.zeros(canvas.shape, np.float32)
    for share, radius_m, height_m in ((0.6, 2.6, (2.5, 4.5)), (0.4, 3.6, (4.0, 7.0))):
        crowns = _crowns(canvas, share * trees * free, radius_m=radius_m, height_m=height_m)
        np.maximum(height, crowns, out=height)
        np.maximum(tree, crowns > 0.5, out=tree)
    return Plants(height * (1 + 0.25 * canvas.band(2.5)), tree)


def _crowns(canvas: Canvas, density: Field, *, radius_m: float, height_m: tuple[float, float]) -> Field:
    """Domes at random places; `density` is plants per m²."""
    rng, pixel_m = canvas.rng, canvas.pixel_m
    rows, cols = np.nonzero(rng.random(canvas.shape, dtype=np.float32) < density * pixel_m**2)
    heights = rng.uniform(*height_m, rows.size).astype(np.float32)
    radius_px = np.maximum(rng.uniform(0.7, 1.2, rows.size) * radius_m / pixel_m, 0.5)
    reach = int(np.ceil(1.2 * radius_m / pixel_m))
    crowns = np.zeros((canvas.size_px + 2 * reach,) * 2, np.float32)
    for down in range(2 * reach + 1):
        for right in range(2 * reach + 1):
            away = (down - reach) ** 2 + (right - reach) ** 2
            np.maximum.at(
                crowns, (rows + down, cols + right), heights * np.sqrt(np.clip(1 - away / radius_px**2, 0, 1))
            )
    return crowns[reach : reach + canvas.size_px, reach : reach + canvas.size_px]
