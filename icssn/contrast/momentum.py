"""OCL against a memory: each view against the other view's key and past keys of the other classes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def momentum_contrast(
    queries: Tensor, keys: Tensor, labels: Tensor, *, past: Tensor, past_labels: Tensor, temperature: float
) -> Tensor:
    """Score each query against its own key and all past keys of another class.

    Past keys of its own class are no negatives: chips are labelled, and should not be told apart within a class.

    Args:
        queries: Unit length, shape (M, D); any floating type, computed in float32.
        keys: Of the averaged weights, row i the positive of query i, shape (M, D); carry no gradient.
        labels: Class of each query, shape (M,), integer.
        past: Keys of earlier steps, shape (Q, D).
        past_labels: Their classes, shape (Q,).
        temperature: Divisor of the cosine similarities, > 0.

    Returns:
        Mean loss in nats, shape (). log(q + 1) with q negatives and all similarities equal; exactly 0, with zero
        gradients, while the memory holds no other class, or for no queries.

    Source:
        He et al. 2020, arXiv:1911.05722, eq. 1.
    """
    with torch.autocast(queries.device.type, enabled=False):
        vectors = queries.float()
        own = (vectors * keys.detach().float()).sum(dim=1) / temperature
        others = vectors @ past.detach().float().T / temperature
        negative = labels[:, None] != past_labels[None, :]
        useful = negative.any(dim=1)
        repulsion = others.masked_fill(~negative, -torch.inf)[useful].logsumexp(dim=1)
        return F.softplus(repulsion - own[useful]).sum() / max(int(useful.sum()), 1)
