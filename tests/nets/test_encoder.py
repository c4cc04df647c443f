from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from icssn.config import EncoderConfig
from icssn.errors import CheckpointRefusedError, ConfigError
from icssn.nets.encoder import adapt_bands, build_encoder, freeze
from icssn.nets.imagenet import imagenet_lite0


def saved(file: Path, **changes: torch.Tensor) -> Path:
    tensors = {**imagenet_lite0(), **changes}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)
    return file


def image(bands: int = 3, height: int = 64, width: int = 96) -> torch.Tensor:
    return torch.rand(2, bands, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_features_equal_those_of_the_whole_timm_model(stride: int) -> None:
    encoder = build_encoder(EncoderConfig.model_validate({"output_stride": stride})).eval()
    whole = timm.create_model("tf_efficientnet_lite0", output_stride=stride)
    whole.load_state_dict(imagenet_lite0(), strict=True)
    whole.eval()
    with torch.no_grad():
        features = encoder(image())
        x = whole.bn1(whole.conv_stem(image()))
        stages = []
        for stage in whole.blocks:
            x = stage(x)
            stages.append(x)
    wanted = (stages[0], stages[1], stages[2], stages[4], stages[6])
    for feature, stage in zip(features[1:], wanted, strict=True):
        assert torch.equal(feature, stage)
    assert features[-1].shape == (2, 320, 64 // stride, 96 // stride)
    assert [feature.shape[1] for feature in features] == list(encoder.out_channels)


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 7])
def test_an_image_equal_in_all_bands_responds_like_a_grey_one(bands: int) -> None:
    filters = torch.randn(8, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    grey = torch.randn(1, 1, 9, 9, generator=torch.Generator().manual_seed(1))
    wanted = torch.conv2d(grey.expand(-1, 3, -1, -1), filters)
    got = torch.conv2d(grey.expand(-1, bands, -1, -1), adapt_bands(filters, bands))
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)


def test_further_bands_leave_red_green_and_blue_apart() -> None:
    filters = torch.randn(8, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(adapt_bands(filters, 3), filters)
    torch.testing.assert_close(adapt_bands(filters, 5)[:, :3] / adapt_bands(filters, 3), torch.full((8, 3, 3, 3), 0.6))


@pytest.mark.parametrize("bands", [1, 4])
def test_an_encoder_for_other_bands_takes_the_embedded_weights(bands: int) -> None:
    encoder = build_encoder(EncoderConfig(bands=bands))
    torch.testing.assert_close(
        encoder.state_dict()["model.conv_stem.weight"], adapt_bands(imagenet_lite0()["conv_stem.weight"], bands)
    )
    assert encoder(image(bands))[-1].isfinite().all()


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_terrain_changes_no_answer_at_the_start_and_learns_from_the_first_step(bands: int) -> None:
    alone = build_encoder(EncoderConfig(bands=bands)).eval()
    encoder = build_encoder(EncoderConfig(bands=bands, terrain=("slope", "curvature"))).eval()
    seen = torch.cat([image(bands), image(2).flip(3)], dim=1)
    for feature, wanted in zip(encoder(seen)[1:], alone(image(bands))[1:], strict=True):
        torch.testing.assert_close(feature, wanted)
    encoder(seen)[-1].square().mean().backward()
    gradient = encoder.get_parameter("model.conv_stem.weight").grad
    assert gradient is not None
    assert gradient[:, bands:].abs().mean() > 0.1 * gradient[:, :bands].abs().mean()


def test_a_weights_file_of_timm_is_taken(tmp_path: Path) -> None:
    file = saved(tmp_path / "lite0.safetensors")
    from_file = build_encoder(EncoderConfig(weights=str(file))).state_dict()
    for name, tensor in build_encoder(EncoderConfig()).state_dict().items():
        assert torch.equal(from_file[name], tensor)


def test_a_weights_file_of_another_encoder_is_refused(tmp_path: Path) -> None:
    file = saved(tmp_path / "lite0.safetensors")
    with pytest.raises(CheckpointRefusedError, match=r"lite0\.safetensors.*nothing for 'model\.conv1\.weight'"):
        build_encoder(EncoderConfig(name="tu-resnet18", weights=str(file)))


def test_a_weights_file_with_another_shape_is_refused(tmp_path: Path) -> None:
    file = saved(tmp_path / "cut.safetensors", **{"blocks.2.0.bn2.bias": torch.zeros(3)})
    with pytest.raises(CheckpointRefusedError, match=r"shape \(3,\) for 'model\.blocks\.2\.0\.bn2\.bias'"):
        build_encoder(EncoderConfig(weights=str(file)))


@pytest.mark.parametrize("content", [None, b"", b"not safetensors at all"])
def test_an_unreadable_weights_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "broken.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CheckpointRefusedError, match="cannot be read"):
        build_encoder(EncoderConfig(weights=str(file)))


@pytest.mark.parametrize("name", ["tu-resnet18", "resnet18"])
def test_another_encoder_starts_without_weights(name: str) -> None:
    encoder = build_encoder(EncoderConfig(name=name, weights="none"))
    assert encoder(image())[-1].shape == (2, 512, 2, 3)


@pytest.mark.parametrize("name", ["tu-resnet18", "resnet18"])
def test_another_encoder_has_no_embedded_weights(name: str) -> None:
    with pytest.raises(ConfigError, match=r"encoder\.weights"):
        build_encoder(EncoderConfig(name=name))


@pytest.mark.parametrize("name", ["tu-no_such_net", "nonsense"])
def test_an_encoder_that_cannot_be_built_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"encoder\.name.*{name}"):
        build_encoder(EncoderConfig(name=name, weights="none"))


def test_an_encoder_that_has_no_such_stride_is_named() -> None:
    with pytest.raises(ConfigError, match=r"encoder\.name.*densenet121.*strides 4 and 16"):
        build_encoder(EncoderConfig(name="densenet121", weights="none", output_stride=16))
    assert build_encoder(EncoderConfig(name="densenet121", weights="none"))(image())[-1].shape == (2, 1024, 2, 3)


@pytest.mark.parametrize(
    ("name", "stages"),
    [("tu-test_efficientnet", number) for number in range(6)]
    + [("tu-tf_efficientnet_lite0", 3), ("resnet18", 2), ("mobilenet_v2", 1), ("densenet121", 2), ("vgg11_bn", 2)],
)
def test_frozen_stages_keep_their_maps_and_all_others_learn(name: str, stages: int) -> None:
    encoder = build_encoder(EncoderConfig(name=name, weights="none")).train()
    with torch.no_grad():
        before = encoder.eval()(image())
    encoder.train()
    freeze(encoder, stages)
    optimiser = torch.optim.SGD([weight for weight in encoder.parameters() if weight.requires_grad] or [torch.zeros(1)])
    loss = torch.stack([feature.square().mean() for feature in encoder(image())]).sum()
    if stages < 5:
        loss.backward()
    optimiser.step()
    with torch.no_grad():
        after = encoder.eval()(image())
    kept = [torch.equal(old, new) for old, new in zip(before, after, strict=True)]
    assert kept == [number <= stages for number in range(6)]


def test_a_stage_that_an_encoder_lacks_freezes_nothing() -> None:
    encoder = build_encoder(EncoderConfig(name="tu-convnext_atto", weights="none")).train()
    assert encoder.out_channels[1] == 0  # type: ignore[index]
    freeze(encoder, 1)
    assert all(weight.requires_grad for weight in encoder.parameters())
    freeze(encoder, 2)
    assert not encoder.get_submodule("model.stem_0").weight.requires_grad
    assert encoder.get_submodule("model.stages_1").training


def test_an_encoder_whose_first_map_is_not_the_image_learns_as_a_whole() -> None:
    encoder = build_encoder(EncoderConfig(name="vgg11_bn", weights="none", bands=4)).train()
    freeze(encoder, 0)
    assert all(weight.requires_grad for weight in encoder.parameters())
    assert all(module.training for module in encoder.modules())
    freeze(encoder, 1)
    assert not next(encoder.parameters()).requires_grad
