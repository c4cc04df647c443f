"""The object classification head: is this a landslide, and where does it lie in OCL's space?"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_HIDDEN = 256  # width of the projector's hidden layer; our reconstruction
_DROPOUT = 0.2  # EfficientNet-Lite0's own before its classifier


class Classifier(nn.Module):
    """A linear classifier and a two-layer projector over the deepest features of an object, their mean over its cells.

    With `predicts`, a further layer pair predicts the embedding of another view (Chen & He 2021, arXiv:2011.10566).

    The siamese branches are the two halves of one batch, one half a view of each chip.

    Args:
        channels: Channels of the deepest feature map.
        dimensions: D, of the contrastive space.
    """

    def __init__(self, channels: int, *, dimensions: int, predicts: bool = False) -> None:
        super().__init__()
        self.dropout = nn.Dropout(_DROPOUT)
        self.linear = nn.Linear(channels, 1)
        self.projector = nn.Sequential(
            nn.Linear(channels, _HIDDEN), nn.ReLU(inplace=True), nn.Linear(_HIDDEN, dimensions)
        )
        self.predictor = (
            nn.Sequential(
                nn.Linear(dimensions, dimensions // 4), nn.ReLU(inplace=True), nn.Linear(dimensions // 4, dimensions)
            )
            if predicts
            else None
        )

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Score and embed objects.

        Args:
            pooled: Mean features of each, shape (N, channels); see `pool`.

        Returns:
            Logits of "landslide", shape (N,), and embeddings of unit length, shape (N, D), both float32.
        """
        logits = self.linear(self.dropout(pooled)).float().squeeze(1)
        return logits, F.normalize(self.projector(pooled).float(), dim=1)

    def predict(self, embeddings: Tensor) -> Tensor:
        """Predict another view's embedding from each of these, (N, D); without a predictor they stay as they are."""
        return embeddings if self.predictor is None else self.predictor(embeddings).float()

    def cells(self, features: list[Tensor]) -> Tensor:
        """Score each cell of the deepest features by itself: logits in float32, shape (N, h, w).

        Their mean over all cells of an image is the image's logit: pooling and classifier are linear and commute.
        """
        weight = self.linear.weight[:, :, None, None]
        return F.conv2d(features[-1].float(), weight.float(), self.linear.bias.float()).squeeze(1)


def pool(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """Average the deepest features over the cells of the object in each image.

    Args:
        features: The encoder's last map, shape (N, channels, h, w).
        weights: Of the cells, shape (N, ≤ h, ≤ w), adding up to 1; None: each image is the object.

    Returns:
        Shape (N, channels).
    """
    if weights is None:
        return features.mean(dim=(2, 3))
    rows, columns = weights.shape[1:]
    return torch.einsum("nchw,nhw->nc", features[:, :, :rows, :columns], weights.to(features.dtype))
