"""Judge a model on the chips that were held out: their pixels and what they show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from icssn.metrics.intervals import home_blocks, low_and_high, standard_error, with_whole_landslides
from icssn.metrics.pixels import LEVELS, Confusion, average_precision, best_threshold, confusion, exceeds, levels
from icssn.nets.device import autocast
from icssn.nets.icssn import Icssn
from icssn.training.dataset import LANDSLIDE, POINT, ChipArrays, chip_kinds, gather
from icssn.training.objects import object_cells
from icssn.training.sheets import landslides_shown

LEAST_KNOWN = 0.5  # of a middle, for it to be told that it shows no landslide; as for training chips
PRIOR_LANDSLIDES = 4  # 2 and 8 do as well (decision 17)
_BATCH = 8  # chips at a time; fits any device that can train


@dataclass(frozen=True)
class PixelAnswers:
    """What a model says of the pixels of the validation chips, in the order of ``chips.validation``.

    Attributes:
        truth: 0 / 1 / 255 (unknown), uint8 (N, S, S).
        logits: Of "landslide", float16 (N, S, S): finer than the levels that probabilities are stored in.
        stands_for: How many squares of the held-out ground each chip stands for, (N,).
        landslides: Number of the landslide that each pixel belongs to which is one, see `sheets.landslides_shown`.
    """

    truth: NDArray[np.uint8]
    logits: NDArray[np.float16]
    stands_for: NDArray[np.float64]
    landslides: NDArray[np.int64]

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
        stands_for: How many squares of the held-out ground the chip of each stands for, (M,).
    """

    truth: NDArray[np.bool_]
    logits: NDArray[np.float32]
    stands_for: NDArray[np.float64]


def judge_pixels(answers: PixelAnswers) -> tuple[dict[str, float], list[Confusion]]:
    """Compare what a model says with the known pixels of all chips, pooled; each counts for as many as it stands for.

    Returns:
        ``val_f1``, ``val_iou``, ``val_precision`` and ``val_recall`` of landslide at ``val_threshold``, see
        `choose_threshold`; ``val_f1_low`` and ``val_f1_high``, the interval of 95 % over the chips, where there are
        `intervals.enough`; ``val_f1_half``, the F1 at .5; ``val_ap``, the average precision. And what was counted at
        the threshold in each chip, a landslide on several whole in the one that shows most of it (decision 26).
    """
    truth, scores, stands_for = answers.truth, answers.scores(), answers.stands_for
    threshold = choose_threshold(truth, scores, landslides=answers.landslides, stands_for=stands_for)
    each = _each_chip(truth, scores, threshold, answers.landslides)
    weighed = _weighed(each, stands_for)
    at_half = _weighed(_each_chip(truth, scores, 0.5, answers.landslides), stands_for)
    found = sum(weighed, start=Confusion())
    figures = {
        "val_f1": float(found.f1),
        **low_and_high("val_f1", weighed),
        "val_iou": float(found.iou),
        "val_precision": float(found.precision),
        "val_recall": float(found.recall),
        "val_f1_half": float(sum(at_half, start=Confusion()).f1),
        "val_ap": float(average_precision(truth, scores, weights=stands_for)),
        "val_threshold": float(threshold),
    }
    return figures, each


def choose_threshold(
    truth: NDArray[np.uint8],
    scores: NDArray[np.uint8],
    *,
    landslides: NDArray[np.int64] | None = None,
    stands_for: NDArray[np.float64] | None = None,
) -> float:
    """Give the probability from which on a pixel is to count as landslide (decision 17).

    The threshold with the highest F1 is a matter of luck where four landslides are held out. So this is the middle of
    those whose F1 is at most one standard error below the highest, over the chips; and that is drawn towards half of
    the highest F1, where calibrated probabilities have it, as if `PRIOR_LANDSLIDES` had been held out besides that say
    so. Where a hundred are held out, it is all but the threshold with the highest F1.

    Args:
        truth: 0 / 1 / 255, (N, S, S) or (N, pixels).
        scores: Probability in stored levels, likewise.
        landslides: As in `PixelAnswers`; where not given, one in each chip that shows any.
        stands_for: As in `PixelAnswers`; 1 each where not given.

    Returns:
        A multiple of 1 / 254 above 0; .5 where no chip shows a landslide.

    Source:
        Half of the highest F1: Lipton, Elkan & Narayanaswamy 2014, arXiv:1402.1892.
    """
    highest, f1 = best_threshold(truth, scores, weights=stands_for)
    if landslides is None:
        landslides = _chip_of_each(truth)
    shown = len(np.unique(landslides))
    if not shown:
        return highest
    middle = middle_threshold(truth, scores, landslides=landslides, stands_for=stands_for)
    drawn = (shown * middle + PRIOR_LANDSLIDES * f1 / 2) / (shown + PRIOR_LANDSLIDES)
    return max(round(drawn * LEVELS), 1) / LEVELS


def middle_threshold(
    truth: NDArray[np.uint8],
    scores: NDArray[np.uint8],
    *,
    landslides: NDArray[np.int64] | None = None,
    stands_for: NDArray[np.float64] | None = None,
) -> float:
    """Give the middle of the thresholds whose F1 is at most one standard error, over the chips, below the highest.

    Args:
        truth, scores, landslides, stands_for: As for `choose_threshold`, of one chip at least.

    Returns:
        A multiple of 1 / 254 above 0; .5 where no chip shows a landslide.

    Source:
        The one-standard-error rule of Breiman, Friedman, Olshen & Stone 1984, "Classification and Regression Trees",
        section 3.4.3.
    """
    highest, _ = best_threshold(truth, scores, weights=stands_for)
    doubt = standard_error(_weighed(_each_chip(truth, scores, highest, landslides), stands_for))
    return best_threshold(truth, scores, within=doubt, weights=stands_for)[0]


def _each_chip(
    truth: NDArray[np.uint8], scores: NDArray[np.uint8], threshold: float, landslides: NDArray[np.int64] | None
) -> list[Confusion]:
    """Count each chip's pixels, a landslide whole in the chip that shows most of it where it is told which is which."""
    marked = exceeds(scores, threshold)
    ground = [confusion(*pair) for pair in zip(truth, marked, strict=True)]
    if landslides is None:
        return ground
    return with_whole_landslides(ground, home_blocks(landslides, _chip_of_each(truth)), marked[truth == 1])


def _chip_of_each(truth: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Give the number of the chip of each pixel that is landslide, in their order."""
    return np.repeat(np.arange(len(truth)), [int((chip == 1).sum()) for chip in truth])


def _weighed(each: list[Confusion], stands_for: NDArray[np.float64] | None) -> list[Confusion]:
    if stands_for is None:
        return each
    return [of_chip.times(float(weight)) for of_chip, weight in zip(each, stands_for, strict=True)]


def judge_classes(answers: ClassAnswers) -> dict[str, float]:
    """Compare the classifier with what the held-out objects are: landslides by their outline, or ground without any.

    Each counts for as many as its chip stands for.

    Returns:
        ``cls_accuracy`` and ``cls_f1`` of landslide at a probability of .5, and ``cls_loss`` in nats; what they are
        made of: ``cls_tp cls_fp cls_fn cls_tn``, objects; and ``cls_prevalence`` of landslide.
    """
    truth, stands_for, probability = answers.truth, answers.stands_for, expit(answers.logits)
    nats = -np.log(np.clip(np.where(truth, probability, 1 - probability), 1e-7, 1))
    counted = Confusion()
    for weight in np.unique(stands_for):  # together: one object's weight by itself is no whole number
        of = stands_for == weight
        counted += confusion(truth[of].astype(np.uint8), probability[of] >= 0.5).times(float(weight))
    return {
        "cls_accuracy": counted.accuracy,
        "cls_f1": counted.f1,
        "cls_loss": float(np.average(nats, weights=stands_for.astype(nats.dtype))) if len(nats) else 0.0,
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
    truth = np.asarray(chips.masks[chips.validation])
    judged = [chips.manifest.chips[int(index)] for index in chips.validation]
    return PixelAnswers(truth, logits, _stands_for(chips), landslides=landslides_shown(truth, judged))


@torch.inference_mode()
def ask_classes(
    model: Icssn, chips: ChipArrays, *, size_px: int, min_fraction: float, device: torch.device
) -> ClassAnswers:
    """Let the classifier look at the object in the middles of the validation chips, see `objects.object_cells`.

    Only those are asked of which the labels say what they show: a landslide that covers `min_fraction` of the middle,
    or ground of which half is known and nothing is, or may be, a landslide.

    Args:
        size_px: Side of the middle.
        min_fraction: Of the middle that a landslide covers at least.
    """
    model.eval()
    truths, scores, asked = [np.zeros(0, np.bool_)], [np.zeros(0, np.float32)], [np.zeros(0, np.bool_)]
    border = (chips.stored_px - size_px) // 2
    middle = slice(border, border + size_px)
    for start in range(0, len(chips.validation), _BATCH):
        indices = chips.validation[start : start + _BATCH]
        images, masks = gather(chips, indices, device=device)
        kinds = chip_kinds(chips.manifest, indices).to(device)
        known = masks[:, middle, middle]
        shown = _told(kinds, known, min_fraction=min_fraction)
        weights = object_cells(known, shown, stride=model.stride)
        seen = images[:, :, middle, middle].contiguous(memory_format=torch.channels_last)
        with autocast(device):
            logits, _ = model.classify(seen, weights)
        told = (shown >= 0).cpu().numpy()
        truths.append((shown == LANDSLIDE).cpu().numpy()[told])
        scores.append(logits.float().cpu().numpy()[told])
        asked.append(told)
    return ClassAnswers(np.concatenate(truths), np.concatenate(scores), _stands_for(chips)[np.concatenate(asked)])


def _stands_for(chips: ChipArrays) -> NDArray[np.float64]:
    """Give how many squares of the held-out ground each validation chip stands for, (N,)."""
    return np.array([chips.manifest.chips[int(index)].stands_for for index in chips.validation], np.float64)


def _told(kinds: Tensor, known: Tensor, *, min_fraction: float) -> Tensor:
    """Give the class numbers of what middles show, (N,); -1 where their masks (N, H, W) do not say."""
    landslide = (known == 1).float().mean((1, 2))
    possible = (kinds == POINT) | (kinds == LANDSLIDE)  # of the latter no pixel is known: it lies on nodata, or aside
    ground = (landslide == 0) & ~possible & ((known == 0).float().mean((1, 2)) >= LEAST_KNOWN)
    other = torch.where(ground, kinds, -1)
    return torch.where((landslide > 0) & (landslide >= min_fraction), LANDSLIDE, other)
