"""OCL by pairs, the oldest form: objects of one class together, others at least a margin apart."""

from __future__ import annotations

import torch
from torch import Tensor


def pair_margin(embeddings: Tensor, labels: Tensor, *, margin: float) -> Tensor:
    """Compare every two views by their distance d: d² / 2 for one class, max(0, margin - d)² / 2 for two.

    Args:
        embeddings: Unit length, shape (M, D); any floating type, computed in float32.
        labels: Class of every view, shape (M,), integer.
        margin: Distance from which on two classes no longer repel, in (0, 2].

    Returns:
        Mean over all pairs, shape (). margin² / 2 where all views of M different classes coincide; exactly 0, with zero
        gradients, for fewer than two views.

    Source:
        Hadsell, Chopra & LeCun 2006, "Dimensionality reduction by learning an invariant mapping", eq. 4.
    """
    with torch.autocast(embeddings.device.type, enabled=False):
        vectors = embeddings.float()
        one, other = torch.triu_indices(len(labels), len(labels), offset=1, device=labels.device)
        squares = (vectors[one] - vectors[other]).square().sum(dim=1)
        distances = (squares + 1e-12).sqrt()  # the root has no gradient at 0
        apart = (margin - distances).clamp(min=0).square()
        each = torch.where(labels[one] == labels[other], squares, apart) / 2
        return each.sum() / max(len(each), 1)
