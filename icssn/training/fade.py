"""Fading: landslides that lose their tone to the ground around them, as old ones do when they grow over."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST, MOST = 0.2, 1.0  # of the difference in tone that is taken away; at 1 only texture and shape are left
SOFT_PX = 7  # side of the mean that softens the edge of what is changed
_ENOUGH = 0.25  # of a landslide's pixels, fewer of ground do not say what tone it has


def fade_landslides(images: Tensor, masks: Tensor, *, bands: int, share: float, generator: torch.Generator) -> Tensor:
    """Draw the mean colour of the landslides of a view to that of its ground, by chance and by a random part.

    Fresh landslides differ from their ground in tone first of all, and a network that sees few of them learns just
    that. Where tone says less, texture and shape have to be learned. Ours; decision 18 has the figures.

    Args:
        images: (N, C, H, W), float, 0..255.
        masks: (N, H, W), uint8, 0 / 1 / 2 / 255.
        bands: How many of the channels, the first ones, have colour; those below are terrain and stay.
        share: Chance of each view that shows a landslide and enough ground, in [0, 1].
        generator: On any device.

    Returns:
        New images, 0..255; what is further than a few pixels from a landslide is as it was.
    """
    slide, ground = ((masks == value).float().unsqueeze(1) for value in (1, 0))
    slide_px, ground_px = slide.sum((2, 3), keepdim=True), ground.sum((2, 3), keepdim=True)
    chance = torch.rand(2, len(images), 1, 1, 1, generator=generator, device=generator.device).to(images.device)
    able = (slide_px > 0) & (ground_px > _ENOUGH * slide_px)
    strength = (able & (chance[0] < share)) * (LEAST + (MOST - LEAST) * chance[1])
    of_ground = (images * ground).sum((2, 3), keepdim=True) / ground_px.clamp(min=1)
    of_slide = (images * slide).sum((2, 3), keepdim=True) / slide_px.clamp(min=1)
    tone = of_ground - of_slide
    tone[:, bands:] = 0
    alpha = F.avg_pool2d(slide, SOFT_PX, stride=1, padding=SOFT_PX // 2, count_include_pad=False)
    return (images + strength * alpha * tone).clamp(0, 255)
