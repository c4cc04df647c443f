"""The semantic segmentation head: DeepLabv3+ whose answer does not depend on the window, and SOCL's projector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from segmentation_models_pytorch.decoders.deeplabv3.decoder import DeepLabV3PlusDecoder
from torch import Tensor, nn
from torch.nn import functional as F

_DECODER_STRIDE = 4  # of DeepLabv3+'s result
_DROPOUT = 0.5  # of ASPP, as in segmentation_models_pytorch


class LocalAverage(nn.Module):
    """The mean over the square of cells around each cell; cells outside the map do not count.

    Args:
        reach: Cells on each side, so that the square has 2 · reach + 1 cells a side.
    """

    def __init__(self, reach: int) -> None:
        super().__init__()
        self.reach = reach

    def forward(self, x: Tensor) -> Tensor:
        """Average (N, C, h, w) to the same shape, rows then columns (the mean over a rectangle is separable)."""
        side = 2 * self.reach + 1
        x = F.avg_pool2d(x, (side, 1), stride=1, padding=(self.reach, 0), count_include_pad=False)
        return F.avg_pool2d(x, (1, side), stride=1, padding=(0, self.reach), count_include_pad=False)


class Segmenter(nn.Module):
    """DeepLabv3+ decoder (Chen et al. 2018, arXiv:1802.02611) and the 1 × 1 projector of SOCL.

    Three changes to the decoder of segmentation_models_pytorch make the score of a pixel independent of the window
    that it is predicted in, as far as the window reaches: ASPP's global average is a local one with the reach of the
    widest atrous branch, convolutions repeat the border instead of padding with zeros, and maps are enlarged without
    stretching corner to corner.

    Of an encoder with stride 32, what is decoded is its map of stride 16 plus its deepest one, brought to as many
    channels by a 1 × 1 convolution and enlarged (Lin et al. 2017, arXiv:1612.03144, section 3). That convolution starts
    at zero: the first step decodes what four stages give.

    Args:
        channels: Of the encoder's feature maps.
        output_stride: Pixels of the image per cell of the deepest features.
        tap_stride: Pixels of the image per cell of SOCL. Where the decoded features are no coarser, cells are means
            of those; finer ones are means of the decoder's, which have stride 4.
        decoder_channels: Width of the decoder.
        atrous_rates: Of ASPP, in cells.
        dimensions: D, of the contrastive space.
    """

    def __init__(
        self,
        channels: Sequence[int],
        *,
        output_stride: Literal[8, 16, 32],
        tap_stride: Literal[4, 8, 16],
        decoder_channels: int,
        atrous_rates: tuple[int, int, int],
        dimensions: int,
    ) -> None:
        super().__init__()
        self.lateral: nn.Conv2d | None = None
        if output_stride == 32:
            *channels, deepest = channels
            self.lateral = nn.Conv2d(deepest, channels[-1], kernel_size=1, bias=False)
            nn.init.zeros_(self.lateral.weight)
            output_stride = 16
        self.decoder = DeepLabV3PlusDecoder(
            encoder_channels=channels,
            encoder_depth=len(channels) - 1,  # the first map is the image itself
            out_channels=decoder_channels,
            atrous_rates=atrous_rates,
            output_stride=output_stride,
            aspp_separable=True,
            aspp_dropout=_DROPOUT,
        )
        self.decoder.up.align_corners = False
        pooling_branch = self.decoder.aspp[0].convs[-1]
        pooling_branch[0] = LocalAverage(max(atrous_rates))
        for module in self.decoder.modules():
            if isinstance(module, nn.Conv2d) and module.kernel_size != (1, 1):
                module.padding_mode = "replicate"
        self.head = nn.Conv2d(decoder_channels, 1, kernel_size=1)
        self.deep_tap = tap_stride >= output_stride
        self.pooled = tap_stride // (output_stride if self.deep_tap else _DECODER_STRIDE)
        self.projector = nn.Conv2d(channels[-1] if self.deep_tap else decoder_channels, dimensions, kernel_size=1)

    def forward(self, features: list[Tensor], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Score every pixel and embed every cell.

        Args:
            features: Feature maps of the encoder, for images that are (H, W) = `size`.
            size: Height and width of the score map, px.

        Returns:
            Logits of "landslide" in float32, shape (N, H, W), and cells of unit length in float32, shape (N, D, h, w),
            one per cell of the tap.
        """
        if self.lateral:
            *features, deepest = features
            context = F.interpolate(self.lateral(deepest), scale_factor=2, mode="bilinear", align_corners=False)
            features[-1] = features[-1] + context
        decoded = self.decoder(features)
        tapped = F.avg_pool2d(features[-1] if self.deep_tap else decoded, self.pooled)
        logits = self.head(decoded).float()
        logits = F.interpolate(logits, size=size, mode="bilinear", align_corners=False).squeeze(1)
        return logits, F.normalize(self.projector(tapped).float(), dim=1)
