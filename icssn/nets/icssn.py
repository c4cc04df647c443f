"""The whole network: one encoder, shared and handed back and forth, a classifier and a segmenter."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from icssn.config import TrainConfig
from icssn.nets.classifier import Classifier, pool
from icssn.nets.depthwise import train_depthwise_fast
from icssn.nets.encoder import build_encoder
from icssn.nets.segmenter import Segmenter

_MULTIPLE = 32  # px; every encoder halves at most five times


class Icssn(nn.Module):
    """Iterative classification and semantic segmentation network (Lu et al. 2023, arXiv:2302.12420).

    Shared between both tasks: all weights and BatchNorm statistics of `encoder`. Not shared: `classifier`, `segmenter`.
    Images are (N, C, H, W), uint8 or floating, 0..255; they are normalised to -1..1 inside. Any H and W are taken.

    Args:
        config: Settings; `build` seeds the random start with ``config.seed``.
    """

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.stride = config.encoder.output_stride
        self.encoder = build_encoder(config.encoder)
        channels: list[int] = list(self.encoder.out_channels)  # type: ignore[arg-type]
        dimensions = config.contrast.dimensions
        self.tap = config.contrast.tap_stride
        predicts = config.contrast.ocl == "simsiam"
        self.classifier = Classifier(channels[-1], dimensions=dimensions, predicts=predicts)
        self.segmenter = Segmenter(
            channels,
            output_stride=self.stride,
            tap_stride=self.tap,
            decoder_channels=config.decoder_channels,
            atrous_rates=config.atrous_rates,
            dimensions=dimensions,
        )
        train_depthwise_fast(self)

    def classify(self, images: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Score and embed images, or the object in each: logits (N,) and embeddings of unit length (N, D).

        Args:
            weights: Of the object's cells, (N, ⌈H/stride⌉, ⌈W/stride⌉), see `classifier.pool`.
        """
        logits, embeddings = self.classifier(pool(self.features(images)[-1], weights))
        return logits, embeddings

    def segment(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Score pixels and embed cells: logits (N, H, W) and cells of unit length (N, D, ⌈H/tap⌉, ⌈W/tap⌉)."""
        height, width = images.shape[-2:]
        features = self.features(images)
        padded_height, padded_width = features[0].shape[-2:]
        logits, cells = self.segmenter(features, (padded_height, padded_width))
        rows, columns = -(-height // self.tap), -(-width // self.tap)
        return logits[:, :height, :width], cells[:, :, :rows, :columns]

    def map(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Score pixels and cells in one pass, to predict with.

        Returns:
            Logits of the segmenter (N, H, W), and of the classifier for each cell (N, ⌈H/stride⌉, ⌈W/stride⌉).
        """
        height, width = images.shape[-2:]
        features = self.features(images)
        rows, columns = -(-height // self.stride), -(-width // self.stride)
        return self.pixels(features, (height, width)), self.classifier.cells(features)[:, :rows, :columns]

    def pixels(self, features: list[Tensor], size: tuple[int, int]) -> Tensor:
        """Score the pixels of images of `size` (H, W) by their features: logits (N, H, W)."""
        logits: Tensor = self.segmenter(features, tuple(features[0].shape[-2:]))[0]
        return logits[:, : size[0], : size[1]]

    def features(self, images: Tensor) -> list[Tensor]:
        """Give Φ's feature maps of `images`, which grow to multiples of 32 px by repeating the right and lower border.

        The first map is the normalised, grown image.
        """
        height, width = images.shape[-2:]
        x = images.float() / 127.5 - 1
        if height % _MULTIPLE or width % _MULTIPLE:
            x = F.pad(x, (0, -width % _MULTIPLE, 0, -height % _MULTIPLE), mode="replicate")
        maps: list[Tensor] = self.encoder(x.to(next(self.encoder.parameters()).dtype))
        return maps


def build(config: TrainConfig) -> Icssn:
    """Build the network with its starting weights; equal configs give equal weights.

    Raises:
        ConfigError: The encoder does not exist or has no embedded weights.
        MissingPartError: The package with the embedded weights is not installed.
        CheckpointRefusedError: The weights file cannot be read or does not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return Icssn(config)
