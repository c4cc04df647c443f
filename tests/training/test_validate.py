"""Figures on held-out chips."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from icssn.config import TrainConfig
from icssn.metrics.pixels import Confusion
from icssn.nets.icssn import Icssn, build
from icssn.training.dataset import ChipArrays, open_chips
from icssn.training.validate import class_scores, pixel_scores, validate_classes, validate_pixels
from tests.training.conftest import WriteChips

CPU = torch.device("cpu")
KEYS = {"val_f1", "val_iou", "val_precision", "val_recall", "val_f1_half", "val_ap", "val_threshold"}
KEYS |= {"val_f1_low", "val_f1_high"}


@pytest.fixture
def model(tiny_config: TrainConfig) -> Icssn:
    """A net with random weights."""
    return build(tiny_config)


def _classes(model: Icssn, chips: ChipArrays) -> dict[str, float]:
    return validate_classes(model, chips, size_px=64, min_fraction=0.01, device=CPU)


def test_every_validation_chip_is_judged_and_no_other(write_chips: WriteChips, model: Icssn) -> None:
    chips = open_chips(write_chips(validation=(7, 3)))  # more than one batch
    truth, scores = pixel_scores(model, chips, device=CPU)
    assert truth.shape == scores.shape == (10, 80, 80)
    assert (truth == chips.masks[-10:]).all()
    shown, probability = class_scores(model, chips, size_px=64, min_fraction=0.01, device=CPU)
    assert shown.tolist() == [True] * 7 + [False] * 3
    assert ((probability > 0) & (probability < 1)).all()


def test_figures_agree_with_each_other(write_chips: WriteChips, model: Icssn) -> None:
    figures, each = validate_pixels(model, open_chips(write_chips()), device=CPU)
    assert len(each) == 4
    assert sum(each, start=Confusion()).f1 == pytest.approx(figures["val_f1"])
    assert figures["val_f1_low"] <= figures["val_f1"] <= figures["val_f1_high"]
    assert set(figures) == KEYS
    precision, recall, iou = figures["val_precision"], figures["val_recall"], figures["val_iou"]
    assert figures["val_f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert figures["val_f1"] == pytest.approx(2 * iou / (1 + iou))
    assert figures["val_f1"] >= figures["val_f1_half"]


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
    pixels, _ = validate_pixels(model, chips, device=CPU)
    assert pixels["val_f1"] == pixels["val_ap"] == 0
    assert pixels["val_threshold"] == 0.5
    assert not any(_classes(model, chips).values())
    assert np.isfinite(list(pixels.values())).all()
