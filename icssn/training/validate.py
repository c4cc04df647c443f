"""Judge a model on the chips that were held out: their pixels and what they show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from icssn.metrics.intervals import block_bootstrap, standard_error
from icssn.metrics.pixels import LEVELS, Confusion, average_precision, best_threshold, confusion, exceeds, levels
from icssn.nets.device import autocast
from icssn.nets.icssn import Icssn
from icssn.training.dataset import LANDSLIDE, ChipArrays, chip_kinds, gather, view_kinds
from icssn.training.objects import object_cells

PRIOR_LANDSLIDES = 4  # 2 and 8 do as well (decision 17)
_BATCH = 8  # chips at a time; fits any device that can train


@dataclass(frozen=True)
class PixelAnswers:
    """What a model says of the pixels of the validation chips, in the order of ``chips.validation``.

    Attributes:
        truth: 0 / 1 / 255 (unknown), uint8 (N, S, S).
        logits: Of "landslide", float16 (N, S, S): finer than the levels that probabilities are stored in.
    """

    truth: NDArray[np.uint8]
    logits: NDArray[np.float16]

    def scores(self) -> NDArray[np.uint8]:
        """Give the probabilities in stored levels, (N, S, S)."""
        found = np.zeros_like(self.truth)
        for score, chip in zip(found, self.logits, strict=True):
            score[:] = levels(expit(chip.astype(np.float32)))
        return found


@dataclass(frozen=True)
class ClassAnswers:
    """What a model says of the objects in the validation chips whose middle shows enough to say.

    Attributes:
        truth: Whether it is a landslide, bool (M,).
        logits: Of "landslide", float32 (M,).
    """

    truth: NDArray[np.bool_]
    logits: NDArray[np.float32]


def judge_pixels(truth: NDArray[np.uint8], scores: NDArray[np.uint8]) -> tuple[dict[str, float], list[Confusion]]:
    """Compare scores with the known pixels of all chips, pooled.

    Args:
        truth: 0 / 1 / 255, (N, S, S).
        scores: Probability in stored levels, (N, S, S).

    Returns:
        ``val_f1``, ``val_iou``, ``val_precision`` and ``val_recall`` of landslide at ``val_threshold``, see
        `choose_threshold`; ``val_f1_low`` and ``val_f1_high``, the interval of 95 % over the chips;
        ``val_f1_half``, the F1 at .5; ``val_ap``, the average precision. And what was counted at the threshold in each
        chip.
    """
    threshold = choose_threshold(truth, scores)
    found = confusion(truth, exceeds(scores, threshold))
    each = _each_chip(truth, scores, threshold)
    low, high = block_bootstrap(each) if each else (0.0, 0.0)
    figures = {
        "val_f1": float(found.f1),
        "val_f1_low": low,
        "val_f1_high": high,
        "val_iou": float(found.iou),
        "val_precision": float(found.precision),
        "val_recall": float(found.recall),
        "val_f1_half": float(confusion(truth, exceeds(scores, 0.5)).f1),
        "val_ap": float(average_precision(truth, scores)),
        "val_threshold": float(threshold),
    }
    return figures, each


def choose_threshold(truth: NDArray[np.uint8], scores: NDArray[np.uint8]) -> float:
    """Give the probability from which on a pixel is to count as landslide (decision 17).

    The threshold with the highest F1 is a matter of luck where four landslides are held out. So this is the middle of
    those whose F1 is at most one standard error below the highest, over the chips; and that is drawn towards half of
    the highest F1, where calibrated probabilities have it, as if `PRIOR_LANDSLIDES` had been held out besides that say
    so. Where a hundred are held out, it is all but the threshold with the highest F1.

    Args:
        truth, scores: As for `judge_pixels`.

    Returns:
        A multiple of 1 / 254 above 0; .5 where no chip shows a landslide.

    Source:
        Half of the highest F1: Lipton, Elkan & Narayanaswamy 2014, arXiv:1402.1892.
    """
    highest, f1 = best_threshold(truth, scores)
    shown = sum(bool((chip == 1).any()) for chip in truth)
    if not shown:
        return highest
    middle = middle_threshold(truth, scores)
    drawn = (shown * middle + PRIOR_LANDSLIDES * f1 / 2) / (shown + PRIOR_LANDSLIDES)
    return max(round(drawn * LEVELS), 1) / LEVELS


def middle_threshold(truth: NDArray[np.uint8], scores: NDArray[np.uint8]) -> float:
    """Give the middle of the thresholds whose F1 is at most one standard error, over the chips, below the highest.

    Args:
        truth, scores: As for `judge_pixels`, of one chip at least.

    Returns:
        A multiple of 1 / 254 above 0; .5 where no chip shows a landslide.

    Source:
        The one-standard-error rule of Breiman, Friedman, Olshen & Stone 1984, "Classification and Regression Trees",
        section 3.4.3.
    """
    highest, _ = best_threshold(truth, scores)
    return best_threshold(truth, scores, within=standard_error(_each_chip(truth, scores, highest)))[0]


def _each_chip(truth: NDArray[np.uint8], scores: NDArray[np.uint8], threshold: float) -> list[Confusion]:
    return [confusion(*pair) for pair in zip(truth, exceeds(scores, threshold), strict=True)]


def judge_classes(answers: ClassAnswers) -> dict[str, float]:
    """Compare the classifier with what the held-out objects are: landslides by their outline, or ground without any.

    Returns:
        ``cls_accuracy`` and ``cls_f1`` of landslide at a probability of .5, and ``cls_loss`` in nats; what they are
        made of: ``cls_tp cls_fp cls_fn cls_tn``, objects; and ``cls_prevalence`` of landslide.
    """
    truth, probability = answers.truth, expit(answers.logits)
    right = np.where(truth, probability, 1 - probability)
    counted = confusion(truth.astype(np.uint8), probability >= 0.5)
    return {
        "cls_accuracy": counted.accuracy,
        "cls_f1": counted.f1,
        "cls_loss": float(-np.log(np.clip(right, 1e-7, 1)).mean()) if len(right) else 0.0,
        "cls_prevalence": counted.prevalence,
        "cls_tp": float(counted.tp),
        "cls_fp": float(counted.fp),
        "cls_fn": float(counted.fn),
        "cls_tn": float(counted.tn),
    }


def ask_pixels(model: Icssn, chips: ChipArrays, *, device: torch.device) -> PixelAnswers:
    """Let the segmenter look at the validation chips."""
    model.eval()
    side = chips.stored_px
    logits = np.zeros((len(chips.validation), side, side), np.float16)
    for start in range(0, len(logits), _BATCH):
        images, _ = gather(chips, chips.validation[start : start + _BATCH], device=device)
        with torch.inference_mode(), autocast(device):
            answers, _ = model.segment(images.contiguous(memory_format=torch.channels_last))
        logits[start : start + _BATCH] = answers.float().cpu().numpy()
    return PixelAnswers(np.asarray(chips.masks[chips.validation]), logits)


@torch.inference_mode()
def ask_classes(
    model: Icssn, chips: ChipArrays, *, size_px: int, min_fraction: float, device: torch.device
) -> ClassAnswers:
    """Let the classifier look at the object in the middles of the validation chips, see `objects.object_cells`.

    Args:
        size_px: Side of the middle.
        min_fraction: Of landslide, below which a middle is none.
    """
    model.eval()
    truths, scores = [np.zeros(0, np.bool_)], [np.zeros(0, np.float32)]
    border = (chips.stored_px - size_px) // 2
    middle = slice(border, border + size_px)
    for start in range(0, len(chips.validation), _BATCH):
        indices = chips.validation[start : start + _BATCH]
        images, masks = gather(chips, indices, device=device)
        kinds = chip_kinds(chips.manifest, indices).to(device)
        shown = view_kinds(kinds, masks[:, middle, middle], masks, min_fraction=min_fraction)
        weights = object_cells(masks[:, middle, middle], shown, stride=model.stride)
        seen = images[:, :, middle, middle].contiguous(memory_format=torch.channels_last)
        with autocast(device):
            logits, _ = model.classify(seen, weights)
        told = (shown >= 0).cpu().numpy()
        truths.append((shown == LANDSLIDE).cpu().numpy()[told])
        scores.append(logits.float().cpu().numpy()[told])
    return ClassAnswers(np.concatenate(truths), np.concatenate(scores))
