"""Augmentation on the device, a whole batch at once: where a view looks (a pose) and how its light falls.

A pose maps a view's pixels onto its stored chip. Turning, scaling and cropping are one resampling, so that corners
are filled from the stored margin and pixels are interpolated once.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

# Ranges are ours: wide enough to cover sun, season and sensor between two scenes, too narrow to change what a
# landslide is (its size in pixels and its lie on the slope carry meaning).
MAX_TURN_DEG = 12.0  # beside quarter turns and mirroring
MAX_SCALE = 1.2  # from 1 / 1.2 to 1.2
PLAIN_SHARE = 0.4  # of the views that are only moved, turned by quarters and mirrored: never blurred by resampling
GAIN, OFFSET, CONTRAST, COLOUR = 0.08, 12.0, 0.25, 0.3
BLUR_SHARE, NOISE_SHARE, NOISE = 0.3, 0.3, 5.0


def random_poses(count: int, *, size_px: int, stored_px: int, generator: torch.Generator) -> Tensor:
    """Draw where `count` views look: one of the eight turns and mirrorings, a place, and often a small turn and scale.

    Args:
        size_px: Side of a view.
        stored_px: Side of a stored chip, at least `size_px`; the view moves within what is left over.
        generator: Source of chance; poses are made on its device.

    Returns:
        Affine maps from view to chip as `torch.nn.functional.affine_grid` takes them, (count, 2, 3).
    """
    device = generator.device
    uniform = torch.rand(count, 5, generator=generator, device=device)
    quarter = torch.randint(0, 4, (count,), generator=generator, device=device)
    mirror = torch.randint(0, 2, (count,), generator=generator, device=device) * 2.0 - 1.0
    plain = uniform[:, 0] < PLAIN_SHARE
    turn = torch.where(plain, 0.0, (uniform[:, 1] * 2 - 1) * math.radians(MAX_TURN_DEG))
    scale = torch.where(plain, 1.0, MAX_SCALE ** (uniform[:, 2] * 2 - 1))
    slack_px = (stored_px - size_px) // 2
    moved_px = torch.floor(uniform[:, 3:5] * (2 * slack_px + 1)) - slack_px  # whole pixels stay unblurred
    shift = moved_px * 2 / stored_px
    # Quarter turns from a table: cos and sin of π/2 are not exact, and a view off by 1e-8 px is resampled.
    cos_q = torch.tensor([1.0, 0.0, -1.0, 0.0], device=device)[quarter]
    sin_q = torch.tensor([0.0, 1.0, 0.0, -1.0], device=device)[quarter]
    cos, sin = torch.cos(turn), torch.sin(turn)
    cos, sin = cos * cos_q - sin * sin_q, sin * cos_q + cos * sin_q
    zoom = scale * size_px / stored_px
    rows = torch.stack([cos * mirror * zoom, -sin * zoom, shift[:, 0], sin * mirror * zoom, cos * zoom, shift[:, 1]], 1)
    return rows.view(count, 2, 3)


def centred(poses: Tensor) -> Tensor:
    """Give the same poses looking at the middle of their chips."""
    still = poses.clone()
    still[:, :, 2] = 0
    return still


def view_images(images: Tensor, poses: Tensor, *, size_px: int) -> Tensor:
    """Sample views of stored chips.

    Args:
        images: (N, C, S, S), 0..255, uint8 or float.
        poses: From `random_poses`, (N, 2, 3).

    Returns:
        (N, C, size_px, size_px), float32, 0..255; beyond the chip it is mirrored.
    """
    grid = _grid(images.shape, poses, size_px)
    return F.grid_sample(images.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def view_masks(masks: Tensor, poses: Tensor, *, size_px: int) -> Tensor:
    """Sample the masks of the same views by nearest neighbour; beyond the chip nothing is known.

    Args:
        masks: (N, S, S), uint8, 0 / 1 / 2 / 255.

    Returns:
        (N, size_px, size_px), uint8, 0 / 1 / 2 / 255.
    """
    known = (255 - masks).float().unsqueeze(1)  # so that what lies outside, 0, means 255
    grid = _grid(known.shape, poses, size_px)
    found = F.grid_sample(known, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return (255 - found.round().to(torch.uint8)).squeeze(1)


def random_light(images: Tensor, *, bands: int, generator: torch.Generator) -> Tensor:
    """Change brightness, contrast, colour, sharpness and noise of each image.

    Args:
        images: (N, C, H, W), float32, 0..255.
        bands: How many of the channels, the first ones, have light; terrain below them has none and stays as it is.
        generator: Source of chance, on the device of `images`.

    Returns:
        Changed images, same shape, clipped to 0..255.
    """
    images, terrain = images[:, :bands], images[:, bands:]
    count = len(images)

    def uniform(low: float, high: float, width: int = 1) -> Tensor:
        drawn = torch.rand(count, width, 1, 1, generator=generator, device=images.device)
        return low + (high - low) * drawn

    def chosen(share: float) -> Tensor:
        return (uniform(0, 1) < share).float()

    middle = images.mean(dim=(2, 3), keepdim=True)
    grey = images.mean(dim=1, keepdim=True)
    lit = grey + (images - grey) * uniform(1 - COLOUR, 1 + COLOUR)
    lit = middle + (lit - middle) * uniform(1 - CONTRAST, 1 + CONTRAST)
    lit = lit * uniform(1 - GAIN, 1 + GAIN, bands) + uniform(-OFFSET, OFFSET)
    soft = F.avg_pool2d(lit, 3, stride=1, padding=1, count_include_pad=False)
    lit = lit + (soft - lit) * uniform(-0.5, 1.0) * chosen(BLUR_SHARE)  # below 0 it sharpens
    noise = torch.randn(lit.shape, generator=generator, device=lit.device)
    lit = lit + noise * uniform(0, NOISE) * chosen(NOISE_SHARE)
    return torch.cat([lit.clamp(0, 255), terrain], dim=1)


def _grid(shape: torch.Size, poses: Tensor, size_px: int) -> Tensor:
    return F.affine_grid(poses, [shape[0], shape[1], size_px, size_px], align_corners=False)
