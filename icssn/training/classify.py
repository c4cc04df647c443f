"""The classification stage: encoder and classifier learn from two views of each chip, BCE + λ_o · OCL."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from icssn.config import TrainConfig
from icssn.contrast.ocl import supervised_contrastive
from icssn.nets.icssn import Icssn
from icssn.training.dataset import (
    LANDSLIDE,
    LANDSLIDE_SHARE,
    ChipArrays,
    Views,
    batch_indices,
    classification_views,
)


def classification_batch(
    chips: ChipArrays, *, config: TrainConfig, step: int, order: int, generator: torch.Generator
) -> Views:
    """Give the views of one step, two of each chip, half of the chips with a landslide.

    Args:
        step: Of the stage, from 0.
        order: Seed of the order in which the stage goes through the chips.
        generator: Chance of this step, on the device of the batch.
    """
    indices = batch_indices(
        chips.classified, count=config.classify.batch_size, share=LANDSLIDE_SHARE, step=step, seed=order
    )
    return classification_views(
        chips,
        indices,
        size_px=config.chips.size_px,
        min_fraction=config.chips.min_landslide_fraction,
        generator=generator,
    )


def classification_loss(model: Icssn, views: Views, *, config: TrainConfig) -> tuple[Tensor, dict[str, Tensor]]:
    """Judge the classifier on both views of each chip.

    The siamese branches are the two halves of one batch, so that they share BatchNorm's statistics too. Views whose
    kind is -1 are left out.

    Returns:
        Loss, shape (), and its parts for the figures.
    """
    logits, embeddings = model.classify(views.images)
    told = views.kinds >= 0
    bce = binary_loss(logits, views.kinds)
    ocl = supervised_contrastive(embeddings[told], views.kinds[told], temperature=config.contrast.temperature)
    return bce + config.contrast.ocl_weight * ocl, {"classification": bce.detach(), "ocl": ocl.detach()}


def binary_loss(logits: Tensor, kinds: Tensor) -> Tensor:
    """Give the mean binary cross-entropy of "landslide" over the views that are told, in nats; 0 where none is.

    Args:
        logits: (N,).
        kinds: (N,), positions in `KINDS` or -1.
    """
    told = (kinds >= 0).float()
    each = F.binary_cross_entropy_with_logits(logits.float(), (kinds == LANDSLIDE).float(), reduction="none")
    return (each * told).sum() / told.sum().clamp(min=1)
