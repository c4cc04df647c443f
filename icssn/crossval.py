"""Cross-validation of one scene over spatial blocks, and beside it the score that a random split would have claimed.

Each fold hides one block: its labels, and all that lie within one chip of it, are taken away before anything is cut,
so that neither training nor the choice of thresholds can know them. The block is judged afterwards, once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.windows import Window
from scipy.special import expit, logit

from icssn.chips import cut
from icssn.chips.ground import IGNORE, survey, to_lonlat
from icssn.chips.split import Rectangle, grown
from icssn.config import MIN_OBJECT_PX, InferenceConfig, TrainConfig
from icssn.durable import write_text
from icssn.errors import CancelledError, NotTrainableError
from icssn.geo import shapes
from icssn.inference.predict import predict_scene
from icssn.metrics.pixels import LEVELS, exceeds, levels
from icssn.metrics.report import judge
from icssn.records import Dispute, Manifest, Progress
from icssn.review.disputes import doubted_ground, doubted_labels
from icssn.training import rounds

MOST_DISPUTES = 50  # of labels, and of ground: a list that is looked through in half an hour
_CUT, _TRAINED = 0.02, 0.9  # shares of the work: cutting all chips; training within one fold

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
        ``ece``. ``folds``: rectangle, validation F1 and F1 of each. ``random_split_f1``: what validation says when
        chips are split at random, so that neighbours know each other: too good to be true, and shown for that.
        ``disputes``: labels that the models of their fold do not find, then landslides that they see on ground
        labelled as background; as `records.Dispute`, the surest first, at most `MOST_DISPUTES` of each.

    Raises:
        NotTrainableError: What is left of the labels in a fold does not suffice.
        CancelledError: `stop` was true.
    """
    rectangles = split_into_blocks(source, folds)
    ground = survey(source.labels, source.facts)
    shape = source.facts.height, source.facts.width
    truth, found, plain = (np.full(shape, IGNORE, np.uint8) for _ in range(3))
    told = []
    course = _Course(report, stop, folds + 1)
    places = [folder / f"fold-{number + 1}" for number in range(folds)]
    for number, (rectangle, fold) in enumerate(zip(rectangles, places, strict=True)):  # before hours are spent
        hidden = without(source, rectangle, buffer_px=config.chips.buffer_px)
        _cut(hidden, fold, config, course.cutting(number))
    _cut(source, folder / "random-split", config, course.cutting(folds), split=at_random)
    for number, (rectangle, fold) in enumerate(zip(rectangles, places, strict=True)):
        result = _train(fold, config, course.training(number), stop)
        probability = _predict(source, result.last, fold, course.predicting(number), stop)
        col, row, width, height = rectangle
        block = np.s_[row : row + height, col : col + width]
        truth[block] = ground.mask(Window(col, row, width, height))
        found[block] = aligned(probability[block], threshold=result.last.threshold)
        plain[block] = probability[block]
        judged = _judge(truth[block], found[block], source)
        told.append({"rectangle_px": rectangle, "val_f1": result.last.metrics["val_f1"], "f1": judged.get("f1")})
    result = _train(folder / "random-split", config, course.training(folds), stop)
    return {
        "blocks": _judge(truth, found, source),
        "folds": told,
        "random_split_f1": result.last.metrics["val_f1"],
        "disputes": [dispute.model_dump(mode="json") for dispute in _disputes(source, truth, plain, found)],
    }


def split_into_blocks(source: cut.ChipSource, count: int) -> list[Rectangle]:
    """Divide the labelled ground into `count` rectangles with about as many landslides each, always the longer side.

    Raises:
        NotTrainableError: There are fewer than two landslides for each.
    """
    ground = survey(source.labels, source.facts)
    centres = np.array([(g.centroid.x, g.centroid.y) for g in ground.landslides.values()]).reshape(-1, 2)
    if len(centres) < 2 * count:
        raise NotTrainableError(
            [f"{count} folds need at least {2 * count} labelled landslides, but there are {len(centres)}."]
        )
    west, north, east, south = shapely.total_bounds([ground.background, *ground.landslides.values()])
    left, top = int(np.floor(west)), int(np.floor(north))
    whole = (left, top, int(np.ceil(east)) - left, int(np.ceil(south)) - top)
    return _halved(whole, centres, count)


def without(source: cut.ChipSource, rectangle: Rectangle, *, buffer_px: int) -> cut.ChipSource:
    """Give the scene as if nothing had been labelled in a rectangle and nearer to it than the buffer."""
    hidden = to_lonlat(shapely.segmentize(grown(rectangle, buffer_px), 64), source.facts)
    kept = []
    for label in source.labels:
        rest, _ = shapes.repair(label.geometry_lonlat.difference(hidden))
        if not rest.is_empty:
            kept.append(label.model_copy(update={"geometry_lonlat": rest}))
    return replace(source, labels=kept, validation_bounds_px=None)


def aligned(probability: NDArray[np.uint8], *, threshold: float) -> NDArray[np.uint8]:
    """Move the logits of stored probabilities so that `threshold` becomes .5; 255 stays 255."""
    values = (probability.astype(np.float64) + 0.5) / (LEVELS + 1)
    moved = levels(expit(logit(values) - logit(np.clip(threshold, 1e-3, 1 - 1e-3))))
    at_least = probability >= np.ceil(threshold * LEVELS - 1e-4)
    half = LEVELS // 2
    moved = np.where(at_least, np.maximum(moved, half), np.minimum(moved, half - 1)).astype(np.uint8)
    return np.where(probability == IGNORE, np.uint8(IGNORE), moved)


def at_random(manifest: Manifest) -> Manifest:
    """Give the same chips with training and validation drawn anew, without regard to where they lie."""
    chance = np.random.default_rng(manifest.seed)
    drawn = chance.permutation([chip.split for chip in manifest.chips])
    chips = [chip.model_copy(update={"split": str(split)}) for chip, split in zip(manifest.chips, drawn, strict=True)]
    return manifest.model_copy(update={"chips": tuple(chips), "fingerprint": f"{manifest.fingerprint}-at-random"})


def _cut(
    source: cut.ChipSource,
    folder: Path,
    config: TrainConfig,
    report: Report,
    *,
    split: Callable[[Manifest], Manifest] | None = None,
) -> None:
    chips = folder / "chips"
    if not (chips / cut.MANIFEST).exists():
        manifest = cut.cut(
            [source], chips, config=config.chips, seed=config.seed, terrain=config.encoder.terrain, report=report
        )
        if split:
            write_text(chips / cut.MANIFEST, json.dumps(split(manifest).model_dump(mode="json")))


def _train(folder: Path, config: TrainConfig, report: Report, stop: Stop) -> rounds.TrainResult:
    chips = folder / "chips"
    return rounds.train(folder, chips, config=config, parent=None, report=report, on_round=lambda _: None, stop=stop)


def _predict(
    source: cut.ChipSource, offered: rounds.RoundResult, folder: Path, report: Report, stop: Stop
) -> NDArray[np.uint8]:
    config = InferenceConfig()
    done = predict_scene(
        source.raster,
        facts=source.facts,
        dem=source.dem,
        checkpoint=offered.folder,
        out=folder / "prediction",
        config=config,
        report=report,
        stop=stop,
    )
    with rasterio.open(done.probability) as dataset:
        values: NDArray[np.uint8] = dataset.read(1)
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


def _halved(rectangle: Rectangle, centres: NDArray[np.float64], count: int) -> list[Rectangle]:
    if count == 1:
        return [rectangle]
    col, row, width, height = rectangle
    axis, start, length = (0, col, width) if width >= height else (1, row, height)
    first = count // 2
    along = np.sort(centres[:, axis])
    place = round(len(along) * first / count)
    edge = round(float(along[place - 1] + along[place]) / 2)
    edge = int(np.clip(edge, start + 1, start + length - 1))
    low = centres[:, axis] < edge
    if axis == 0:
        parts = (col, row, edge - col, height), (edge, row, col + width - edge, height)
    else:
        parts = (col, row, width, edge - row), (col, edge, width, row + height - edge)
    return [*_halved(parts[0], centres[low], first), *_halved(parts[1], centres[~low], count - first)]


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
