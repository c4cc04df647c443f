"""Temperatures, and that they change nothing but how sure scores are."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from icssn.config import TrainConfig
from icssn.nets.icssn import Icssn, build
from icssn.training.calibrate import FINEST, calibrate, temperature
from icssn.training.dataset import ChipArrays, open_chips
from icssn.training.learner import Learner
from icssn.training.segment import segmentation_batch, segmentation_loss
from icssn.training.validate import ClassAnswers, PixelAnswers, ask_classes, ask_pixels, judge_pixels
from tests.training.conftest import WriteChips

CPU = torch.device("cpu")


def _calibrate(model: Icssn, chips: ChipArrays) -> PixelAnswers:
    classes = ask_classes(model, chips, size_px=64, min_fraction=0.01, device=CPU)
    return calibrate(model, ask_pixels(model, chips, device=CPU), classes)[0]


def _f1(answers: PixelAnswers) -> float:
    return judge_pixels(answers)[0]["val_f1"]


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_scores_is_found(true_temperature: float) -> None:
    rng = np.random.default_rng(0)
    fair = rng.normal(-1, 2, 40_000)
    truth = rng.random(40_000) < 1 / (1 + np.exp(-fair))
    found = temperature(fair * true_temperature, truth.astype(np.int64), ~truth)
    assert found == pytest.approx(true_temperature, rel=0.05)


def test_few_separated_examples_are_not_made_certain() -> None:
    logits = np.array([-1.0, -0.5, 0.5, 1.0])
    truth = logits > 0
    assert temperature(logits, truth.astype(np.int64), ~truth) > FINEST * 1.01


@pytest.mark.parametrize("value", [True, False])
def test_one_class_leaves_scores_alone(value: bool) -> None:
    truth = np.full(4, value)
    assert temperature(np.arange(4.0), truth.astype(np.int64), ~truth) == 1


def test_objects_count_for_all_the_squares_that_their_chips_stand_for(
    write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    model = build(tiny_config)
    pixels = ask_pixels(model, open_chips(write_chips()), device=CPU)
    truth = np.repeat([True, False], [20, 40])
    logits = np.where(truth, 2, -1.5) + np.random.default_rng(4).normal(0, 1.6, 60).astype(np.float32)
    several = np.repeat(np.arange(60), np.where(truth, 1, 5))
    weighed, plain, every = (
        calibrate(copy.deepcopy(model), pixels, classes)[1].logits[0] / logits[0]
        for classes in (
            ClassAnswers(truth, logits, np.where(truth, 1.0, 5.0)),
            ClassAnswers(truth, logits, np.ones(60)),
            ClassAnswers(truth[several], logits[several], np.ones(len(several))),
        )
    )
    assert weighed == pytest.approx(every, rel=1e-4)
    assert weighed != pytest.approx(plain, rel=0.02)


def test_a_net_made_surer_than_it_may_be_is_brought_back_and_ranks_as_before(
    write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    torch.manual_seed(0)
    chips = open_chips(write_chips(validation=(12, 10)))
    learner = Learner(build(tiny_config), device=CPU)
    settings = tiny_config.segment.model_copy(update={"steps": 12, "learning_rate": 1e-2})
    learner.begin([learner.model.segmenter], settings=settings, rate=1, encoder_rate=1)
    for step in range(settings.steps):
        chance = torch.Generator().manual_seed(step)
        views = segmentation_batch(chips, config=tiny_config, step=step, order=0, generator=chance)
        loss, _ = segmentation_loss(learner, views, config=tiny_config, step=0, generator=chance)
        learner.learn(loss, step=step, ema_decay=0)
    fair = learner.average
    for _ in range(4):  # at the first time, its temperature is farther off than one call goes
        _calibrate(fair, chips)
    sure = copy.deepcopy(fair)
    with torch.no_grad():
        for part in sure.segmenter.head.parameters():
            part.mul_(3)
    before = _f1(ask_pixels(sure, chips, device=CPU))
    told = _calibrate(sure, chips)
    torch.testing.assert_close(sure.segmenter.head.weight, fair.segmenter.head.weight, rtol=0.05, atol=1e-4)
    after = ask_pixels(sure, chips, device=CPU)
    np.testing.assert_allclose(told.logits, after.logits, rtol=5e-3, atol=5e-3)
    assert _f1(after) > before - 0.03  # stored levels tell more apart again
