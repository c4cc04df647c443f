"""The segmentation stage: encoder and segmenter learn from masks and points, BCE + w · spots [+ Dice] + λ_s · SOCL."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from icssn.chips.ground import IGNORE, LANDSLIDE, SPOT
from icssn.config import TrainConfig
from icssn.contrast.cells import cell_classes
from icssn.contrast.socl import boundary_contrastive
from icssn.nets.classifier import pool
from icssn.nets.icssn import Icssn
from icssn.training.classify import binary_loss
from icssn.training.dataset import SEGMENT_LANDSLIDE_SHARE, ChipArrays, Views, batch_indices, segmentation_views
from icssn.training.learner import Learner
from icssn.training.objects import object_cells


def segmentation_batch(
    chips: ChipArrays, *, config: TrainConfig, step: int, order: int, generator: torch.Generator
) -> Views:
    """Give the views of one step, one of each chip; now and then fewer and wider ones, of about as many pixels.

    Args:
        step: Of the stage, from 0.
        order: Seed of the order in which the stage goes through the chips.
        generator: Chance of this step, on the device of the batch.
    """
    size_px, count = config.chips.size_px, config.segment.batch_size
    indices = batch_indices(chips.segmented, count=count, share=SEGMENT_LANDSLIDE_SHARE, step=step, seed=order)
    if config.wide_share and torch.rand((), generator=generator, device=generator.device) < config.wide_share:
        fewer = max(2, round(count * (size_px / chips.stored_px) ** 2))
        indices = indices[np.linspace(0, count - 1, fewer).round().astype(int)]  # landslides stand first: keep both
        size_px = chips.stored_px
    return segmentation_views(
        chips,
        indices,
        size_px=size_px,
        min_fraction=config.chips.min_landslide_fraction,
        paste_share=config.paste_share,
        fade_share=config.fade_share,
        generator=generator,
    )


def segmentation_loss(
    learner: Learner, views: Views, *, config: TrainConfig, step: int, generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Judge the segmenter of the learner on one view of each chip.

    The classifier's linear layer follows: it learns from the objects in the same features, held constant, so that it
    stays fitted to an encoder which moves on without it.

    Args:
        step: Of the stage, from 0; SOCL is off during the first ``config.contrast.warmup_share`` of the stage.
        generator: Draws SOCL's anchors.

    Returns:
        Loss, shape (), and for the figures those of its parts that count.
    """
    weights = object_cells(views.masks, views.kinds, stride=learner.model.stride)
    logits, cells, followed = learner.compute(_seen, views.images, weights)
    height, width = logits.shape[-2:]
    rows, columns = views.masks.shape[-2:]
    masks = F.pad(views.masks, (0, width - columns, 0, height - rows), value=IGNORE)  # as `features` grew the images
    bce, dice = mask_losses(logits, masks)
    spots = spot_loss(logits, masks)
    follow = binary_loss(followed, views.kinds)
    socl = torch.zeros_like(bce)
    contrast = config.contrast
    if contrast.socl_weight and step >= contrast.warmup_share * config.segment.steps:
        classes = cell_classes(
            masks,
            learner.model.tap,
            landslide_fraction=contrast.landslide_cell_fraction,
            background_fraction=contrast.background_cell_fraction,
        )
        predicted = F.avg_pool2d(logits.detach().float().unsqueeze(1), learner.model.tap).squeeze(1) > 0
        keys = None
        if learner.cells is not None:
            with torch.no_grad():
                keys = learner.average.segmenter(learner.average.features(views.images), (height, width))[1]
        socl = boundary_contrastive(
            cells, classes, predicted=predicted, config=contrast, generator=generator, past=learner.cells, keys=keys
        )
    weighted = {
        "spots": (config.point_weight, spots),
        "dice": (config.dice_weight, dice),
        "socl": (contrast.socl_weight, socl),
    }
    loss = sum((weight * part for weight, part in weighted.values()), start=bce) + follow
    parts = {"segmentation": bce} | {name: part for name, (weight, part) in weighted.items() if weight}
    return loss, {name: part.detach() for name, part in parts.items()}


def _seen(model: Icssn, images: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    features = model.features(images)
    followed, _ = model.classifier(pool(features[-1].detach(), weights))
    return *model.segmenter(features, tuple(features[0].shape[-2:])), followed


def mask_losses(logits: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Compare scores with masks where they are known, all pixels of the batch together.

    Args:
        logits: (N, H, W).
        masks: (N, H, W), 0 / 1 / 2 / 255; spots are unknown here.

    Returns:
        Mean binary cross-entropy in nats and soft Dice loss in 0..1 (Milletari et al. 2016, arXiv:1606.04797, with
        one pixel added above and below), each of shape (); both 0 where no pixel is known.
    """
    known = ((masks != IGNORE) & (masks != SPOT)).float()
    truth = (masks == LANDSLIDE).float()
    scores = logits.float()
    each = F.binary_cross_entropy_with_logits(scores, truth, reduction="none")
    bce = (each * known).sum() / known.sum().clamp(min=1)
    probability = scores.sigmoid() * known
    overlap = (probability * truth).sum()
    dice = 1 - (2 * overlap + 1) / (probability.sum() + truth.sum() + 1)
    return bce, dice


def spot_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Ask for a landslide at the spots of those whose boundary is unknown.

    A spot is a few pixels, and a mean over pixels would not hear it. So it counts by views: weighted with w, a view's
    spot counts as much as a landslide that covers the share w of its view. After Bearman et al. 2016, arXiv:1506.02106,
    section 3 (supervision by points); the weight by views is ours.

    Args:
        logits: (N, H, W).
        masks: (N, H, W), 0 / 1 / 2 / 255.

    Returns:
        Mean over all N views of the mean cross-entropy over the spots in each, in nats, shape (); a view without a
        spot adds 0.
    """
    spots = (masks == SPOT).float()
    each = F.softplus(-logits.float()) * spots
    return (each.sum((1, 2)) / spots.sum((1, 2)).clamp(min=1)).mean()
