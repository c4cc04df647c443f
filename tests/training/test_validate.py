"""Figures on held-out chips."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from icssn.chips.cut import MASKS
from icssn.config import TrainConfig
from icssn.metrics.intervals import standard_error
from icssn.metrics.pixels import Confusion, best_threshold, confusion, exceeds
from icssn.nets.icssn import Icssn, build
from icssn.training.dataset import ChipArrays, open_chips
from icssn.training.validate import ask_classes, ask_pixels, choose_threshold, judge_classes, judge_pixels
from tests.training.conftest import WriteChips

CPU = torch.device("cpu")
KEYS = {"val_f1", "val_iou", "val_precision", "val_recall", "val_f1_half", "val_ap", "val_threshold"}
KEYS |= {"val_f1_low", "val_f1_high"}


@pytest.fixture
def model(tiny_config: TrainConfig) -> Icssn:
    """A net with random weights."""
    return build(tiny_config)


def _classes(model: Icssn, chips: ChipArrays) -> dict[str, float]:
    return judge_classes(ask_classes(model, chips, size_px=64, min_fraction=0.01, device=CPU))


def _pixels(model: Icssn, chips: ChipArrays) -> tuple[dict[str, float], list[Confusion]]:
    answers = ask_pixels(model, chips, device=CPU)
    return judge_pixels(answers.truth, answers.scores())


def test_every_validation_chip_is_judged_and_no_other(write_chips: WriteChips, model: Icssn) -> None:
    chips = open_chips(write_chips(validation=(7, 3)))  # more than one batch
    pixels = ask_pixels(model, chips, device=CPU)
    assert pixels.truth.shape == pixels.scores().shape == (10, 80, 80)
    assert (pixels.truth == chips.masks[-10:]).all()
    classes = ask_classes(model, chips, size_px=64, min_fraction=0.01, device=CPU)
    assert classes.truth.tolist() == [True] * 7 + [False] * 3
    assert len(set(classes.logits.tolist())) == 10


def test_a_landslide_is_judged_by_its_own_cells(write_chips: WriteChips, model: Icssn) -> None:
    folder = write_chips(validation=(2, 1))
    masks = np.load(folder / MASKS)
    masks[-3:] = 0
    masks[-3:-1, 8:24, 8:24] = 1  # in one of the four cells of the middle
    np.save(folder / MASKS, masks)
    chips = open_chips(folder)
    answers = ask_classes(model, chips, size_px=64, min_fraction=0.01, device=CPU)
    assert answers.truth.tolist() == [True, True, False]
    images = torch.from_numpy(np.array(chips.images[chips.validation]))[:, :, 8:72, 8:72]
    with torch.no_grad():
        cells = model.eval().map(images.float())[1]
    asked = torch.stack([cells[0, 0, 0], cells[1, 0, 0], cells[2].mean()])
    np.testing.assert_allclose(answers.logits, asked.numpy(), rtol=1e-4, atol=1e-4)


def test_answers_are_those_of_the_net_for_each_chip(write_chips: WriteChips, model: Icssn) -> None:
    chips = open_chips(write_chips(validation=(7, 3)))
    answers = ask_pixels(model, chips, device=CPU)
    for place in (0, 9):
        image = torch.from_numpy(np.array(chips.images[chips.validation[place]]))
        with torch.no_grad():
            logits = model.eval().segment(image[None].float())[0][0]
        np.testing.assert_allclose(answers.logits[place], logits.numpy(), rtol=2e-3, atol=2e-3)
        assert np.abs(answers.scores()[place] - 254 * logits.sigmoid().numpy()).max() < 1


def test_figures_agree_with_each_other(write_chips: WriteChips, model: Icssn) -> None:
    figures, each = _pixels(model, open_chips(write_chips()))
    assert len(each) == 4
    assert sum(each, start=Confusion()).f1 == pytest.approx(figures["val_f1"])
    assert figures["val_f1_low"] <= figures["val_f1"] <= figures["val_f1_high"]
    assert set(figures) == KEYS
    precision, recall, iou = figures["val_precision"], figures["val_recall"], figures["val_iou"]
    assert figures["val_f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert figures["val_f1"] == pytest.approx(2 * iou / (1 + iou))


def _chips_with_scores(count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Give chips whose landslide scores about .5, and in every fourth some ground does so almost as surely."""
    chance = np.random.default_rng(5)
    truth = np.zeros((count, 40, 40), np.uint8)
    truth[:, 10:30, 10:30] = 1
    scores = chance.normal(60, 25, truth.shape) + 60 * truth
    scores[::4, :8] += 90
    return truth, scores.clip(0, 254).astype(np.uint8)


def test_of_thresholds_that_few_chips_cannot_tell_apart_the_middle_one_is_chosen() -> None:
    truth, scores = _chips_with_scores(4)
    highest, most = best_threshold(truth, scores)
    threshold, f1 = choose_threshold(truth, scores)
    f1_at = [confusion(truth, exceeds(scores, cut / 254)).f1 for cut in range(1, 255)]
    each = [confusion(*pair) for pair in zip(truth, exceeds(scores, highest), strict=True)]
    good = [cut / 254 for cut, of_it in enumerate(f1_at, start=1) if of_it >= most - standard_error(each)]
    assert len(good) > 10
    assert threshold == pytest.approx(np.median(good), abs=0.003)
    assert f1 < most


def test_many_chips_choose_the_best_threshold() -> None:
    far, near = (
        abs(best_threshold(*chips)[0] - choose_threshold(*chips)[0]) for chips in map(_chips_with_scores, (4, 400))
    )
    assert near < far / 2


def test_an_undecided_classifier_loses_one_bit(write_chips: WriteChips, model: Icssn) -> None:
    torch.nn.init.zeros_(model.classifier.linear.weight)
    torch.nn.init.zeros_(model.classifier.linear.bias)
    figures = _classes(model, open_chips(write_chips(validation=(3, 1))))
    assert figures["cls_loss"] == pytest.approx(math.log(2))
    torch.nn.init.constant_(model.classifier.linear.bias, 9)
    figures = _classes(model, open_chips(write_chips(validation=(3, 1), name="again")))
    assert figures["cls_accuracy"] == 0.75
    assert figures["cls_f1"] == pytest.approx(6 / 7)
    assert [figures[f"cls_{name}"] for name in ("tp", "fp", "fn", "tn", "prevalence")] == [3, 1, 0, 0, 0.75]


def test_without_validation_chips_nothing_is_claimed(write_chips: WriteChips, model: Icssn) -> None:
    chips = open_chips(write_chips(validation=(0, 0)))
    pixels, _ = _pixels(model, chips)
    assert pixels["val_f1"] == pixels["val_ap"] == 0
    assert pixels["val_threshold"] == 0.5
    assert not any(_classes(model, chips).values())
    assert np.isfinite(list(pixels.values())).all()
