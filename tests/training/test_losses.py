"""The losses of both stages."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from icssn.chips.cut import MANIFEST, MASKS, load
from icssn.chips.ground import SPOT
from icssn.config import TrainConfig
from icssn.nets.icssn import build
from icssn.training.classify import binary_loss, classification_batch, classification_loss
from icssn.training.dataset import BACKGROUND, HARD_NEGATIVE, LANDSLIDE, Views, open_chips, segmentation_views
from icssn.training.learner import Learner
from icssn.training.segment import mask_losses, segmentation_batch, segmentation_loss, spot_loss
from tests.training.conftest import WriteChips


def _chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _learner(config: TrainConfig) -> Learner:
    return Learner(build(config), device=torch.device("cpu"))


def _size(model: torch.nn.Module) -> float:
    return sum(float(p.grad.abs().sum()) for p in model.parameters() if p.grad is not None)


def test_unknown_pixels_do_not_count() -> None:
    logits = torch.randn(2, 8, 8, generator=_chance())
    masks = torch.randint(0, 2, (2, 8, 8), generator=_chance()).to(torch.uint8)
    masks[:, :4] = 255
    whole, part = mask_losses(logits, masks), mask_losses(logits[:, 4:], masks[:, 4:])
    torch.testing.assert_close(whole, part)


def test_spots_are_as_unknown_to_the_masks_as_their_surroundings() -> None:
    logits = torch.randn(2, 8, 8, generator=_chance())
    masks = torch.randint(0, 2, (2, 8, 8), generator=_chance()).to(torch.uint8)
    masks[:, :4] = 255
    spotted = masks.clone()
    spotted[:, 1:3, 1:3] = SPOT
    torch.testing.assert_close(mask_losses(logits, spotted), mask_losses(logits, masks))


def test_the_loss_of_spots_is_its_numpy_twin() -> None:
    logits = torch.randn(5, 16, 16, generator=_chance()) * 3
    masks = torch.randint(0, 2, (5, 16, 16), generator=_chance(1)).to(torch.uint8)
    masks[0, 2:4, 2:4] = masks[1, 8:, 8:] = masks[3, 0, 0] = SPOT
    views = []
    for logit, mask in zip(logits.numpy().astype(float), masks.numpy(), strict=True):
        there = [math.log1p(math.exp(-logit[at])) for at in zip(*np.nonzero(mask == SPOT), strict=True)]
        views.append(sum(there) / len(there) if there else 0.0)
    assert float(spot_loss(logits, masks)) == pytest.approx(sum(views) / 5, rel=1e-5)


def test_a_spot_counts_by_views_and_not_by_its_size_and_no_spot_costs_nothing() -> None:
    logits = torch.zeros(4, 8, 8, requires_grad=True)
    masks = torch.full((4, 8, 8), 255, dtype=torch.uint8)
    assert float(spot_loss(logits, masks)) == 0
    masks[0, 0, 0] = SPOT
    one = spot_loss(logits, masks)
    assert float(one) == pytest.approx(math.log(2) / 4)
    masks[0, :4] = SPOT
    assert float(spot_loss(logits, masks)) == pytest.approx(float(one))
    spot_loss(logits, masks).backward()
    assert logits.grad is not None
    assert (logits.grad[0, :4] < 0).all()  # it asks for more there, and for nothing anywhere else
    assert (logits.grad[0, 4:] == 0).all()
    assert (logits.grad[1:] == 0).all()


def test_points_are_in_the_batch_and_in_the_loss_as_far_as_they_weigh(
    write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    folder = write_chips()
    manifest, _, masks = load(folder)
    first, *others = manifest.chips
    pointed = manifest.model_copy(update={"chips": (first.model_copy(update={"kind": "landslide_point"}), *others)})
    (folder / MANIFEST).write_text(pointed.model_dump_json())
    masks = np.array(masks)
    masks[first.index] = 255
    masks[first.index, 35:45, 35:45] = SPOT
    np.save(folder / MASKS, masks)
    said = {}
    for weight in (0.0, 0.2, 1.0):
        chips = open_chips(folder, spots=weight > 0)
        config = tiny_config.model_copy(update={"point_weight": weight, "fade_share": 0.0})
        batch = {"step": 0, "order": 0, "generator": _chance()}
        views = segmentation_batch(chips, config=config, **batch)  # type: ignore[arg-type]
        assert bool((views.masks == SPOT).any()) == (weight > 0)
        torch.manual_seed(0)
        said[weight] = segmentation_loss(_learner(config), views, config=config, step=0, generator=_chance())
    assert "spots" not in said[0.0][1]
    (some, parts), (more, _) = said[0.2], said[1.0]
    assert float(parts["spots"]) > 0
    assert float(more - some) == pytest.approx(0.8 * float(parts["spots"]), rel=1e-4)


def test_undecided_scores_cost_one_bit_and_perfect_scores_nothing() -> None:
    masks = torch.tensor([[[0, 1, 255, 1]]], dtype=torch.uint8)
    bce, _ = mask_losses(torch.zeros(1, 1, 4), masks)
    assert float(bce) == pytest.approx(math.log(2))
    bce, dice = mask_losses(torch.tensor([[[-40.0, 40.0, 40.0, 40.0]]]), masks)
    assert float(bce) == pytest.approx(0, abs=1e-6)
    assert float(dice) == pytest.approx(0, abs=1e-6)


def test_a_batch_of_which_nothing_is_known_costs_nothing() -> None:
    logits = torch.randn(1, 8, 8, requires_grad=True, generator=_chance())
    bce, dice = mask_losses(logits, torch.full((1, 8, 8), 255, dtype=torch.uint8))
    (bce + dice).backward()
    assert bce.item() == dice.item() == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


def test_views_that_say_nothing_do_not_count_and_both_negatives_are_no_landslide() -> None:
    logits = torch.tensor([2.0, -1.0, 3.0, 9.0])
    kinds = torch.tensor([LANDSLIDE, BACKGROUND, HARD_NEGATIVE, -1])
    expected = np.mean([math.log1p(math.exp(-2)), math.log1p(math.exp(-1)), math.log1p(math.exp(3))])
    assert float(binary_loss(logits, kinds)) == pytest.approx(expected)
    assert float(binary_loss(logits, torch.full((4,), -1))) == 0


def test_the_classifier_follows_the_segmentation_stage_without_pulling_the_encoder(tiny_config: TrainConfig) -> None:
    learner = _learner(tiny_config)
    model = learner.model
    views = Views(
        images=torch.rand(2, 3, 64, 64, generator=_chance()) * 255,
        masks=torch.full((2, 64, 64), 255, dtype=torch.uint8),
        kinds=torch.tensor([LANDSLIDE, BACKGROUND]),
    )
    loss, _ = segmentation_loss(learner, views, config=tiny_config, step=99, generator=_chance())
    loss.backward()
    assert _size(model.classifier.linear) > 0
    assert _size(model.encoder) == 0


def test_socl_joins_after_the_warm_up(write_chips: WriteChips, tiny_config: TrainConfig) -> None:
    chips = open_chips(write_chips())
    learner = _learner(tiny_config)
    learner.model.eval()
    views = segmentation_views(chips, chips.train[LANDSLIDE], size_px=64, min_fraction=0.01, generator=_chance())
    parts = [
        segmentation_loss(learner, views, config=tiny_config, step=step, generator=_chance())[1] for step in (0, 1)
    ]
    assert float(parts[0]["socl"]) == 0
    assert float(parts[1]["socl"]) > 0
    assert float(parts[0]["segmentation"]) == float(parts[1]["segmentation"])


def test_any_crop_size_is_taken(write_chips: WriteChips, tiny_config: TrainConfig) -> None:
    chips = open_chips(write_chips())
    views = segmentation_views(chips, chips.train[LANDSLIDE], size_px=50, min_fraction=0.01, generator=_chance())
    loss, parts = segmentation_loss(_learner(tiny_config), views, config=tiny_config, step=2, generator=_chance())
    loss.backward()
    assert all(math.isfinite(float(part)) for part in parts.values())


SWITCHES = [
    {"ocl": "supcon"},
    {"ocl": "pair"},
    {"ocl": "moco", "ocl_queue": 5},
    {"ocl": "simsiam"},
    {"tap_stride": 8},
    {"tap_stride": 4, "anchors": "random"},
    {"socl_queue": 7},
]


def _switched(config: TrainConfig, **changes: object) -> TrainConfig:
    contrast = {**config.contrast.model_dump(), **changes, "warmup_share": 0}
    return TrainConfig.model_validate({**config.model_dump(), "contrast": contrast})


@pytest.mark.parametrize("switch", SWITCHES, ids=str)
@pytest.mark.parametrize("stage", ["classify", "segment"])
@pytest.mark.parametrize("shown", ["both", "landslides", "background", "nothing known"])
def test_every_form_of_contrast_gives_finite_gradients_whatever_a_batch_shows(
    write_chips: WriteChips, tiny_config: TrainConfig, switch: dict[str, object], stage: str, shown: str
) -> None:
    config = _switched(tiny_config, **switch)
    learner = _learner(config)
    heads = [learner.model.classifier, learner.model.segmenter]
    learner.begin(heads, settings=config.segment, rate=1, encoder_rate=1, contrast=config.contrast)
    views = segmentation_views(
        open_chips(write_chips()), np.array([0, 1, 4, 5]), size_px=50, min_fraction=0.01, generator=_chance()
    )
    if shown != "both":
        value, kind = {"landslides": (1, LANDSLIDE), "background": (0, BACKGROUND), "nothing known": (255, -1)}[shown]
        views = Views(views.images, torch.full_like(views.masks, value), torch.full_like(views.kinds, kind))
    for step in (0, 1):  # the second meets the keys of the first
        loss = _loss(learner, views, config, stage)
        learner.learn(loss, step=step, ema_decay=0.5)
        assert loss.isfinite()
        gradients = [weight.grad for weight in learner.model.parameters() if weight.grad is not None]
        assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("switch", [{"ocl": "moco", "ocl_queue": 5}, {"socl_queue": 7, "tap_stride": 4}], ids=str)
def test_remembered_keys_go_on_with_the_state(
    write_chips: WriteChips, tiny_config: TrainConfig, switch: dict[str, object]
) -> None:
    config = _switched(tiny_config, **switch)
    chips = open_chips(write_chips())
    views = segmentation_views(chips, np.array([0, 1, 4, 5]), size_px=64, min_fraction=0.01, generator=_chance())
    stage = "classify" if "ocl" in switch else "segment"

    def begun() -> Learner:
        learner = _learner(config)
        heads = [learner.model.classifier, learner.model.segmenter]
        learner.begin(heads, settings=config.segment, rate=1, encoder_rate=1, contrast=config.contrast)
        return learner

    first, other = begun(), begun()
    first.learn(_loss(first, views, config, stage), step=0, ema_decay=0.5)
    other.restore(first.state())
    queues = [learner.objects or learner.cells for learner in (first, other)]
    assert queues[0] is not None
    assert queues[1] is not None
    assert 0 < len(queues[0].labels) <= 7
    assert torch.equal(queues[0].keys, queues[1].keys)
    losses = []
    for learner in (first, other):
        torch.manual_seed(1)  # dropout
        losses.append(_loss(learner, views, config, stage))
    assert torch.equal(*losses)


def test_wide_views_are_fewer_and_show_whole_chips_of_both_classes(
    write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    chips = open_chips(write_chips())
    config = tiny_config.model_copy(update={"wide_share": 0.5})
    batches = [
        segmentation_batch(chips, config=config, step=step, order=0, generator=_chance(step)) for step in range(30)
    ]
    shapes = {tuple(views.masks.shape) for views in batches}
    assert shapes == {(3, 64, 64), (2, 80, 80)}
    assert all((views.masks[0] == 1).any() and not (views.masks[-1] == 1).any() for views in batches)


@pytest.mark.parametrize("stage", ["classify", "segment"])
def test_one_batch_can_be_learned_by_heart(write_chips: WriteChips, tiny_config: TrainConfig, stage: str) -> None:
    torch.manual_seed(0)
    chips = open_chips(write_chips())
    learner = Learner(build(tiny_config), device=torch.device("cpu"))
    settings = tiny_config.segment.model_copy(update={"steps": 12, "learning_rate": 1e-2})
    learner.begin([learner.model.classifier, learner.model.segmenter], settings=settings, rate=1, encoder_rate=1)
    batch = classification_batch if stage == "classify" else segmentation_batch
    views = batch(chips, config=tiny_config, step=0, order=0, generator=_chance())
    losses = []
    for step in range(settings.steps):
        loss = _loss(learner, views, tiny_config, stage)
        learner.learn(loss, step=step, ema_decay=0)
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.75 * losses[0]


def _loss(learner: Learner, views: Views, config: TrainConfig, stage: str) -> torch.Tensor:
    if stage == "classify":
        return classification_loss(learner, views, config=config)[0]
    return segmentation_loss(learner, views, config=config, step=0, generator=_chance())[0]
