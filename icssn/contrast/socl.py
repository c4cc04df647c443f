"""Sub-object-level contrastive learning (SOCL): tell landslide from background cells where they meet."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from icssn.config import ContrastConfig
from icssn.contrast.cells import BACKGROUND, LANDSLIDE, band
from icssn.contrast.queue import KeyQueue


@dataclass(frozen=True)
class Pairs:
    """Which cells are contrasted with which.

    Attributes:
        pool: The Q cells that take part, as places in the flattened (N, h, w), shape (Q,).
        anchors: Places in `pool`, shape (A,); each has a positive and a negative.
        positives: Cells of `pool` that attract each anchor, shape (A, Q), bool.
        negatives: Cells of `pool` that repel each anchor, shape (A, Q), bool.
    """

    pool: Tensor
    anchors: Tensor
    positives: Tensor
    negatives: Tensor


def boundary_contrastive(
    cells: Tensor,
    classes: Tensor,
    *,
    predicted: Tensor,
    config: ContrastConfig,
    generator: torch.Generator,
    past: KeyQueue | None = None,
    keys: Tensor | None = None,
) -> Tensor:
    """Contrast cells of the boundary band with cells of their own and of the other class.

    Args:
        cells: Unit-length projections, shape (N, D, h, w); any floating type, computed in float32.
        classes: 1 landslide, 0 background, -1 neither, shape (N, h, w).
        predicted: Where the segmenter now sees landslide, shape (N, h, w), bool.
        config: Temperature, radius of the band and number of anchors.
        generator: Draws anchors and negatives; on any device.
        past: Keys of boundary cells of earlier steps: further positives and negatives (as in HPCL-Net, Lu et al. 2023).
        keys: The same cells seen by the averaged weights, shape (N, D, h, w); those of the anchors enter `past`.

    Returns:
        Mean loss over anchors of the mean over their positives, in nats, shape (). With Q negatives and all
        similarities equal it is log(Q + 1); exactly 0, with zero gradients, when there is nothing to contrast.

    Source:
        Our reconstruction of SOCL (Lu et al. 2023, arXiv:2302.12420); one InfoNCE term per positive as in
        Wang et al. 2021, arXiv:2101.11939, eq. 3.
    """
    pairs = draw_pairs(classes, predicted=predicted, config=config, generator=generator)
    with torch.autocast(cells.device.type, enabled=False):
        vectors = cells.movedim(1, -1).flatten(0, 2)[pairs.pool].float()
        positives, negatives, others = pairs.positives, pairs.negatives, vectors
        if past is not None:
            kinds = classes.flatten()[pairs.pool[pairs.anchors]]
            same = kinds[:, None] == past.labels
            others = torch.cat([vectors, past.keys])
            positives, negatives = torch.cat([positives, same], dim=1), torch.cat([negatives, ~same], dim=1)
            if keys is not None:
                past.push(keys.movedim(1, -1).flatten(0, 2)[pairs.pool[pairs.anchors]], kinds)
        similarities = vectors[pairs.anchors] @ others.T / config.temperature
        repulsion = similarities.masked_fill(~negatives, -torch.inf).logsumexp(dim=1, keepdim=True)
        terms = F.softplus(repulsion - similarities) * positives  # -log(e^s / (e^s + Σ e^negatives))
        return (terms.sum(dim=1) / positives.sum(dim=1)).sum() / max(len(pairs.anchors), 1)


def draw_pairs(classes: Tensor, *, predicted: Tensor, config: ContrastConfig, generator: torch.Generator) -> Pairs:
    """Draw anchors in the boundary band, and say which cells attract and repel them.

    Anchors: at most ``config.anchors_per_class`` per image and class, half of them misclassified where there are so
    many, unless ``config.anchors`` is ``random``. Positives: all band cells of the anchor's class in the batch.
    Negatives: cells of the other class, from the band and, for landslide anchors, background predicted as landslide
    anywhere; at most ``config.anchors_per_class``, those of the anchor's image first.

    Args:
        classes: 1 landslide, 0 background, -1 neither, shape (N, h, w).
        predicted: Where the segmenter now sees landslide, shape (N, h, w), bool.
        config: Radius of the band and number of anchors.
        generator: On any device.
    """
    near = band(classes, config.band_radius_cells)
    false_positive = (classes == BACKGROUND) & predicted
    pool = (near | false_positive).flatten().nonzero().squeeze(1)
    kind, in_band = classes.flatten()[pool], near.flatten()[pool]
    wrong = predicted.flatten()[pool] != (kind == LANDSLIDE)
    if config.anchors == "random":
        wrong = torch.zeros_like(wrong)
    image = pool // (classes.shape[1] * classes.shape[2])
    in_image = image == torch.arange(len(classes), device=pool.device)[:, None]  # (N, Q)
    is_kind = torch.stack([kind == BACKGROUND, kind == LANDSLIDE])[:, None]  # (2, 1, Q)

    most = config.anchors_per_class
    group = is_kind & in_image & in_band  # (2, N, Q): the cells that can be anchors, by class and image
    chance = _chance(pool, generator)
    hard = _highest((most + 1) // 2, chance, among=group & wrong)
    drawn = _highest(most, chance + 2.0 * hard + 1.0 * ~wrong, among=group)
    repelling = _highest(most, _chance(pool, generator) + 1.0 * in_image, among=~is_kind.expand_as(group))

    anchors = drawn.flatten(0, 1).any(dim=0).nonzero().squeeze(1)
    places = torch.arange(len(pool), device=pool.device)
    positives = (kind[anchors][:, None] == kind) & in_band & (anchors[:, None] != places)
    negatives = repelling[kind[anchors].long(), image[anchors]]
    useful = positives.any(dim=1) & negatives.any(dim=1)
    return Pairs(pool, anchors[useful], positives[useful], negatives[useful])


def _highest(most: int, priority: Tensor, *, among: Tensor) -> Tensor:
    """Mark at most `most` places of the last dimension, those of highest priority (>= 0) first."""
    ranked = torch.where(among, priority, -1.0)
    places = ranked.topk(min(most, ranked.shape[-1]), dim=-1).indices
    return torch.zeros_like(among).scatter_(-1, places, True) & among


def _chance(pool: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(len(pool), generator=generator, device=generator.device).to(pool.device)
