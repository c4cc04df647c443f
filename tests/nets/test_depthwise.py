import copy

import pytest
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from icssn.nets.depthwise import train_depthwise_in_float32


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


def test_without_autocast_nothing_changes() -> None:
    plain, changed = small_net(), small_net()
    train_depthwise_in_float32(changed)
    for one, other in zip(gradients(plain, autocast=False), gradients(changed, autocast=False), strict=True):
        assert torch.equal(one, other)


def test_under_autocast_depthwise_layers_compute_in_float32_and_hand_on_bfloat16() -> None:
    net = small_net()
    train_depthwise_in_float32(net)
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
    train_depthwise_in_float32(changed)
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
    train_depthwise_in_float32(net)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        assert net[1](torch.randn(1, 8, 6, 6, dtype=dtype)).dtype == dtype
