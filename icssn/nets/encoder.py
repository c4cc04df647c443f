"""The shared feature extractor Φ: a timm or segmentation_models_pytorch encoder with its starting weights."""

from __future__ import annotations

from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from icssn.config import EncoderConfig
from icssn.errors import CheckpointRefusedError, ConfigError
from icssn.nets.device import one_thread
from icssn.nets.imagenet import imagenet_lite0

EMBEDDED = "tu-tf_efficientnet_lite0"
"""The encoder whose ImageNet weights come with the installation."""


def build_encoder(config: EncoderConfig) -> nn.Module:
    """Build Φ and load its starting weights.

    The module maps images (N, channels, H, W), H and W multiples of 32, to six feature maps at strides 1, 2, 4, …,
    the deepest at `config.output_stride`; its attribute ``out_channels`` lists their channels. The first map is the
    input itself.

    Raises:
        ConfigError: There is no encoder of that name, it has no such output stride or embedded weights.
        MissingPartError: The package with the embedded weights is not installed.
        CheckpointRefusedError: The weights file cannot be read or does not fit the encoder.
    """
    try:
        encoder: nn.Module = smp.encoders.get_encoder(
            config.name,
            in_channels=config.channels,
            weights=None,
            output_stride=config.output_stride,
        )
        _require_strides(encoder, config)
    except (KeyError, RuntimeError, ValueError, NotImplementedError) as err:
        needed = (
            "an encoder of timm ('tu-…') or segmentation_models_pytorch with feature maps at strides 4 and "
            f"{config.output_stride}"
        )
        raise ConfigError("encoder.name", config.name, needed) from err
    if config.weights == "embedded":
        if config.name != EMBEDDED:
            needed = f"'none' or a .safetensors file with encoder.name '{config.name}' (only '{EMBEDDED}' is embedded)"
            raise ConfigError("encoder.weights", config.weights, needed)
        load_strictly(encoder, imagenet_lite0(), source="embedded ImageNet weights", terrain=len(config.terrain))
    elif config.weights != "none":
        file = Path(config.weights)
        load_strictly(encoder, _read(file), source=file.name, terrain=len(config.terrain))
    return encoder


def load_strictly(encoder: nn.Module, tensors: dict[str, Tensor], *, source: str, terrain: int = 0) -> None:
    """Fill every tensor of `encoder`; tensors of layers it does not have (a classification head) stay unused.

    Args:
        encoder: From segmentation_models_pytorch; names with or without its prefix ``model.`` are found.
        tensors: Names and values; a first layer for RGB is adapted to the encoder's channels by `adapt_bands`.
        source: What the error calls the weights.
        terrain: How many of the encoder's channels, the last ones, show terrain.

    Raises:
        CheckpointRefusedError: A tensor of the encoder is missing or has another shape.
    """
    given = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    first = next(f"{name}.weight" for name, module in encoder.named_modules() if isinstance(module, nn.Conv2d))
    found: dict[str, Tensor] = {}
    for name, wanted in encoder.state_dict().items():
        tensor = given.get(name.removeprefix("model."))
        if tensor is not None and name == first and tensor.shape[1] == 3:
            tensor = adapt_bands(tensor, wanted.shape[1] - terrain, terrain=terrain)
        if tensor is None or tensor.shape != wanted.shape:
            shape = "nothing" if tensor is None else f"shape {tuple(tensor.shape)}"
            raise CheckpointRefusedError(
                source,
                found=f"{shape} for '{name}', where shape {tuple(wanted.shape)} is needed",
                remedy="Choose weights of the same encoder, or set encoder.weights to 'none'.",
            )
        found[name] = tensor
    encoder.load_state_dict(found, strict=True)


def adapt_bands(filters: Tensor, bands: int, *, terrain: int = 0) -> Tensor:
    """Turn first-layer filters for RGB into filters for another number of bands, and for terrain below them.

    Three bands or more: red, green and blue keep their filters and every further band gets their mean. Fewer: every
    band gets the mean. All are then scaled by 3 / bands, so that an image that is equal in all bands gives the response
    that a grey RGB image gave.

    Terrain starts with filters of zeros. A slope is no brightness: the mean filter would add its edges to those of the
    image, in statistics that the layers above have never met. With zeros the network begins with the very response that
    it gives to the image alone, and since a filter's gradient depends on its input and not on the filter, terrain
    learns from the first step.

    Args:
        filters: Shape (K, 3, h, w).
        bands: Number of bands, >= 1.
        terrain: Number of layers of terrain, >= 0.

    Returns:
        Shape (K, bands + terrain, h, w).
    """
    mean = filters.mean(dim=1, keepdim=True)
    kept = filters[:, : 3 if bands >= 3 else 0]
    further = mean.expand(-1, bands - kept.shape[1], -1, -1)
    silent = torch.zeros_like(mean).expand(-1, terrain, -1, -1)
    return torch.cat([torch.cat([kept, further], dim=1) * (3 / bands), silent], dim=1)


def freeze(encoder: nn.Module, stages: int) -> None:
    """Let the first stages of an encoder rest that learns otherwise: their weights, statistics and dropout.

    They show edges and textures, which landslides of the next place have too, and half of a step's time goes into
    their large maps.

    Args:
        encoder: From `build_encoder`, in training mode.
        stages: All rests that its feature map of stride 2 to this power depends on; 0: nothing.
    """
    if not stages:
        return
    weights = list(encoder.parameters())
    first = next(module for module in encoder.modules() if isinstance(module, nn.Conv2d))
    encoder.eval()  # so that no statistics move
    features: Tensor = encoder(weights[0].new_zeros(1, first.in_channels, 64, 64))[stages]
    encoder.train()
    if not features.requires_grad:
        return  # a map that the encoder does not have
    reached = torch.autograd.grad(features.sum(), weights, allow_unused=True)
    for weight, gradient in zip(weights, reached, strict=True):
        weight.requires_grad_(gradient is None)
    for module in encoder.modules():
        own = list(module.parameters())
        if own and not any(weight.requires_grad for weight in own):
            module.eval()


def _require_strides(encoder: nn.Module, config: EncoderConfig) -> None:
    side = 64
    encoder.eval()  # so that no statistics move
    with torch.inference_mode(), one_thread():  # a quarter of what asking for shapes alone ("meta") costs
        features = encoder(torch.zeros(1, config.channels, side, side))
    encoder.train()
    found = [side // feature.shape[-1] for feature in features]
    if len(found) != 6 or found[2] != 4 or found[-1] != config.output_stride:
        raise ValueError(f"feature maps at strides {found}")


def _read(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (OSError, SafetensorError) as err:
        remedy = "Give the path of a readable .safetensors file in encoder.weights."
        raise CheckpointRefusedError(str(file), found=f"it cannot be read ({err})", remedy=remedy) from err
