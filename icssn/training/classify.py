"""The classification stage: encoder and classifier learn from two views of each chip, BCE + λ_o · OCL."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from icssn.config import TrainConfig
from icssn.contrast.momentum import momentum_contrast
from icssn.contrast.ocl import supervised_contrastive
from icssn.contrast.pair import pair_margin
from icssn.contrast.simsiam import negative_cosine
from icssn.nets.spread import over_all
from icssn.training.dataset import (
    LANDSLIDE,
    LANDSLIDE_SHARE,
    ChipArrays,
    Views,
    batch_indices,
    classification_views,
)
from icssn.training.learner import Learner


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


def classification_loss(learner: Learner, views: Views, *, config: TrainConfig) -> tuple[Tensor, dict[str, Tensor]]:
    """Judge the classifier of the learner on both views of each chip.

    The siamese branches are the two halves of one batch, so that they share BatchNorm's statistics too. Views whose
    kind is -1 are left out.

    Returns:
        Loss, shape (), and its parts for the figures.
    """
    logits, embeddings = over_all(learner.model.classify, views.images)
    bce = binary_loss(logits, views.kinds)
    ocl = (
        object_contrast(learner, views, embeddings, config=config) if config.contrast.ocl_weight else bce.new_zeros(())
    )
    return bce + config.contrast.ocl_weight * ocl, {"classification": bce.detach(), "ocl": ocl.detach()}


def object_contrast(learner: Learner, views: Views, embeddings: Tensor, *, config: TrainConfig) -> Tensor:
    """Give OCL in the form that the settings ask for, shape ().

    Args:
        embeddings: Of the views, (2B, D); rows i and i + B show one chip.
    """
    contrast, told = config.contrast, views.kinds >= 0
    match contrast.ocl:
        case "supcon":
            return supervised_contrastive(embeddings[told], views.kinds[told], temperature=contrast.temperature)
        case "pair":
            return pair_margin(embeddings[told], views.kinds[told], margin=contrast.pair_margin)
        case "simsiam":
            (predictions,) = over_all(lambda own: (learner.model.classifier.predict(own),), embeddings)
            return negative_cosine(predictions, embeddings)
        case "moco":
            past = learner.objects
            assert past is not None
            with torch.no_grad():
                keys = learner.average.classify(views.images)[1]
            loss = momentum_contrast(
                embeddings[told],
                keys.roll(len(keys) // 2, dims=0)[told],
                views.kinds[told],
                past=past.keys,
                past_labels=past.labels,
                temperature=contrast.temperature,
            )
            past.push(keys[told], views.kinds[told])
            return loss


def binary_loss(logits: Tensor, kinds: Tensor) -> Tensor:
    """Give the mean binary cross-entropy of "landslide" over the views that are told, in nats; 0 where none is.

    Args:
        logits: (N,).
        kinds: (N,), positions in `KINDS` or -1.
    """
    told = (kinds >= 0).float()
    each = F.binary_cross_entropy_with_logits(logits.float(), (kinds == LANDSLIDE).float(), reduction="none")
    return (each * told).sum() / told.sum().clamp(min=1)
