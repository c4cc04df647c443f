"""OCL without negatives: the prediction from one view meets the embedding of the other view of the same chip."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def negative_cosine(predictions: Tensor, embeddings: Tensor) -> Tensor:
    """Give the mean negative cosine between each view's prediction and the other view's embedding, held constant.

    Args:
        predictions: Of the predictor, shape (2B, D); rows i and i + B show chip i. Any length, any floating type.
        embeddings: What was predicted from, shape (2B, D), same order.

    Returns:
        In [-1, 1], shape (): -1 where every prediction points at its counterpart; exactly 0 for no views.

    Source:
        Chen & He 2021, arXiv:2011.10566, eq. 1 and 2.
    """
    with torch.autocast(predictions.device.type, enabled=False):
        swapped = embeddings.detach().float().roll(len(embeddings) // 2, dims=0)
        each = F.cosine_similarity(predictions.float(), swapped, dim=1)
        return -each.sum() / max(len(each), 1)
