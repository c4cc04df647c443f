"""A network that works by groups of channels answers the same."""

import pytest
import torch
from torch import nn

from icssn.config import TrainConfig
from icssn.inference.narrow import narrowed
from icssn.nets.icssn import Icssn, build
from tests.inference.conftest import landscape


def _largest_map(network: nn.Module, images: torch.Tensor) -> int:
    """Give the values of the largest map that a convolution of the encoder gives."""
    sizes: list[int] = []
    hooks = [
        module.register_forward_hook(lambda _module, _given, made: sizes.append(made.numel()))
        for module in network.encoder.modules()  # type: ignore[union-attr]  # an Icssn
        if isinstance(module, nn.Conv2d)
    ]
    with torch.inference_mode():
        network.features(images)  # type: ignore[operator]
    for hook in hooks:
        hook.remove()
    return max(sizes)


def test_it_answers_the_same_with_smaller_maps(net: Icssn) -> None:
    images = torch.from_numpy(landscape(96, 160)[None])
    narrow = narrowed(net)
    with torch.inference_mode():
        wanted, found = net.map(images), narrow.map(images)  # type: ignore[operator]
    assert wanted[0].std() > 0.1
    for one, other in zip(wanted, found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4 * float(one.abs().max()))
    assert _largest_map(narrow, images) <= _largest_map(net, images) / 2


@pytest.mark.parametrize("name", ["resnet18"])
def test_a_network_without_such_blocks_stays_as_it_is(name: str) -> None:
    config = TrainConfig.model_validate({"encoder": {"name": name, "weights": "none"}})
    network = build(config).eval()
    assert [type(module) for module in narrowed(network).modules()] == [type(module) for module in network.modules()]
