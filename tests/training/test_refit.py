"""The last layer of the classifier, fitted to frozen features."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from icssn.config import TrainConfig
from icssn.nets.icssn import build
from icssn.training.dataset import LANDSLIDE, open_chips
from icssn.training.refit import fit_logistic, refit_classifier
from icssn.training.validate import ask_classes, judge_classes
from tests.training.conftest import WriteChips

CPU = torch.device("cpu")


def _sample(count: int = 60, channels: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    features = torch.randn(count, channels, generator=chance) * torch.arange(1, channels + 1) + 3
    truth = (features[:, 0] + torch.randn(count, generator=chance) > 3.8).float()
    return features, truth


def _objective(at: np.ndarray, features: np.ndarray, truth: np.ndarray, decay: float) -> float:
    scaled = (features - features.mean(0)) / features.std(0, ddof=1)
    margin = (scaled @ at[:-1] + at[-1]) * np.where(truth > 0, 1, -1)
    losses = np.logaddexp(0, -margin)
    balanced = (losses[truth > 0].mean() + losses[truth == 0].mean()) / 2
    return float(balanced + decay * (at[:-1] ** 2).sum() / 2)


@pytest.mark.parametrize("decay", [0.01, 0.3])
def test_the_fit_is_the_one_a_slow_search_finds(decay: float) -> None:
    features, truth = _sample()
    weight, bias = fit_logistic(features, truth, decay=decay)
    x, y = features.double().numpy(), truth.numpy()
    found = minimize(_objective, np.zeros(6), args=(x, y, decay), tol=1e-10).x
    expected = (x - x.mean(0)) / x.std(0, ddof=1) @ found[:-1] + found[-1]
    np.testing.assert_allclose((features @ weight + bias).numpy(), expected, atol=2e-3)


def test_perfectly_separated_examples_get_finite_weights() -> None:
    features = torch.tensor([[-1.0, 0.0], [-2.0, 0.0], [1.0, 0.0], [2.0, 0.0]])  # the second one is always equal
    weight, bias = fit_logistic(features, torch.tensor([0.0, 0.0, 1.0, 1.0]), decay=0.02)
    assert weight.isfinite().all()
    assert ((features @ weight + bias > 0) == torch.tensor([False, False, True, True])).all()


def test_a_spoilt_last_layer_is_fitted_again_and_nothing_else_changes(
    write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    chips = open_chips(write_chips(train=(12, 12, 4), validation=(10, 10)))
    model = build(tiny_config)
    with torch.no_grad():
        model.classifier.linear.weight.fill_(7)
    before = copy.deepcopy(model)
    refit_classifier(model, chips, size_px=64, min_fraction=0.01, seed=1, device=CPU)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before.state_dict()[name])}
    assert changed == {"classifier.linear.weight", "classifier.linear.bias"}
    losses = [
        judge_classes(ask_classes(m, chips, size_px=64, min_fraction=0.01, device=CPU))["cls_loss"]
        for m in (before, model)
    ]
    assert losses[1] < losses[0]
    again = copy.deepcopy(before)
    refit_classifier(again, chips, size_px=64, min_fraction=0.01, seed=1, device=CPU)
    assert torch.equal(again.classifier.linear.weight, model.classifier.linear.weight)


def test_chips_on_points_are_fitted_to_like_those_with_outlines(
    write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    chips = open_chips(write_chips(train=(12, 12, 4)))
    slides = chips.train[LANDSLIDE]
    pointed = replace(chips, train={**chips.train, LANDSLIDE: slides[:1]}, points=slides[1:])
    weights = []
    for known in (chips, pointed):
        model = build(tiny_config)
        refit_classifier(model, known, size_px=64, min_fraction=0.01, seed=1, device=CPU)
        weights.append(model.classifier.linear.weight)
    assert torch.equal(*weights)
