import copy

import pytest
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from icssn.nets.depthwise import dilated_in_phases, train_depthwise_fast


def small_net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 1, bias=False),
        nn.Conv2d(8, 8, 5, padding=4, dilation=2, groups=8, padding_mode="replicate", bias=False),
        nn.BatchNorm2d(8),
        Conv2dSame(8, 8, 3, stride=2, groups=8, bias=False),
        nn.Conv2d(8, 4, 1),
    )


def gradients(net: nn.Module, *, autocast: bool) -> list[torch.Tensor]:
    x = torch.randn(2, 3, 12, 15, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        loss = net(x).float().square().sum()
    return list(torch.autograd.grad(loss, list(net.parameters())))


def test_without_autocast_gradients_stay_the_same() -> None:
    plain, changed = small_net(), small_net()
    train_depthwise_fast(changed)
    for one, other in zip(gradients(plain, autocast=False), gradients(changed, autocast=False), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("rate", "kernel"), [(1, 3), (2, 5), (2, 3), (3, 3), (6, 3), (9, 3)])
@pytest.mark.parametrize(("height", "width"), [(24, 24), (31, 19)])
def test_phases_equal_the_dilated_convolution_and_its_gradients(
    rate: int, kernel: int, height: int, width: int
) -> None:
    chance = torch.Generator().manual_seed(rate)
    x = torch.randn(2, 4, height, width, generator=chance, dtype=torch.float64).requires_grad_()
    weight = torch.randn(4, 1, kernel, kernel, generator=chance, dtype=torch.float64).requires_grad_()
    expected = torch.conv2d(x, weight, dilation=rate, groups=4)
    found = dilated_in_phases(x, weight, rate)
    torch.testing.assert_close(found, expected)
    wanted = torch.randn(expected.shape, generator=chance, dtype=torch.float64)
    gradients = [torch.autograd.grad(y, [x, weight], wanted) for y in (found, expected)]
    torch.testing.assert_close(*gradients)


def test_under_autocast_depthwise_layers_compute_in_float32_and_hand_on_bfloat16() -> None:
    net = small_net()
    train_depthwise_fast(net)
    seen: dict[int, torch.dtype] = {}
    for place in (1, 3):
        net[place].register_forward_hook(lambda _, __, out, place=place: seen.update({place: out.dtype}))
    exact = gradients(small_net(), autocast=False)
    for one, other in zip(gradients(net, autocast=True), exact, strict=True):
        assert one.dtype == torch.float32
        assert torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.99
    assert seen == {1: torch.bfloat16, 3: torch.bfloat16}


def test_names_weights_and_copies_are_kept() -> None:
    plain, changed = small_net(), small_net()
    train_depthwise_fast(changed)
    plain.load_state_dict(changed.state_dict(), strict=True)
    twin = copy.deepcopy(changed)
    with torch.no_grad():
        twin[1].weight.zero_()
    assert changed[1].weight.abs().sum() > 0
    assert isinstance(twin[1], nn.Conv2d)
    assert isinstance(twin[3], Conv2dSame)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_inference_follows_autocast(dtype: torch.dtype) -> None:
    net = small_net().eval()
    train_depthwise_fast(net)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        assert net[1](torch.randn(1, 8, 6, 6, dtype=dtype)).dtype == dtype
