"""Cross-validation of one scene over spatial blocks, and beside it the score that a random split would have claimed.

Each fold hides one block: its labels, and all that lie within one chip of it, are taken away before anything is cut,
so that neither training nor the choice of thresholds can know them. The block is judged afterwards, once. Points of
other blocks are learned from; the ground around a point is neither learned nor judged, in whichever block it lies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window
from scipy.special import expit, logit
from shapely.affinity import affine_transform
from shapely.geometry import box

from icssn.chips import cut
from icssn.chips.blocks import split_into_blocks, surveyed, without
from icssn.chips.ground import IGNORE, SPOT, survey, to_lonlat
from icssn.chips.split import Rectangle
from icssn.config import MIN_OBJECT_PX, InferenceConfig, TrainConfig
from icssn.durable import write_text
from icssn.errors import CancelledError
from icssn.inference.predict import predict_scene
from icssn.metrics.pixels import LEVELS, count_levels, curve, exceeds, levels
from icssn.metrics.report import judge
from icssn.records import Dispute, Manifest, Progress
from icssn.review.disputes import doubted_ground, doubted_labels
from icssn.training import rounds

MOST_DISPUTES = 50  # of labels, and of ground: a list that is looked through in half an hour
_CUT, _TRAINED = 0.02, 0.9  # shares of the work: cutting all chips; training within one fold
_BELOW = -0.01  # a logit below that of .5, by just enough for `levels` to tell: 126.4 of 254
_AT_RANDOM = "-at-random"  # what the fingerprint of chips split at random ends in

Report = Callable[[Progress], None]
Stop = Callable[[], bool]


def cross_validate(
    source: cut.ChipSource, folder: Path, *, config: TrainConfig, folds: int, report: Report, stop: Stop
) -> dict[str, Any]:
    """Judge the method on every labelled block of a scene, each by a model that never saw it.

    Args:
        source: The scene; all of its labels.
        folder: For chips, runs and predictions; a stopped cross-validation goes on from there.
        folds: Blocks, >= 2; as many trainings, and one more for the random split.

    Returns:
        ``blocks``: figures of `metrics.report.judge` over all blocks together, their intervals over blocks of
        pixels. Scores of different folds are made comparable by moving each fold's own threshold to .5; so there is no
        ``ece``, and ``average_precision`` and ``best_f1`` are those of `ranked`. ``folds``: rectangle, validation F1
        and F1 of each. ``random_split_f1``: what validation says when chips are split at random, so that neighbours
        know each other: too good to be true, and shown for that. ``disputes``: labels that the models of their fold do
        not find, then landslides that they see on ground labelled as background; as `records.Dispute`, the surest
        first, at most `MOST_DISPUTES` of each.

    Raises:
        NotTrainableError: What is left of the labels in a fold does not suffice, or no blocks can be made.
        CancelledError: `stop` was true.
    """
    rectangles = split_into_blocks(source, folds)
    ground = surveyed(source, config.chips)
    shape = source.facts.height, source.facts.width
    truth, found, plain = (np.full(shape, IGNORE, np.uint8) for _ in range(3))
    told, counted = [], []
    course = _Course(report, stop, folds + 1)
    places = [folder / f"fold-{number + 1}" for number in range(folds)]
    for number, (rectangle, fold) in enumerate(zip(rectangles, places, strict=True)):  # before hours are spent
        hidden = without(source, rectangle, config=config.chips)
        _cut(hidden, fold, config, course.cutting(number))
    _cut(source, folder / "random-split", config, course.cutting(folds), random_split=True)
    for number, (rectangle, fold) in enumerate(zip(rectangles, places, strict=True)):
        result = _train(fold, config, course.training(number), stop)
        probability = _predict(
            source,
            rectangle,
            result.last,
            out=fold / "prediction",
            config=InferenceConfig(device=config.device, most_hints=0),  # judged are pixels
            report=course.predicting(number),
            stop=stop,
        )
        col, row, width, height = rectangle
        block = np.s_[row : row + height, col : col + width]
        mask = ground.mask(Window(*rectangle))
        truth[block] = np.where(mask == SPOT, IGNORE, mask)  # judged are outlines
        found[block] = aligned(probability, threshold=result.last.threshold)
        plain[block] = probability
        counted.append((result.last.threshold, count_levels(truth[block], plain[block])))
        judged = _judge(truth[block], found[block], source)
        told.append({"rectangle_px": rectangle, "val_f1": result.last.metrics["val_f1"], "f1": judged.get("f1")})
    result = _train(folder / "random-split", config, course.training(folds), stop)
    return {
        "blocks": _judge(truth, found, source) | ranked(counted),
        "folds": told,
        "random_split_f1": result.last.metrics["val_f1"],
        "disputes": [dispute.model_dump(mode="json") for dispute in _disputes(source, truth, plain, found)],
    }


def aligned(probability: NDArray[np.uint8], *, threshold: float) -> NDArray[np.uint8]:
    """Move the logits of stored probabilities so that `threshold` becomes .5; 255 stays 255.

    On the side of the threshold that had more than half of the levels, some become one: see `ranked`.
    """
    table = np.append(levels(expit(_moved(threshold))), np.uint8(IGNORE))
    return table[probability]


def ranked(counted: Sequence[tuple[float, NDArray[np.int64]]]) -> dict[str, float]:
    """Give ``average_precision`` and ``best_f1``, as `metrics.pixels` does, over folds with a threshold each.

    Every level of every fold counts by itself, where those that `aligned` gives are too few to tell them all apart.

    Args:
        counted: Of each fold its threshold, and how often each level occurs (`metrics.pixels.count_levels`).

    Returns:
        In [0, 1]; nothing where there is no landslide.
    """
    falling = -np.concatenate([_moved(threshold) for threshold, _ in counted])
    _, place = np.unique(falling, return_inverse=True)
    background, landslide = np.concatenate([count for _, count in counted], axis=1)
    fp, tp = (np.cumsum(np.bincount(place, weights=count)) for count in (background, landslide))
    if not tp[-1]:
        return {}
    area, f1 = curve(tp, fp)
    return {"average_precision": area, "best_f1": float(f1.max())}


def at_random(manifest: Manifest) -> Manifest:
    """Give the same chips with training and validation drawn anew, without regard to where they lie.

    Each then stands for itself alone.
    """
    chance = np.random.default_rng(manifest.seed)
    drawn = chance.permutation([chip.split for chip in manifest.chips])
    chips = [
        chip.model_copy(update={"split": str(split), "stands_for": 1.0})
        for chip, split in zip(manifest.chips, drawn, strict=True)
    ]
    return manifest.model_copy(update={"chips": tuple(chips), "fingerprint": manifest.fingerprint + _AT_RANDOM})


def _cut(
    source: cut.ChipSource, folder: Path, config: TrainConfig, report: Report, *, random_split: bool = False
) -> None:
    chips = folder / "chips"
    if not (chips / cut.MANIFEST).exists():
        cut.cut([source], chips, config=config.chips, seed=config.seed, terrain=config.encoder.terrain, report=report)
    if random_split:
        manifest, *_ = cut.load(chips)
        if not manifest.fingerprint.endswith(_AT_RANDOM):  # else an earlier attempt came as far as this
            write_text(chips / cut.MANIFEST, json.dumps(at_random(manifest).model_dump(mode="json")))


def _train(folder: Path, config: TrainConfig, report: Report, stop: Stop) -> rounds.TrainResult:
    chips, config = folder / "chips", config.model_copy(update={"looks": ()})  # nobody watches a fold
    return rounds.train(folder, chips, config=config, parent=None, report=report, on_round=lambda _: None, stop=stop)


def _predict(
    source: cut.ChipSource,
    rectangle: Rectangle,
    offered: rounds.RoundResult,
    *,
    out: Path,
    config: InferenceConfig,
    report: Report,
    stop: Stop,
) -> NDArray[np.uint8]:
    """Give the probability in stored levels of a rectangle, (H, W); what lies around it is seen, and not predicted."""
    col, row, width, height = rectangle
    a, b, c, d, e, f = source.facts.transform
    done = predict_scene(
        source.raster,
        facts=source.facts,
        dem=source.dem,
        checkpoint=offered.folder,
        out=out,
        config=config,
        report=report,
        stop=stop,
        region=affine_transform(box(col, row, col + width, row + height), [a, b, d, e, c, f]),
    )
    with rasterio.open(done.probability) as dataset:
        values: NDArray[np.uint8] = dataset.read(1, window=Window(*rectangle))
    return values


def _disputes(
    source: cut.ChipSource, truth: NDArray[np.uint8], probability: NDArray[np.uint8], found: NDArray[np.uint8]
) -> list[Dispute]:
    mask = exceeds(found, 0.5)
    versions = {label.uid: label.version for label in source.labels}
    of_labels = doubted_labels(survey(source.labels, source.facts).landslides, probability, mask)
    of_ground = doubted_ground(truth, probability, mask)
    return [
        Dispute(
            uid=doubt.uid,
            version=versions.get(doubt.uid, 0),
            geometry_lonlat=to_lonlat(doubt.outline_px, source.facts),
            probability=doubt.probability,
            found=doubt.found,
        )
        for doubt in (*of_labels[:MOST_DISPUTES], *of_ground[:MOST_DISPUTES])
    ]


def _judge(truth: NDArray[np.uint8], found: NDArray[np.uint8], source: cut.ChipSource) -> dict[str, float]:
    figures = judge(
        truth,
        found,
        threshold=0.5,
        min_object_px=MIN_OBJECT_PX,
        pixel_size_m=source.facts.pixel_size_m,
    )
    return {name: value for name, value in figures.items() if name not in ("ece", "threshold", "best_threshold")}


def _moved(threshold: float) -> NDArray[np.float64]:
    """Give the logits of all levels, (255,), moved so that those from the threshold on are 0 and more."""
    stored = np.arange(LEVELS + 1, dtype=np.uint8)
    moved: NDArray[np.float64] = logit((stored + 0.5) / (LEVELS + 1)) - logit(np.clip(threshold, 1e-3, 1 - 1e-3))
    return np.asarray(np.where(exceeds(stored, threshold), np.maximum(moved, 0), np.minimum(moved, _BELOW)))


class _Course:
    """Tells how far a cross-validation is, and how long it may still take: one fold is as much work as another."""

    def __init__(self, report: Report, stop: Stop, count: int) -> None:
        self._report, self._stop, self._count = report, stop, count
        self._training_s: float | None = None  # of one fold, as it goes now

    def cutting(self, number: int) -> Report:
        def tell(progress: Progress) -> None:
            if self._stop():
                raise CancelledError("The cross-validation")
            self._tell(number, progress, fraction=_CUT * (number + progress.fraction) / self._count)

        return tell

    def training(self, number: int) -> Report:
        def tell(progress: Progress) -> None:
            if progress.remaining_s is not None and progress.fraction < 1:
                self._training_s = progress.remaining_s / (1 - progress.fraction)
            left_s = self._training_s if progress.remaining_s is None else progress.remaining_s
            share = _TRAINED * progress.fraction
            self._tell(
                number, progress.model_copy(update={"remaining_s": left_s}), fraction=self._within(number, share)
            )

        return tell

    def predicting(self, number: int) -> Report:
        def tell(progress: Progress) -> None:
            share = _TRAINED + (1 - _TRAINED) * progress.fraction
            self._tell(number, progress, fraction=self._within(number, share))

        return tell

    def _within(self, number: int, share: float) -> float:
        return _CUT + (1 - _CUT) * (number + share) / self._count

    def _tell(self, number: int, progress: Progress, *, fraction: float) -> None:
        later_s = None if self._training_s is None else self._training_s * (self._count - number - 1)
        remaining_s = None if later_s is None else later_s + (progress.remaining_s or 0.0)
        message = f"fold {number + 1} of {self._count} · {progress.message}"
        whole = {"fraction": fraction, "message": message, "remaining_s": remaining_s}
        self._report(progress.model_copy(update=whole))
