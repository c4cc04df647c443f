"""The tester that every network must pass, and that windows agree."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from icssn.config import TrainConfig
from icssn.nets.icssn import Icssn, build

SMALL = {"decoder_channels": 32, "contrast": {"dimensions": 16}}
NETS = {
    "embedded Lite0": {},
    "stride 8": {"encoder": {"output_stride": 8}},
    "stride 16": {"encoder": {"output_stride": 16}},
    "fine tap": {"contrast": {"dimensions": 16, "tap_stride": 4, "ocl": "simsiam"}},
    "five bands": {"encoder": {"bands": 5}},
    "ResNet-18": {"encoder": {"name": "tu-resnet18", "weights": "none"}},
}


def config(name: str = "embedded Lite0", **changes: object) -> TrainConfig:
    return TrainConfig.model_validate({**SMALL, **NETS[name], **changes})


@pytest.fixture(scope="module", params=list(NETS))
def net(request: pytest.FixtureRequest) -> Icssn:
    return build(config(request.param))


def images(net: Icssn, count: int, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(height)
    bands = net.encoder.out_channels[0]
    return torch.randint(0, 256, (count, bands, height, width), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize(("count", "height", "width"), [(2, 97, 131), (1, 64, 64), (1, 33, 7), (1, 1, 1)])
def test_any_size_gives_scores_of_that_size(net: Icssn, count: int, height: int, width: int) -> None:
    net.eval()
    with torch.no_grad():
        scores, embeddings = net.classify(images(net, count, height, width))
        logits, cells = net.segment(images(net, count, height, width))
    rows, columns = -(-height // net.tap), -(-width // net.tap)
    assert scores.shape == (count,)
    assert embeddings.shape == (count, 16)
    assert logits.shape == (count, height, width)
    assert cells.shape == (count, 16, rows, columns)
    for lengths in (embeddings.norm(dim=1), cells.norm(dim=1)):
        torch.testing.assert_close(lengths, torch.ones_like(lengths))
    assert all(values.isfinite().all() for values in (scores, logits))


@pytest.mark.parametrize("bfloat16", [False, True])
def test_every_parameter_gets_a_finite_gradient(net: Icssn, bfloat16: bool) -> None:
    for part in net.train().modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.ones_(part.weight)  # timm starts some at 0, which hides the layers before them at the first step
    chips = images(net, 2, 97, 131)
    net.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        scores, embeddings = net.classify(chips)
        logits, cells = net.segment(chips)
        embeddings = net.classifier.predict(embeddings)
    assert {values.dtype for values in (scores, embeddings, logits, cells)} == {torch.float32}
    wanted = torch.arange(131) % 2 * torch.ones(2, 97, 1)
    losses = [F.binary_cross_entropy_with_logits(logits, wanted), scores.exp().mean()]
    losses += [vectors[:, 0].sum() for vectors in (embeddings, cells)]
    torch.stack(losses).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_a_single_chip_trains(net: Icssn) -> None:
    net.train().zero_grad()
    chip = images(net, 1, 64, 64)
    (net.classify(chip)[0].sum() + net.segment(chip)[0].mean()).backward()
    gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_bytes_and_floats_score_alike(net: Icssn) -> None:
    net.eval()
    chips = images(net, 1, 64, 96)
    with torch.no_grad():
        assert torch.equal(net.segment(chips)[0], net.segment(chips.float())[0])


def test_equal_configs_build_equal_nets_and_leave_the_callers_chance_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, same, other = build(config()), build(config()), build(config(seed=1))
    assert torch.equal(before, torch.get_rng_state())
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[name]), name
    assert not torch.equal(one.segmenter.head.weight, other.segmenter.head.weight)


def test_both_heads_share_the_encoder() -> None:
    net = build(config()).eval()
    chips = images(net, 1, 64, 64)
    with torch.no_grad():
        before = net.classify(chips)[0], net.segment(chips)[0]
        net.encoder.model.conv_stem.weight.mul_(1.1)
        after = net.classify(chips)[0], net.segment(chips)[0]
    assert all(not torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_one_batch_is_learnt_by_heart() -> None:
    net = build(config()).train().to(memory_format=torch.channels_last)
    chips = images(net, 4, 64, 64)
    chips[::2, :, 20:44, 16:48] //= 3  # a darker patch in every other chip
    masks = torch.zeros(4, 64, 64)
    masks[::2, 20:44, 16:48] = 1
    labels = torch.tensor([1.0, 0.0, 1.0, 0.0])
    optimiser = torch.optim.AdamW(net.parameters(), lr=4e-3)
    for _ in range(18):
        scores, logits = net.classify(chips)[0], net.segment(chips)[0]
        loss = F.binary_cross_entropy_with_logits(scores, labels) + F.binary_cross_entropy_with_logits(logits, masks)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        scores, logits = net.classify(chips)[0], net.segment(chips)[0]
    assert torch.equal(scores > 0, labels > 0)
    found, truth = logits > 0, masks > 0
    assert (found & truth).sum() / (found | truth).sum() > 0.8


def test_a_map_scores_pixels_as_segment_and_cells_so_that_their_mean_is_classifys(net: Icssn) -> None:
    net.eval()
    batch = images(net, 2, 96, 128)
    with torch.inference_mode():
        pixels, cells = net.map(batch)
        torch.testing.assert_close(pixels, net.segment(batch)[0])
        torch.testing.assert_close(cells.mean(dim=(1, 2)), net.classify(batch)[0], atol=1e-4, rtol=1e-4)
    assert cells.shape == (2, 96 // net.stride, 128 // net.stride)
