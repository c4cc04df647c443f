"""The end of a round: the mean of all rounds' weights, its heads fitted and calibrated, judged on held-out ground."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from icssn.config import TrainConfig
from icssn.metrics.pixels import Confusion
from icssn.nets.icssn import Icssn
from icssn.training.calibrate import calibrate
from icssn.training.dataset import ChipArrays
from icssn.training.finding import judge_objects
from icssn.training.refit import refit_classifier
from icssn.training.sheets import put_together
from icssn.training.smallest import smallest_object_px
from icssn.training.validate import ask_classes, ask_pixels, judge_classes, judge_pixels


class Settled(NamedTuple):
    """Weights that a round offers, on the CPU; their figures; and what was counted in each validation chip."""

    weights: dict[str, Tensor]
    figures: dict[str, float]
    counted: list[Confusion]


def mean_weights(earlier: Mapping[str, Tensor], latest: Mapping[str, Tensor], *, rounds: int) -> dict[str, Tensor]:
    """Give the mean of the weights of some rounds, BatchNorm's statistics among them.

    Rounds end beside each other in one valley of the loss, and its middle holds better on other ground (decision 24).

    Args:
        earlier: Mean of all rounds but the last.
        latest: Of the last one, which began with `earlier`: so one temperature suits both heads well enough.
        rounds: How many there are, with the last one.

    Source:
        Izmailov, Podoprikhin, Garipov, Vetrov & Wilson 2018, arXiv:1803.05407, section 3.2; our cycles are rounds.
    """
    return {
        name: torch.lerp(earlier[name], weight, 1 / rounds) if weight.is_floating_point() else weight
        for name, weight in latest.items()
    }


def settle(model: Icssn, chips: ChipArrays, *, config: TrainConfig, device: torch.device) -> Settled:
    """Fit the classifier's last layer to the encoder as it is now, calibrate both heads, and judge what that gives.

    The smallest object worth keeping and the thresholds are chosen here, on the validation chips.

    Args:
        model: On `device`; its heads are changed.

    Returns:
        With the figures that `rounds.RoundResult` lists, but for the seconds.
    """
    size_px, fraction = config.chips.size_px, config.chips.min_landslide_fraction
    refit_classifier(model, chips, size_px=size_px, min_fraction=fraction, seed=config.seed, device=device)
    classes = ask_classes(model, chips, size_px=size_px, min_fraction=fraction, device=device)
    pixels, classes = calibrate(model, ask_pixels(model, chips, device=device), classes)
    weights = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    figures, counted = judge_pixels(pixels)
    judged = [chips.manifest.chips[int(index)] for index in chips.validation]
    sheets = put_together(pixels.truth, pixels.scores(), judged)
    threshold = figures["val_threshold"]
    least_px = smallest_object_px(sheets, threshold=threshold)
    found = judge_objects(sheets, threshold=threshold, least_px=least_px)
    figures = judge_classes(classes) | figures | {"val_min_object_px": float(least_px)} | found
    return Settled(weights, figures, counted)
