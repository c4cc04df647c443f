import numpy as np
import pytest
import torch
from torch import nn

from icssn.nets.segmenter import LocalAverage, Segmenter

CHANNELS = [3, 8, 8, 8, 16, 16]
SCALES = {16: (16, 8, 4, 2, 1, 1), 32: (32, 16, 8, 4, 2, 1)}  # of the maps, by the stride of the deepest
REACH = 9 + 1 + 1  # cells: ASPP, the convolution after it, and the fusion at stride 4 with the enlarging before it


def slow_average(image: np.ndarray, reach: int) -> np.ndarray:
    averaged = np.empty_like(image)
    for row, column in np.ndindex(image.shape):
        top, left = max(row - reach, 0), max(column - reach, 0)
        averaged[row, column] = image[top : row + reach + 1, left : column + reach + 1].mean()
    return averaged


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def segmenter(stride: int = 16) -> Segmenter:
    torch.manual_seed(0)
    net = Segmenter(
        CHANNELS, output_stride=stride, tap_stride=16, decoder_channels=16, atrous_rates=(3, 6, 9), dimensions=8
    )
    if net.lateral:
        nn.init.normal_(net.lateral.weight)  # as learned: it starts at zero
    net.train()(feature_maps(stride=stride), (192, 192))  # BatchNorm statistics that are not those of a fresh net
    return net.eval()


def feature_maps(side: int = 192, *, stride: int = 16, images: int = 2) -> list[torch.Tensor]:
    sides = [side // stride * scale for scale in SCALES[stride]]
    return [random(images, c, s, s, seed=s) for c, s in zip(CHANNELS, sides, strict=True)]


@pytest.mark.parametrize(("height", "width", "reach"), [(5, 9, 1), (7, 4, 3), (3, 3, 9), (1, 1, 2)])
def test_local_average_equals_the_slow_mean(height: int, width: int, reach: int) -> None:
    image = random(1, 2, height, width)
    got = LocalAverage(reach)(image)
    for channel in (0, 1):
        np.testing.assert_allclose(got[0, channel], slow_average(image[0, channel].numpy(), reach), atol=1e-6)


def test_local_average_that_reaches_everywhere_is_the_global_one() -> None:
    image = random(2, 3, 5, 6)
    torch.testing.assert_close(LocalAverage(6)(image), image.mean(dim=(2, 3), keepdim=True).expand_as(image))


@pytest.mark.parametrize("stride", [16, 32])
def test_scores_do_not_depend_on_the_window_beyond_the_reach(stride: int) -> None:
    net, whole = segmenter(stride), feature_maps(512, stride=stride)
    begin, end = 64, 480  # px
    part = [
        maps[:, :, begin // stride * s : end // stride * s, begin // stride * s : end // stride * s]
        for maps, s in zip(whole, SCALES[stride], strict=True)
    ]
    with torch.no_grad():
        wide, wide_cells = net(whole, (512, 512))
        narrow, narrow_cells = net(part, (end - begin, end - begin))
    wide = wide[:, begin:end, begin:end]
    reach = (REACH + (stride == 32)) * 16  # enlarging the deepest map looks one cell further
    inside = slice(reach, -reach)
    assert narrow[:, inside, inside].numel() > 0
    torch.testing.assert_close(narrow[:, inside, inside], wide[:, inside, inside], atol=1e-5, rtol=1e-5)
    assert (narrow - wide).abs().max() > 0.01  # the border does
    apart = slice(1, -1)  # enlarging looks at the cells beside
    cells = wide_cells[:, :, begin // 16 : end // 16, begin // 16 : end // 16]
    torch.testing.assert_close(narrow_cells[:, :, apart, apart], cells[:, :, apart, apart])


def test_stride_32_starts_with_what_four_stages_give_and_learns_from_the_fifth() -> None:
    maps = feature_maps(stride=32)
    nets = []
    for channels, stride in ((CHANNELS[:5], 16), (CHANNELS, 32)):
        torch.manual_seed(0)
        nets.append(
            Segmenter(
                channels, output_stride=stride, tap_stride=16, decoder_channels=16, atrous_rates=(3, 6, 9), dimensions=8
            ).eval()
        )
    four, five = nets
    five.load_state_dict(four.state_dict(), strict=False)  # both drew their start in another order
    for ours, wanted in zip(five(maps, (192, 192)), four(maps[:5], (192, 192)), strict=True):
        torch.testing.assert_close(ours, wanted)
    five(maps, (192, 192))[0].sum().backward()
    assert five.lateral is not None
    assert five.lateral.weight.grad is not None
    assert five.lateral.weight.grad.any()


@pytest.mark.parametrize("stride", [16, 32])
def test_an_even_image_has_even_scores(stride: int) -> None:
    even = [torch.ones_like(maps) * random(1, maps.shape[1], 1, 1) for maps in feature_maps(stride=stride)]
    with torch.no_grad():
        scores, _ = segmenter(stride)(even, (192, 192))
    torch.testing.assert_close(scores, scores[:, :1, :1].expand_as(scores), atol=1e-5, rtol=1e-5)
