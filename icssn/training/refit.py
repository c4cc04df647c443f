"""Fit the classifier's last layer to the encoder that a round ends with, by logistic regression on frozen features.

The segmentation stage moves the encoder on; a last layer that was learned before no longer fits it. And only now is
there a mask to learn from what it takes for landslides.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from icssn.nets.classifier import pool
from icssn.nets.device import autocast
from icssn.nets.icssn import Icssn
from icssn.training.candidates import candidates
from icssn.training.dataset import LANDSLIDE, LANDSLIDE_SHARE, ChipArrays, batch_indices, classification_views
from icssn.training.objects import object_cells

BATCHES, BATCH = 10, 8  # 160 views, two of each chip: 7 s of one AVX2 core; more did no better (decision 12)
DECAY = 0.05  # of the weights of standardised features; .02 to .1 do as well on candidates (decisions 12 and 23)


def refit_classifier(
    model: Icssn, chips: ChipArrays, *, size_px: int, min_fraction: float, seed: int, device: torch.device
) -> None:
    """Replace the weights of ``model.classifier.linear`` by those that fit the training chips best.

    It learns from the landslides and the empty ground in views of the training chips, and from what the mask proposes
    there, right and wrong: a scene will ask about such objects (decision 23). Landslides and other ground weigh alike.
    Validation chips take no part.

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
    """Give pooled features (n, C) and truth (n,) of what training views show and of what the mask proposes in them."""
    model.eval()
    features, truth = [], []
    for step in range(BATCHES):
        indices = batch_indices(chips.classified, count=BATCH, share=LANDSLIDE_SHARE, step=step, seed=seed)
        chance = torch.Generator(device).manual_seed(1_000_003 * seed + step)
        views = classification_views(chips, indices, size_px=size_px, min_fraction=min_fraction, generator=chance)
        with autocast(device):
            maps = model.features(views.images)
            logits = model.pixels(maps, (size_px, size_px))
        deepest, told = maps[-1].float(), views.kinds >= 0
        cells = object_cells(views.masks, views.kinds, stride=model.stride)
        proposed = candidates(logits.float().sigmoid(), views.masks, stride=model.stride)
        features += [pool(deepest, cells)[told].cpu(), pool(deepest[proposed.views], proposed.cells).cpu()]
        truth += [(views.kinds[told] == LANDSLIDE).cpu(), proposed.landslides.cpu()]
    return torch.cat(features), torch.cat(truth).float()
