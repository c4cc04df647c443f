"""The picture: land cover coloured, lit by a sun in the north-west, seen through a sensor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from icssn.demo.canvas import Canvas
from icssn.demo.ground import Ground
from icssn.demo.noise import Field, hashed, ramp
from icssn.demo.plants import Plants, plant

Colour = tuple[float, float, float]

# Colours are sRGB 0–255 in level light, mixed by eye after loess hills seen from the air in early summer.
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
_DRY_GRASS = (156, 138, 100)
_GREEN_GRASS = (124, 120, 81)
_BARE_LOESS = (188, 162, 120)
_SUN = np.array([-0.52, -0.52, 0.68], np.float32)  # unit vector east, south, up: from the north-west, 43° high
_ROOF_M = 3.6
_LONGEST_SHADOW_M = 60.0


def paint(canvas: Canvas, ground: Ground) -> NDArray[np.uint8]:
    """Paint the scene: uint8 (3, H, W), red, green, blue."""
    shady = _shady(canvas, ground)
    plants = plant(canvas, ground, shady=shady)
    image = _cover(canvas, ground, plants=plants, shady=shady)
    image *= _light(canvas, ground, plants=plants)
    return _sensed(canvas, image)


def _cover(canvas: Canvas, ground: Ground, *, plants: Plants, shady: Field) -> Field:
    """Colour of the surface in level light, shape (3, H, W); later layers lie on earlier ones."""
    works = ground.works
    broad, mottle = canvas.fractal(420, slope=1.5), canvas.fractal(45, slope=1.35)
    grain = canvas.band(3)
    image = np.empty((3, *canvas.shape), np.float32)
    image[:] = np.array(_DRY_GRASS, np.float32)[:, None, None]
    _lay(image, _GREEN_GRASS, 0.75 * ramp(0.7 * shady + 0.35 * broad + 0.3 * mottle, -0.5, 1.2))
    _lay(image, _BARE_LOESS, 0.6 * ramp(0.4 * mottle + 0.4 * broad - 0.6 * shady, 0.0, 1.6))
    _lay_crops(image, ground, broad)
    _lay(image, (134, 124, 86), 0.7 * ground.riser * ramp(mottle, -1.2, 0.4))
    _lay(image, _BARE_LOESS, 0.6 * ground.riser * ramp(mottle, 0.2, -1.0))
    _lay(image, (118, 110, 76), 0.35 * ground.edge * np.maximum(ground.terraced, ground.floor))
    _lay(image, (122, 119, 80), 0.7 * ground.abandoned * ramp(mottle, -1.6, 0.6))
    _lay(image, (112, 112, 74), 0.5 * ramp(ground.disturbed + 0.2 * mottle, 0.2, 1.0) * (1 - ground.floor))
    _lay(image, (112, 110, 76), 0.6 * ground.gully)
    _lay(image, _BARE_LOESS, 0.8 * ground.gully * ramp(0.5 * mottle - 0.7 * shady + 0.3 * broad, -0.3, 1.0))
    _lay(image, (190, 166, 124), 0.7 * ramp(ground.scarp + 0.22 * mottle, 0.35, 0.9))
    _lay(image, (84, 92, 58), 0.55 * ground.wet * (1 - ground.terraced) * (1 - ground.floor))
    gravel = ramp(canvas.blurred(ground.river, 9) + 0.07 * mottle + 0.03 * grain, 0.12, 0.3)
    _lay(image, (178, 166, 141), 0.8 * gravel * ramp(mottle, -2.0, 0.6))
    _lay(image, (121, 116, 93), 0.85 * ground.river * ramp(mottle + 0.4 * grain, -2.2, -0.6))
    _lay(image, (196, 173, 133), works.quarry * ramp(mottle, -3.5, -0.5))
    image *= 1 + 0.030 * mottle + 0.028 * grain + 0.02 * broad
    _lay(image, (198, 177, 140), 0.7 * works.track * (1 - ground.river))
    _lay(image, (184, 164, 134), 0.8 * works.yard)
    _lay(image, (196, 188, 172), 0.88 * works.road)
    leaf = ramp(plants.height_m, 0.3, 0.9)
    _lay(image, (82, 90, 54), 0.85 * leaf)
    _lay(image, (70, 82, 49), 0.8 * leaf * plants.tree)
    for kind, colour in enumerate(_ROOFS):
        image[:, works.roof == kind + 1] = colour[:, None]
    return image


def _lay_crops(image: Field, ground: Ground, broad: Field) -> None:
    """Colour every plot: a crop by chance, half of them the crop of the neighbourhood."""
    kinds = len(_FIELDS)
    local = (0.42 + 0.16 * hashed(ground.plot, seed=22) + 0.3 * broad).clip(0, 0.999)
    chance = np.where(hashed(ground.plot, seed=23) < 0.5, local, hashed(ground.plot, seed=21))
    crop = (chance * kinds).astype(np.int64)
    bright = 1 + 0.26 * (hashed(ground.plot, seed=24) - 0.5)
    tilled = 0.9 * np.clip(np.maximum(ground.terraced, ground.floor), 0, 1)
    for band in range(3):
        image[band] += tilled * (_FIELDS[:, band][crop] * bright - image[band])


def _lay(image: Field, colour: Colour, weight: Field) -> None:
    for band in range(3):
        image[band] += weight * (np.float32(colour[band]) - image[band])


def _shady(canvas: Canvas, ground: Ground) -> Field:
    """1 on slopes that face north, -1 on those that face south: the dry side of loess hills is the bare one."""
    down, _ = np.gradient(canvas.blurred(ground.height_m, 12), canvas.pixel_m)
    return np.asarray(np.clip(down / 0.35, -1, 1), np.float32)


def _light(canvas: Canvas, ground: Ground, *, plants: Plants) -> Field:
    """Sun and sky on ground, crowns and roofs, shape (3, H, W), about 1 on level ground."""
    above = np.maximum(plants.height_m, _ROOF_M * (ground.works.roof > 0))
    down, right = np.gradient(ground.height_m + 0.8 * above, canvas.pixel_m)
    facing = (_SUN[2] - _SUN[0] * right - _SUN[1] * down) / np.sqrt(1 + down**2 + right**2)
    sun = np.clip(facing, 0, None) / _SUN[2] * (1 - 0.72 * _shadows(canvas, ground.height_m + above))
    sky = 1 - 0.22 * ramp(canvas.blurred(ground.height_m, 14) - ground.height_m, -1.0, 6.0)
    light = np.empty((3, *canvas.shape), np.float32)
    for band, (direct, diffuse) in enumerate(((0.66, 0.35), (0.63, 0.38), (0.58, 0.43))):  # the sky is blue
        light[band] = direct * sun + diffuse * sky
    return light


def _shadows(canvas: Canvas, surface_m: Field) -> Field:
    """Where the sun is hidden, 0–1: walk towards it and look for anything higher."""
    climb_m = canvas.pixel_m * np.sqrt(2) * float(_SUN[2] / np.hypot(_SUN[0], _SUN[1]))  # per diagonal step
    hidden = np.zeros(canvas.shape, np.float32)
    step = 1
    while step * canvas.pixel_m < _LONGEST_SHADOW_M:
        over = surface_m[:-step, :-step] - surface_m[step:, step:] - np.float32(step * climb_m)
        np.maximum(hidden[step:, step:], np.clip(1.5 * over, 0, 1), out=hidden[step:, step:])
        step += max(1, step // 4)
    soft: Field = ndimage.gaussian_filter(hidden, 0.5)
    return soft


def _sensed(canvas: Canvas, image: Field) -> NDArray[np.uint8]:
    """Optics, a little sharpening, haze, noise and 8 bits; lengths are pixels."""
    shared = canvas.rng.standard_normal(canvas.shape, dtype=np.float32)
    sensed = np.empty(image.shape, np.uint8)
    for band, haze in enumerate((7, 11, 20)):
        soft = ndimage.gaussian_filter(image[band], 0.55)
        seen = 1.35 * soft - 0.35 * ndimage.gaussian_filter(soft, 1.2)
        noise = 1.6 * shared + 1.3 * canvas.rng.standard_normal(canvas.shape, dtype=np.float32)
        sensed[band] = np.clip(np.rint(0.99 * seen + haze + noise), 0, 255)
    return sensed
