import numpy as np
import pytest
import torch

from icssn.nets.segmenter import LocalAverage, Segmenter

CHANNELS = [3, 8, 8, 8, 16, 16]
REACH = 9 + 1 + 1  # cells: ASPP, the convolution after it, and the fusion at stride 4 with the enlarging before it


def slow_average(image: np.ndarray, reach: int) -> np.ndarray:
    averaged = np.empty_like(image)
    for row, column in np.ndindex(image.shape):
        top, left = max(row - reach, 0), max(column - reach, 0)
        averaged[row, column] = image[top : row + reach + 1, left : column + reach + 1].mean()
    return averaged


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def segmenter() -> Segmenter:
    torch.manual_seed(0)
    net = Segmenter(
        CHANNELS, output_stride=16, tap_stride=16, decoder_channels=16, atrous_rates=(3, 6, 9), dimensions=8
    )
    net.train()(feature_maps(), (192, 192))  # BatchNorm statistics that are not those of a fresh net
    return net.eval()


def feature_maps(rows: int = 12, columns: int = 12, *, images: int = 2) -> list[torch.Tensor]:
    scales = (16, 8, 4, 2, 1, 1)
    return [random(images, c, rows * s, columns * s, seed=s) for c, s in zip(CHANNELS, scales, strict=True)]


@pytest.mark.parametrize(("height", "width", "reach"), [(5, 9, 1), (7, 4, 3), (3, 3, 9), (1, 1, 2)])
def test_local_average_equals_the_slow_mean(height: int, width: int, reach: int) -> None:
    image = random(1, 2, height, width)
    got = LocalAverage(reach)(image)
    for channel in (0, 1):
        np.testing.assert_allclose(got[0, channel], slow_average(image[0, channel].numpy(), reach), atol=1e-6)


def test_local_average_that_reaches_everywhere_is_the_global_one() -> None:
    image = random(2, 3, 5, 6)
    torch.testing.assert_close(LocalAverage(6)(image), image.mean(dim=(2, 3), keepdim=True).expand_as(image))


def test_scores_do_not_depend_on_the_window_beyond_the_reach() -> None:
    net, whole = segmenter(), feature_maps(32, 32)
    top, left, rows, columns = 2, 4, 27, 26
    part = [
        maps[:, :, top * s : (top + rows) * s, left * s : (left + columns) * s]
        for maps, s in zip(whole, (16, 8, 4, 2, 1, 1), strict=True)
    ]
    with torch.no_grad():
        wide, wide_cells = net(whole, (32 * 16, 32 * 16))
        narrow, narrow_cells = net(part, (rows * 16, columns * 16))
    wide = wide[:, top * 16 : (top + rows) * 16, left * 16 : (left + columns) * 16]
    inside = slice(REACH * 16, -REACH * 16)
    assert narrow[:, inside, inside].numel() > 0
    torch.testing.assert_close(narrow[:, inside, inside], wide[:, inside, inside], atol=1e-5, rtol=1e-5)
    assert (narrow - wide).abs().max() > 0.01  # the border does
    torch.testing.assert_close(narrow_cells, wide_cells[:, :, top : top + rows, left : left + columns])


def test_an_even_image_has_even_scores() -> None:
    even = [torch.ones_like(maps) * random(1, maps.shape[1], 1, 1) for maps in feature_maps()]
    with torch.no_grad():
        scores, _ = segmenter()(even, (192, 192))
    torch.testing.assert_close(scores, scores[:, :1, :1].expand_as(scores), atol=1e-5, rtol=1e-5)
