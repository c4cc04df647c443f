"""How weights move."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from icssn.config import StageConfig, TrainConfig
from icssn.nets.icssn import build
from icssn.training.learner import Learner, rate_at

STEPS = StageConfig(steps=10, learning_rate=1e-2)


@pytest.fixture
def learner(tiny_config: TrainConfig) -> Learner:
    """A learner with random weights."""
    return Learner(build(tiny_config), device=torch.device("cpu"))


def _step(learner: Learner, step: int, *, ema_decay: float = 0.9) -> None:
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(step)) * 255
    logits, _ = learner.model.segment(images)
    learner.learn(logits.square().mean(), step=step, ema_decay=ema_decay)


def _changed(before: nn.Module, after: nn.Module) -> list[str]:
    old = before.state_dict()
    return [name for name, tensor in after.state_dict().items() if not torch.equal(tensor, old[name])]


def test_the_rate_rises_shortly_and_falls_to_zero() -> None:
    rates = [rate_at(step, steps=100) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[4] == pytest.approx(1, abs=0.01)
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[-1] < 0.001


def test_only_the_encoder_and_the_given_heads_learn(learner: Learner) -> None:
    before = copy.deepcopy(learner.model)
    learner.begin([learner.model.segmenter], settings=STEPS, rate=1, encoder_rate=1)
    _step(learner, 0)
    changed = _changed(before, learner.model)
    assert any(name.startswith("encoder.") for name in changed)
    assert any(name.startswith("segmenter.") for name in changed)
    assert not any(name.startswith("classifier.") for name in changed)


def test_batchnorm_statistics_of_a_resting_part_rest(learner: Learner) -> None:
    before = copy.deepcopy(learner.model.segmenter)
    learner.begin([learner.model.classifier], settings=STEPS, rate=1, encoder_rate=1)
    logits, _ = learner.model.classify(torch.rand(2, 3, 32, 32) * 255)
    learner.learn(logits.square().mean(), step=0, ema_decay=0)
    assert _changed(before, learner.model.segmenter) == []


def test_rates_of_encoder_and_heads_differ_as_asked(learner: Learner) -> None:
    learner.begin([learner.model.segmenter], settings=STEPS, rate=0.5, encoder_rate=0.1)
    _step(learner, 3)
    assert learner.optimiser is not None
    share = rate_at(3, steps=10) * 1e-2
    rates = [group["lr"] for group in learner.optimiser.param_groups]
    assert rates == pytest.approx([0.05 * share, 0.05 * share, 0.5 * share, 0.5 * share])


def test_a_large_gradient_of_the_follower_leaves_the_others_their_steps(learner: Learner) -> None:
    follower = learner.model.classifier.linear
    begun = copy.deepcopy(learner.model.state_dict())
    steps = []
    for weight in (0.0, 1e4):
        learner.model.load_state_dict(begun)
        learner.begin([learner.model.segmenter], settings=STEPS, rate=1, encoder_rate=1, follower=follower)
        learner.optimiser = torch.optim.SGD(learner.optimiser.param_groups, lr=0)  # type: ignore[union-attr]
        torch.manual_seed(0)  # dropout
        logits, _ = learner.model.segment(torch.full((2, 3, 32, 32), 90.0))
        learner.learn(logits.square().mean() + weight * follower.weight.sum(), step=3, ema_decay=0)
        steps.append([weight.detach().clone() for weight in learner.model.segmenter.parameters()])
        steps[-1].append(follower.weight.detach().clone())
    *others, followed = [torch.equal(alone, beside) for alone, beside in zip(*steps, strict=True)]
    assert all(others)
    assert not followed


def test_an_encoder_without_a_rate_rests_with_its_statistics(learner: Learner) -> None:
    before = copy.deepcopy(learner.model)
    learner.begin([learner.model.segmenter], settings=STEPS, rate=1, encoder_rate=0)
    _step(learner, 0)
    changed = _changed(before, learner.model)
    assert changed
    assert all(name.startswith("segmenter.") for name in changed)
    assert not any(weight.requires_grad for weight in learner.model.encoder.parameters())


def test_frozen_stages_of_an_encoder_keep_weights_and_statistics(learner: Learner) -> None:
    before = copy.deepcopy(learner.model)
    learner.begin([learner.model.segmenter], settings=STEPS, rate=1, encoder_rate=1, frozen_stages=3)
    for step in range(3):
        _step(learner, step)
    resting = ("conv_stem.", "bn1.", "blocks.0.", "blocks.1.", "blocks.2.")
    for after in (learner.model, learner.average):
        changed = [name.removeprefix("model.") for name in _changed(before.encoder, after.encoder)]
        assert not [name for name in changed if name.startswith(resting)]
        assert {name.split(".")[1] for name in changed} == {"3", "4"}  # the last two
        assert _changed(before.segmenter, after.segmenter)


def test_what_is_frozen_in_one_stage_of_a_round_may_learn_in_the_next(learner: Learner) -> None:
    learner.begin([learner.model.segmenter], settings=STEPS, rate=1, encoder_rate=1, frozen_stages=3)
    _step(learner, 0)
    learner.end(learner.weights())
    before = copy.deepcopy(learner.model)
    learner.begin([learner.model.segmenter], settings=STEPS, rate=1, encoder_rate=1)
    _step(learner, 0)
    assert any(name.startswith("encoder.model.conv_stem.") for name in _changed(before, learner.model))
    assert any(name.startswith("encoder.model.bn1.running") for name in _changed(before, learner.model))


def test_biases_and_batchnorm_are_not_decayed(learner: Learner) -> None:
    learner.begin([learner.model.segmenter], settings=STEPS, rate=1, encoder_rate=1)
    assert learner.optimiser is not None
    for group in learner.optimiser.param_groups:
        assert {weight.ndim > 1 for weight in group["params"]} == {group["weight_decay"] > 0}


def test_the_average_follows_weights_and_batchnorm_statistics(learner: Learner) -> None:
    learner.begin([learner.model.segmenter], settings=STEPS, rate=1, encoder_rate=1)
    expected = {name: tensor.clone() for name, tensor in learner.model.state_dict().items()}
    for step in range(4):
        _step(learner, step, ema_decay=0.25)
        decay = min(0.25, (1 + step) / (10 + step))
        for name, tensor in learner.model.state_dict().items():
            old = expected[name]
            expected[name] = decay * old + (1 - decay) * tensor if tensor.is_floating_point() else tensor.clone()
    torch.testing.assert_close(dict(learner.average.state_dict()), expected)
    assert not any(weight.requires_grad for weight in learner.average.parameters())


def test_without_averaging_the_average_is_the_model(learner: Learner) -> None:
    learner.begin([learner.model.segmenter], settings=STEPS, rate=1, encoder_rate=1)
    _step(learner, 0, ema_decay=0)
    assert _changed(learner.model, learner.average) == []


def test_a_stage_ends_with_the_weights_that_are_handed_on(learner: Learner) -> None:
    learner.begin([learner.model.segmenter], settings=STEPS, rate=1, encoder_rate=1)
    kept = learner.weights()
    _step(learner, 0)
    learner.end(kept)
    for model in (learner.model, learner.average):
        torch.testing.assert_close(dict(model.state_dict()), kept, rtol=0, atol=0)
    assert learner.optimiser is None
