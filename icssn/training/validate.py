"""Judge a model on the chips that were held out: their pixels and the chips as objects."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from icssn.metrics.intervals import block_bootstrap
from icssn.metrics.pixels import Confusion, average_precision, best_threshold, confusion, exceeds, levels
from icssn.nets.device import autocast
from icssn.nets.icssn import Icssn
from icssn.training.dataset import LANDSLIDE, ChipArrays, chip_kinds, gather, view_kinds

_BATCH = 8  # chips at a time; fits any device that can train


def validate_pixels(
    model: Icssn, chips: ChipArrays, *, device: torch.device
) -> tuple[dict[str, float], list[Confusion]]:
    """Compare scores with the known pixels of all validation chips, pooled.

    Returns:
        ``val_f1``, ``val_iou``, ``val_precision`` and ``val_recall`` of landslide at ``val_threshold``, which is
        chosen for the best F1; ``val_f1_low`` and ``val_f1_high``, the interval of 95 % over the chips;
        ``val_f1_half``, the F1 at .5; ``val_ap``, the average precision. And what was counted at the threshold in each
        chip, in the order of ``chips.validation``.
    """
    return judge_pixels(*pixel_scores(model, chips, device=device))


def judge_pixels(truth: NDArray[np.uint8], scores: NDArray[np.uint8]) -> tuple[dict[str, float], list[Confusion]]:
    """Do the same for scores that are there already, as `pixel_scores` gives them."""
    threshold, f1 = best_threshold(truth, scores)
    predicted = exceeds(scores, threshold)
    found = confusion(truth, predicted)
    each = [confusion(*pair) for pair in zip(truth, predicted, strict=True)]
    low, high = block_bootstrap(each) if each else (0.0, 0.0)
    figures = {
        "val_f1": float(f1),
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


def validate_classes(
    model: Icssn, chips: ChipArrays, *, size_px: int, min_fraction: float, device: torch.device
) -> dict[str, float]:
    """Compare the classifier with what the middles of the validation chips show.

    Returns:
        ``cls_accuracy`` and ``cls_f1`` of landslide at a probability of .5, and ``cls_loss`` in nats; what they are
        made of: ``cls_tp cls_fp cls_fn cls_tn``, chips; and ``cls_prevalence`` of landslide.
    """
    truth, probability = class_scores(model, chips, size_px=size_px, min_fraction=min_fraction, device=device)
    right = np.where(truth, probability, 1 - probability)
    chips_of = confusion(truth.astype(np.uint8), probability >= 0.5)
    return {
        "cls_accuracy": chips_of.accuracy,
        "cls_f1": chips_of.f1,
        "cls_loss": float(-np.log(np.clip(right, 1e-7, 1)).mean()) if len(right) else 0.0,
        "cls_prevalence": chips_of.prevalence,
        "cls_tp": float(chips_of.tp),
        "cls_fp": float(chips_of.fp),
        "cls_fn": float(chips_of.fn),
        "cls_tn": float(chips_of.tn),
    }


def pixel_scores(
    model: Icssn, chips: ChipArrays, *, device: torch.device
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Give the truth (0 / 1 / 255) and the probability in stored levels of the validation chips, (N, S, S) each."""
    truths = [np.zeros((0, chips.stored_px, chips.stored_px), np.uint8)]
    scores = [np.zeros((0, chips.stored_px, chips.stored_px), np.uint8)]
    for truth, logits in pixel_logits(model, chips, device=device):
        truths.append(truth)
        scores.append(levels(expit(logits)))
    return np.concatenate(truths), np.concatenate(scores)


def pixel_logits(
    model: Icssn, chips: ChipArrays, *, device: torch.device
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Give truth (0 / 1 / 255) and logit of the validation chips a few at a time, (n, S, S) each."""
    model.eval()
    for start in range(0, len(chips.validation), _BATCH):
        indices = chips.validation[start : start + _BATCH]
        images, _ = gather(chips, indices, device=device)
        with torch.inference_mode(), autocast(device):
            logits, _ = model.segment(images.contiguous(memory_format=torch.channels_last))
        yield np.asarray(chips.masks[indices]), logits.float().cpu().numpy()


@torch.inference_mode()
def class_scores(
    model: Icssn, chips: ChipArrays, *, size_px: int, min_fraction: float, device: torch.device
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Give truth and probability of "landslide" for the validation chips whose middle shows enough to say, (N,)."""
    model.eval()
    truths, scores = [np.zeros(0, np.bool_)], [np.zeros(0, np.float32)]
    border = (chips.stored_px - size_px) // 2
    middle = slice(border, border + size_px)
    for start in range(0, len(chips.validation), _BATCH):
        indices = chips.validation[start : start + _BATCH]
        images, masks = gather(chips, indices, device=device)
        kinds = chip_kinds(chips.manifest, indices).to(device)
        shown = view_kinds(kinds, masks[:, middle, middle], masks, min_fraction=min_fraction)
        with autocast(device):
            logits, _ = model.classify(images[:, :, middle, middle].contiguous(memory_format=torch.channels_last))
        told = (shown >= 0).cpu().numpy()
        truths.append((shown == LANDSLIDE).cpu().numpy()[told])
        scores.append(logits.float().sigmoid().cpu().numpy()[told])
    return np.concatenate(truths), np.concatenate(scores)
