"""Fit the classifier's last layer to the encoder that a round ends with, by logistic regression on frozen features.

The segmentation stage moves the encoder on; a last layer that was learned before no longer fits it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from icssn.nets.classifier import pool
from icssn.nets.device import autocast
from icssn.nets.icssn import Icssn
from icssn.training.dataset import LANDSLIDE, LANDSLIDE_SHARE, ChipArrays, batch_indices, classification_views
from icssn.training.objects import object_cells

BATCHES, BATCH = 10, 8  # 160 views, two of each chip: 4 s of one AVX2 core; more did no better (decision 12)
DECAY = 0.02  # of the weights of standardised features; .01 to .03 did best on held-out chips (decision 12)


def refit_classifier(
    model: Icssn, chips: ChipArrays, *, size_px: int, min_fraction: float, seed: int, device: torch.device
) -> None:
    """Replace the weights of ``model.classifier.linear`` by those that fit the training chips best.

    Classes weigh alike. Validation chips take no part.

    Args:
        model: On `device`; only the last layer of its classifier changes.
        chips, size_px, min_fraction: As for `dataset.classification_views`.
        seed: Of the views; the same model, chips and seed give the same weights on one machine.
    """
    features, truth = _seen(model, chips, size_px=size_px, min_fraction=min_fraction, seed=seed, device=device)
    if not 0 < float(truth.sum()) < len(truth):
        return
    weight, bias = fit_logistic(features, truth, decay=DECAY)
    with torch.no_grad():
        model.classifier.linear.weight.copy_(weight[None])
        model.classifier.linear.bias.fill_(bias)


def fit_logistic(features: Tensor, truth: Tensor, *, decay: float) -> tuple[Tensor, float]:
    """Give weights (C,) and bias of the logistic regression with the smallest balanced cross-entropy and decay.

    Args:
        features: (n, C).
        truth: (n,), 0 or 1, both present.
        decay: Times half the squared length of the weights of standardised features, beside the mean loss.

    Returns:
        For the features as they are given; float32.
    """
    x, y = features.double().cpu(), truth.double().cpu()
    mean, scale = x.mean(dim=0), x.std(dim=0).clamp(min=1e-6)
    design = torch.cat([(x - mean) / scale, torch.ones(len(x), 1, dtype=torch.float64)], dim=1)
    share = torch.where(y > 0, 0.5 / y.sum(), 0.5 / (1 - y).sum())
    ridge = torch.full((design.shape[1],), decay, dtype=torch.float64)
    ridge[-1] = 1e-6  # the bias is free
    found = torch.zeros(design.shape[1], dtype=torch.float64)

    def loss(at: Tensor) -> Tensor:
        each = F.binary_cross_entropy_with_logits(design @ at, y, reduction="none")
        return (each * share).sum() + (ridge * at.square()).sum() / 2

    for _ in range(50):  # Newton's method; convex, so that halving the step always gets there
        p = torch.sigmoid(design @ found)
        gradient = design.T @ (share * (p - y)) + ridge * found
        curvature = design.T @ (design * (share * p * (1 - p))[:, None]) + torch.diag(ridge)
        step = torch.linalg.solve(curvature, gradient)
        length = 1.0
        while loss(found - length * step) > loss(found) and length > 1e-6:
            length /= 2
        found = found - length * step
        if float(gradient.abs().max()) < 1e-9:
            break
    weight = found[:-1] / scale
    return weight.float(), float(found[-1] - weight @ mean)


@torch.no_grad()
def _seen(
    model: Icssn, chips: ChipArrays, *, size_px: int, min_fraction: float, seed: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Give pooled features (n, C) and truth (n,) of the objects in views drawn as for training that show enough."""
    model.eval()
    features, kinds = [], []
    for step in range(BATCHES):
        indices = batch_indices(chips.classified, count=BATCH, share=LANDSLIDE_SHARE, step=step, seed=seed)
        chance = torch.Generator(device).manual_seed(1_000_003 * seed + step)
        views = classification_views(chips, indices, size_px=size_px, min_fraction=min_fraction, generator=chance)
        weights, shown = object_cells(views.masks, views.kinds, stride=model.stride), views.kinds
        with autocast(device):
            deepest = model.features(views.images)[-1]
        features.append(pool(deepest.float(), weights)[shown >= 0].cpu())
        kinds.append(shown[shown >= 0].cpu())
    return torch.cat(features), (torch.cat(kinds) == LANDSLIDE).float()
