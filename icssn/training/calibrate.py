"""Calibration: one temperature for each head, fitted on the validation chips, so that probabilities are frequencies."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import nn

from icssn.nets.icssn import Icssn
from icssn.training.validate import ClassAnswers, PixelAnswers

COARSEST, FINEST = 4.0, 0.25  # temperatures sought; farther off, the validation chips are no fair sample
FEWEST = 20  # objects from which on the classifier's temperature is fitted
STEP, LARGEST = 0.05, 20.0  # bins of logits; beyond, all are equally sure


def calibrate(model: Icssn, pixels: PixelAnswers, classes: ClassAnswers) -> tuple[PixelAnswers, ClassAnswers]:
    """Divide the last layers of segmenter and classifier by the temperatures that fit the validation chips best.

    The order of scores, and with it average precision and every best threshold's F1, stays as it was.

    Args:
        model: Changed in place.
        pixels, classes: What it says of the validation chips.

    Returns:
        What it says of them afterwards.
    """
    edges = np.arange(-LARGEST, LARGEST + STEP, STEP)
    counts = np.zeros((2, len(edges) - 1))
    for truth, logits, weight in zip(pixels.truth, pixels.logits, pixels.stands_for, strict=True):
        for value in (0, 1):
            counts[value] += weight * np.histogram(logits[truth == value].clip(-LARGEST, LARGEST), edges)[0]
    of_pixels = temperature(edges[:-1] + STEP / 2, counts[1], counts[0])
    shown, weights = classes.truth, classes.stands_for
    enough = len(shown) >= FEWEST
    of_objects = temperature(classes.logits, weights * shown, weights * ~shown) if enough else 1.0
    _divide(model.segmenter.head, of_pixels)
    _divide(model.classifier.linear, of_objects)
    return replace(pixels, logits=pixels.logits / np.float16(of_pixels)), replace(
        classes, logits=classes.logits / np.float32(of_objects)
    )


def temperature(logits: NDArray[np.floating], positive: NDArray[np.generic], negative: NDArray[np.generic]) -> float:
    """Give the T whose sigmoid(logit / T) has the smallest cross-entropy.

    Both classes count as if one more example of the other had been seen (Platt's targets), so that few and perfectly
    separated examples do not make it certain.

    Args:
        logits: (n,).
        positive, negative: How many of each class have that logit, (n,).

    Returns:
        In [`FINEST`, `COARSEST`]; 1 where either class is missing.

    Source:
        Guo et al. 2017, arXiv:1706.04599, section 4.2; targets of Platt 1999.
    """
    up, down = positive.astype(np.float64), negative.astype(np.float64)
    if not up.sum() or not down.sum():
        return 1.0
    high, low = (up.sum() + 1) / (up.sum() + 2), 1 / (down.sum() + 2)
    one, zero = up * high + down * low, up * (1 - high) + down * (1 - low)

    def loss(log_temperature: float) -> float:
        scaled = logits / math.exp(log_temperature)
        return float(np.sum(one * np.logaddexp(0, -scaled) + zero * np.logaddexp(0, scaled)))

    found = minimize_scalar(loss, bounds=(math.log(FINEST), math.log(COARSEST)), method="bounded")
    return math.exp(float(found.x))


@torch.no_grad()
def _divide(layer: nn.Conv2d | nn.Linear, by: float) -> None:
    layer.weight.div_(by)
    if layer.bias is not None:
        layer.bias.div_(by)
