"""The picture: land cover coloured, sunlit from the north-west, seen through a sensor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from icssn.demo.ground import Ground
from icssn.demo.noise import Field, band_noise, fractal_noise, hashed, smoothstep

Colour = tuple[float, float, float]

_FIELDS = np.array(
    [
        (188, 162, 121),  # stubble
        (172, 145, 108),  # fallow
        (150, 123, 92),  # ploughed
        (201, 177, 138),  # bare loess
        (163, 149, 106),  # young crop
        (131, 128, 84),  # maize
        (113, 117, 76),  # potato
        (145, 139, 95),  # alfalfa
        (158, 137, 102),  # weeds
    ],
    np.float32,
)
_ROOFS = np.array([(118, 112, 108), (152, 102, 82), (190, 184, 176), (92, 122, 160)], np.float32)
_SUN = np.array([-0.52, -0.52, 0.68], np.float32)  # unit vector east, south, up: from the north-west, 43° high


def paint(rng: np.random.Generator, ground: Ground) -> NDArray[np.uint8]:
    """Paint the scene.

    Args:
        rng: Source of randomness.
        ground: Layers from `shape_ground`.

    Returns:
        uint8 (3, H, W), red, green, blue.
    """
    canopy, trees = _plants(rng, ground)
    image = _cover(rng, ground, canopy, trees)
    light = _light(ground, canopy)
    image *= light
    return _sensed(rng, image, ground.pixel_m)


def _cover(rng: np.random.Generator, ground: Ground, canopy: Field, trees: Field) -> Field:
    shape, pixel_m = ground.height_m.shape, ground.pixel_m
    broad = fractal_noise(rng, shape, cell_m=pixel_m, longest_m=420, slope=1.5)
    mottle = fractal_noise(rng, shape, cell_m=pixel_m, longest_m=45, slope=1.35)
    fine = band_noise(rng, shape, cell_m=pixel_m, wavelength_m=3.0)
    shady = _shady(ground)
    image = np.empty((3, *shape), np.float32)
    image[:] = np.array((156, 138, 100), np.float32)[:, None, None]  # dry grass
    _blend(image, (124, 120, 81), 0.75 * smoothstep(0.7 * shady + 0.35 * broad + 0.3 * mottle, -0.5, 1.2))
    _blend(image, (180, 156, 117), 0.7 * smoothstep(0.4 * mottle + 0.4 * broad - 0.6 * shady, 0.0, 1.6))
    _plots(image, ground, broad)
    _blend(image, (134, 124, 86), 0.7 * ground.riser * smoothstep(mottle, -1.2, 0.4))
    _blend(image, (180, 156, 116), 0.6 * ground.riser * smoothstep(mottle, 0.2, -1.0))
    _blend(image, (118, 110, 76), 0.35 * ground.edge * np.maximum(ground.terraced, ground.floor))
    _blend(image, (122, 119, 80), 0.7 * ground.abandoned * smoothstep(mottle, -1.6, 0.6))
    _blend(image, (112, 112, 74), 0.5 * smoothstep(ground.disturbed + 0.2 * mottle, 0.2, 1.0) * (1 - ground.floor))
    wall = ground.gully * smoothstep(0.5 * mottle - 0.7 * shady + 0.3 * broad, -0.3, 1.0)
    _blend(image, (112, 110, 76), 0.6 * ground.gully)
    _blend(image, (186, 161, 119), 0.8 * wall)
    _blend(image, (190, 166, 124), 0.7 * smoothstep(ground.scarp + 0.22 * mottle, 0.35, 0.9))
    _blend(image, (84, 92, 58), 0.55 * ground.wet * (1 - ground.terraced) * (1 - ground.floor))
    bars = smoothstep(_around(ground.river, 9 / pixel_m) + 0.07 * mottle + 0.03 * fine, 0.12, 0.3)
    _blend(image, (178, 166, 141), 0.8 * bars * smoothstep(mottle, -2.0, 0.6))
    _blend(image, (121, 116, 93), 0.85 * ground.river * smoothstep(mottle + 0.4 * fine, -2.2, -0.6))
    _blend(image, (196, 173, 133), ground.quarry * smoothstep(mottle, -3.5, -0.5))
    image *= 1 + (0.030 * mottle + 0.028 * fine + 0.02 * broad)
    _blend(image, (198, 177, 140), 0.7 * ground.track * (1 - ground.river))
    _blend(image, (184, 164, 134), 0.8 * ground.yard)
    _blend(image, (196, 188, 172), 0.88 * ground.road)
    leaf = smoothstep(canopy, 0.3, 0.9)
    _blend(image, (82, 90, 54), 0.85 * leaf)
    _blend(image, (70, 82, 49), 0.8 * leaf * trees)
    _roofs(image, ground)
    return image


def _plots(image: Field, ground: Ground, broad: Field) -> None:
    """Colour every plot: a crop by chance, more likely the crops of its neighbourhood."""
    luck = hashed(ground.field, seed=21)
    crop = (luck * 9).astype(np.int64)
    local = ((hashed(ground.field, seed=22) * 0.16 + 0.5 + 0.3 * broad).clip(0, 0.999) * 9).astype(np.int64)
    crop = np.where(hashed(ground.field, seed=23) < 0.5, local, crop)
    bright = 1 + 0.26 * (hashed(ground.field, seed=24) - 0.5)
    weight = np.clip(np.maximum(ground.terraced, ground.floor), 0, 1)
    for band in range(3):
        image[band] += 0.9 * weight * (_FIELDS[:, band][crop] * bright - image[band])


def _plants(rng: np.random.Generator, ground: Ground) -> tuple[Field, Field]:
    """Heights of crowns in metres, and where they are trees rather than shrubs."""
    shape, pixel_m = ground.height_m.shape, ground.pixel_m
    clump = fractal_noise(rng, shape, cell_m=pixel_m, longest_m=120, slope=1.3)
    open_ground = (1 - ground.terraced) * (1 - ground.floor) * (1 - ground.quarry) * (1 - ground.river)
    free = (1 - ground.road) * (1 - ground.track) * (1 - ground.yard) * (ground.roof == 0)
    shrubs = (
        0.012
        + 0.10 * ground.gully
        + 0.05 * ground.disturbed
        + 0.03 * ground.abandoned
        + 0.12 * ground.wet
        + 0.03 * _shady(ground)
    )
    shrubs = np.maximum(shrubs, 0) * open_ground * smoothstep(clump, -0.8, 1.2)
    shrubs += 0.02 * ground.riser * smoothstep(clump, 0.0, 1.4)
    hamlet = _around(ground.yard, 18 / pixel_m)
    trees = 0.010 * hamlet + 0.012 * ground.wet * smoothstep(clump, 0.2, 1.2) * open_ground
    trees += 0.004 * ground.floor * smoothstep(clump, 0.3, 1.0) + 0.0008 * ground.edge * ground.terraced
    trees += 0.06 * ground.planted * smoothstep(clump, -1.6, -0.4) * (1 - ground.disturbed)
    canopy = np.zeros(shape, np.float32)
    tall = np.zeros(shape, np.float32)
    for radius_m, low, high, density, into in (
        (1.5, 0.6, 1.6, shrubs, None),
        (2.6, 2.5, 4.5, 0.6 * trees, tall),
        (3.6, 4.0, 7.0, 0.4 * trees, tall),
    ):
        crowns = _crowns(rng, density * free, radius_m, low, high, pixel_m)
        np.maximum(canopy, crowns, out=canopy)
        if into is not None:
            np.maximum(into, (crowns > 0.5).astype(np.float32), out=into)
    canopy *= 1 + 0.25 * band_noise(rng, shape, cell_m=pixel_m, wavelength_m=2.5)
    return canopy, tall


def _crowns(
    rng: np.random.Generator, density: Field, radius_m: float, low: float, high: float, pixel_m: float
) -> Field:
    """Domes at random places; `density` is plants per m²."""
    rows, cols = np.nonzero(rng.random(density.shape, dtype=np.float32) < density * pixel_m**2)
    heights = rng.uniform(low, high, rows.size).astype(np.float32)
    radius = np.maximum(rng.uniform(0.7, 1.2, rows.size) * radius_m / pixel_m, 0.5)
    crowns = np.zeros(density.shape, np.float32)
    reach = int(np.ceil(1.2 * radius_m / pixel_m))
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            dome = heights * np.sqrt(np.clip(1 - (down**2 + right**2) / radius**2, 0, 1))
            np.maximum.at(crowns, ((rows + down) % density.shape[0], (cols + right) % density.shape[1]), dome)
    return crowns


def _light(ground: Ground, canopy: Field) -> Field:
    """Sun and sky on ground, crowns and roofs, shape (3, H, W), about 1 on level ground."""
    pixel_m = ground.pixel_m
    surface = ground.height_m + np.maximum(canopy, 3.6 * (ground.roof > 0))
    down, right = np.gradient(ground.height_m + 0.8 * (surface - ground.height_m), pixel_m)
    facing = (-_SUN[0] * right - _SUN[1] * down + _SUN[2]) / np.sqrt(1 + down**2 + right**2)
    sun = np.clip(facing, 0, None) / _SUN[2]
    sun *= 1 - 0.72 * _shadows(surface, pixel_m)
    hollow = ndimage.gaussian_filter(ground.height_m, 14 / pixel_m) - ground.height_m
    sky = 1 - 0.22 * smoothstep(hollow, -1.0, 6.0)
    light = np.empty((3, *surface.shape), np.float32)
    for band, (direct, diffuse) in enumerate(((0.66, 0.35), (0.63, 0.38), (0.58, 0.43))):
        light[band] = direct * sun + diffuse * sky
    return light


def _shadows(surface: Field, pixel_m: float) -> Field:
    """Where the sun is hidden, 0–1: march towards it and look for anything higher."""
    rise = float(_SUN[2] / np.hypot(_SUN[0], _SUN[1]))
    hidden = np.zeros(surface.shape, np.float32)
    step = 1
    while step * pixel_m < 60:
        climb = step * pixel_m * np.sqrt(2) * rise
        above = surface[:-step, :-step] - surface[step:, step:] - climb
        np.maximum(hidden[step:, step:], np.clip(above * 1.5, 0, 1), out=hidden[step:, step:])
        step += max(1, step // 4)
    soft: Field = ndimage.gaussian_filter(hidden, 0.5)
    return soft


def _shady(ground: Ground) -> Field:
    """1 on slopes that face north, -1 on those that face south: the dry side of loess hills is the bare one."""
    down, _ = np.gradient(ndimage.gaussian_filter(ground.height_m, 12 / ground.pixel_m), ground.pixel_m)
    shady: Field = np.clip(down / 0.35, -1, 1)
    return shady


def _roofs(image: Field, ground: Ground) -> None:
    for kind, colour in enumerate(_ROOFS):
        image[:, ground.roof == kind + 1] = colour[:, None]


def _around(layer: Field, reach_px: float) -> Field:
    near: Field = ndimage.gaussian_filter(layer, reach_px)
    return near


def _blend(image: Field, colour: Colour, weight: Field) -> None:
    for band in range(3):
        image[band] += weight * (np.float32(colour[band]) - image[band])


def _sensed(rng: np.random.Generator, image: Field, pixel_m: float) -> NDArray[np.uint8]:
    """Haze, optics, noise and 8 bits."""
    shape = image.shape[1:]
    shared = rng.standard_normal(shape, dtype=np.float32)
    sensed = np.empty(image.shape, np.uint8)
    for band, (gain, haze) in enumerate(((0.99, 7.0), (0.99, 11.0), (1.0, 20.0))):
        seen = ndimage.gaussian_filter(image[band], 0.55)
        seen = seen + 0.35 * (seen - ndimage.gaussian_filter(seen, 1.2))
        seen = gain * seen + haze + 1.6 * shared + 1.3 * rng.standard_normal(shape, dtype=np.float32)
        sensed[band] = np.clip(np.rint(seen), 0, 255).astype(np.uint8)
    return sensed
