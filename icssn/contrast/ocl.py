"""Object-level contrastive learning (OCL): draw objects of one class together, push the classes apart."""

from __future__ import annotations

import torch
from torch import Tensor


def supervised_contrastive(embeddings: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """Contrast every view with all the others: those of its own class attract, the rest repel.

    Typed hard negatives come as a class of their own (0 background, 1 landslide, 2 hard negative), so that a hard
    negative and background are no positives of each other. A view with no positive or no negative is no anchor.

    Args:
        embeddings: Both views of every object, unit length, shape (M, D); any floating type, computed in float32.
        labels: Class of every view, shape (M,), integer.
        temperature: Divisor of the cosine similarities, > 0.

    Returns:
        Mean loss over the anchors in nats, shape (). Equals log(M - 1) when all similarities are equal; exactly 0, with
        zero gradients, when there is no anchor (one class, or no views).

    Source:
        Khosla et al. 2020, arXiv:2004.11362, eq. 2 (L_out).
    """
    with torch.autocast(embeddings.device.type, enabled=False):
        vectors = embeddings.float()
        others = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        same = labels[:, None] == labels[None, :]
        positives = same & others
        anchors = positives.any(dim=1) & ~same.all(dim=1)
        similarities = vectors @ vectors.T / temperature
        totals = similarities.masked_fill(~others, -torch.inf)[anchors].logsumexp(dim=1)
        wanted = positives[anchors]
        attraction = (similarities[anchors] * wanted).sum(dim=1) / wanted.sum(dim=1)
        return (totals - attraction).sum() / max(len(totals), 1)
