"""The classification stage: encoder and classifier learn from the object in two views of each chip, BCE + λ_o · OCL."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from icssn.config import TrainConfig
from icssn.contrast.momentum import momentum_contrast
from icssn.contrast.ocl import supervised_contrastive
from icssn.contrast.pair import pair_margin
from icssn.contrast.simsiam import negative_cosine
from icssn.nets.icssn import Icssn
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
from icssn.training.objects import object_cells


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
    """Judge the classifier of the learner on the object in both views of each chip, see `objects.object_cells`.

    The siamese branches are the two halves of one batch, so that they share BatchNorm's statistics too. Views whose
    kind is -1 are left out.

    Returns:
        Loss, shape (), and its parts for the figures.
    """
    kinds, weights = views.kinds, object_cells(views.masks, views.kinds, stride=learner.model.stride)
    logits, embeddings = learner.compute(Icssn.classify, views.images, weights)
    bce = binary_loss(logits, kinds)
    ocl = bce.new_zeros(())
    if config.contrast.ocl_weight:
        keys = None
        if config.contrast.ocl == "moco":
            with torch.no_grad():
                keys = learner.average.classify(views.images, weights)[1]
        ocl = object_contrast(learner, embeddings, kinds, config=config, keys=keys)
    return bce + config.contrast.ocl_weight * ocl, {"classification": bce.detach(), "ocl": ocl.detach()}


def object_contrast(
    learner: Learner, embeddings: Tensor, kinds: Tensor, *, config: TrainConfig, keys: Tensor | None = None
) -> Tensor:
    """Give OCL in the form that the settings ask for, shape ().

    Args:
        embeddings: Of the objects, (2B, D); rows i and i + B show one chip.
        kinds: What they show, (2B,), positions in `KINDS` or -1.
        keys: The averaged model's embeddings, where "moco" asks for them.
    """
    contrast, told = config.contrast, kinds >= 0
    match contrast.ocl:
        case "supcon":
            return supervised_contrastive(embeddings[told], kinds[told], temperature=contrast.temperature)
        case "pair":
            return pair_margin(embeddings[told], kinds[told], margin=contrast.pair_margin)
        case "simsiam":
            (predictions,) = over_all(lambda own: (learner.model.classifier.predict(own),), embeddings)
            both = told & _of_other_view(told)
            return negative_cosine(predictions[both], embeddings[both])
        case "moco":
            past = learner.objects
            assert past is not None
            assert keys is not None
            loss = momentum_contrast(
                embeddings[told],
                _of_other_view(keys)[told],
                kinds[told],
                past=past.keys,
                past_labels=past.labels,
                temperature=contrast.temperature,
            )
            past.push(keys[told], kinds[told])
            return loss


def _of_other_view(objects: Tensor) -> Tensor:
    return objects.roll(len(objects) // 2, dims=0)


def binary_loss(logits: Tensor, kinds: Tensor) -> Tensor:
    """Give the mean binary cross-entropy of "landslide" over the objects that are told, in nats; 0 where none is.

    Args:
        logits: (N,).
        kinds: What they show, (N,), positions in `KINDS` or -1.
    """
    told = (kinds >= 0).float()
    each = F.binary_cross_entropy_with_logits(logits.float(), (kinds == LANDSLIDE).float(), reduction="none")
    return (each * told).sum() / told.sum().clamp(min=1)
