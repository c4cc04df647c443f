"""Cut and paste: landslides of a batch, set softly onto its views of background, where they have another setting."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from icssn.chips.ground import LANDSLIDE, SPOT

SOFT_PX = 7  # side of the mean that softens the edge of what is pasted
TONE = 0.5  # share by which the tone of what is pasted is drawn to that of the ground it comes onto


def paste_landslides(
    images: Tensor, masks: Tensor, *, bands: int, share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Paste the landslides of one view onto another view that shows none, for a share of those.

    A landslide keeps its place in the view, its size and its turn, which poses have drawn already. Its edge is softened
    over a few pixels and its mean colour drawn half way to that of its new ground (after Ghiasi et al. 2021,
    arXiv:2012.07177, who paste without either and find it enough; abrupt edges would teach edges of pasting). Its
    terrain comes along as it is.

    Args:
        images: (N, C, H, W), float, 0..255.
        masks: (N, H, W), uint8, 0 / 1 / 2 / 255.
        bands: How many of the channels, the first ones, have colour; those below are terrain.
        share: Chance of each view without a landslide, in [0, 1].
        generator: On any device.

    Returns:
        New images and masks; views with a landslide are as they were. Without a donor nothing changes.
    """
    has = (masks == LANDSLIDE).flatten(1).any(dim=1)
    spotted = (masks == SPOT).flatten(1).any(dim=1)
    chance = torch.rand(2, len(images), generator=generator, device=generator.device).to(images.device)
    onto = ((chance[0] < share) & ~has & ~spotted).nonzero().squeeze(1)
    donors = has.nonzero().squeeze(1)
    if not len(onto) or not len(donors):
        return images, masks
    chosen = donors[(chance[1, onto] * len(donors)).long().clamp(max=len(donors) - 1)]
    shape = (masks[chosen] == LANDSLIDE).float().unsqueeze(1)
    alpha = F.avg_pool2d(shape, SOFT_PX, stride=1, padding=SOFT_PX // 2, count_include_pad=False)
    ground, taken = images[onto], images[chosen]
    tone = ground.mean(dim=(2, 3), keepdim=True) - taken.mean(dim=(2, 3), keepdim=True)
    tone[:, bands:] = 0
    images, masks = images.clone(), masks.clone()
    images[onto] = (ground + alpha * (taken + TONE * tone - ground)).clamp(0, 255)
    masks[onto] = torch.where(shape.squeeze(1) > 0, torch.ones_like(masks[onto]), masks[onto])
    return images, masks
