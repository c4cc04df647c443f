"""Cross-validation: blocks that training never knew, and a random split that flatters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import torch
from numpy.typing import NDArray
from rasterio.windows import Window
from scipy.special import expit, logit

from icssn.chips import cut
from icssn.chips.blocks import surveyed
from icssn.chips.cut import ChipSource
from icssn.chips.ground import BACKGROUND, IGNORE, LANDSLIDE, SPOT
from icssn.chips.split import grown
from icssn.config import (
    MIN_OBJECT_PX,
    ChipConfig,
    ContrastConfig,
    EncoderConfig,
    InferenceConfig,
    StageConfig,
    TrainConfig,
)
from icssn.crossval import aligned, at_random, cross_validate, ranked
from icssn.errors import CancelledError, NotTrainableError
from icssn.inference.predict import predict_scene
from icssn.metrics.pixels import average_precision, best_threshold, count_levels, exceeds, levels
from icssn.metrics.report import judge
from icssn.records import Dispute, LabelClass, Progress
from tests.chips.conftest import WHOLE, make_source, scattered  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = TrainConfig(
    encoder=EncoderConfig(name="tu-test_efficientnet", weights="none"),
    chips=ChipConfig(size_px=64, margin_px=8, buffer_px=32),
    contrast=ContrastConfig(dimensions=8),
    rounds=1,
    classify=StageConfig(steps=1, batch_size=2),
    segment=StageConfig(steps=1, batch_size=2),
    decoder_channels=16,
    device="cpu",
)

STEPS = ("classify · step 0 of 1", "segment · step 1 of 1")  # the first and the last that a fold reports of training


@pytest.fixture
def source(make_source: Callable[..., ChipSource]) -> ChipSource:  # noqa: F811
    return make_source(landslides=scattered(24, within=WHOLE, radius_px=(8, 14), seed=1), areas=[WHOLE])


@pytest.fixture
def pointed_at(make_source: Callable[..., ChipSource]) -> ChipSource:  # noqa: F811
    """A scene of 24 outlined landslides, between them eight that are only pointed at."""
    every = scattered(32, within=WHOLE, radius_px=(8, 14), seed=1)
    return make_source(landslides=every[:24], points=[disc.centroid for disc in every[24:]], areas=[WHOLE])


@pytest.mark.parametrize("threshold", [0.004, 0.2, 0.5, 0.5001, 0.87, 1.0])
def test_aligning_moves_the_threshold_to_one_half_and_keeps_the_order(threshold: float) -> None:
    stored = np.arange(256, dtype=np.uint8)
    moved = aligned(stored, threshold=threshold)
    assert np.array_equal(exceeds(moved, 0.5), exceeds(stored, threshold))
    assert (np.diff(moved[:255].astype(int)) >= 0).all()
    assert moved[255] == 255


@pytest.mark.parametrize("threshold", [0.02, 0.3, 0.98])
def test_one_fold_is_ranked_as_its_stored_levels_are(threshold: float) -> None:
    truth, stored = drawn(seed=0)
    figures = ranked([(threshold, count_levels(truth, stored))])
    assert figures["average_precision"] == pytest.approx(average_precision(truth, stored), abs=1e-12)
    assert figures["best_f1"] == pytest.approx(best_threshold(truth, stored)[1], abs=1e-12)


def test_folds_are_ranked_together_by_how_far_they_are_from_their_own_thresholds() -> None:
    folds = [(0.98, *drawn(seed=1)), (0.3, *drawn(seed=2)), (0.3, *drawn(seed=3))]
    truth = np.concatenate([truth for _, truth, _ in folds])
    moved = np.concatenate([logit((stored + 0.5) / 255) - logit(threshold) for threshold, _, stored in folds])
    found = np.concatenate([exceeds(stored, threshold) for threshold, _, stored in folds])
    moved = np.where(found, np.maximum(moved, 0), np.minimum(moved, -1e-9))  # what was found goes before all else
    scores = np.unique(moved)[::-1]
    tp, fp = (np.array([np.count_nonzero((truth == kind) & (moved >= score)) for score in scores]) for kind in (1, 0))
    figures = ranked([(threshold, count_levels(truth, stored)) for threshold, truth, stored in folds])
    steps = np.diff(tp, prepend=0) / tp[-1]
    assert figures["average_precision"] == pytest.approx(float((steps * tp / (tp + fp)).sum()), abs=1e-12)
    assert figures["best_f1"] == pytest.approx(float((2 * tp / (tp + fp + tp[-1])).max()), abs=1e-12)


def test_without_a_landslide_nothing_is_ranked() -> None:
    assert ranked([(0.5, count_levels(np.zeros(4, np.uint8), np.arange(4, dtype=np.uint8)))]) == {}


def drawn(*, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw truth and stored levels that are as often right as they say."""
    chance = np.random.default_rng(seed)
    probability = expit(chance.normal(-3, 2.5, 20_000))
    return (chance.random(20_000) < probability).astype(np.uint8), levels(probability)


def test_a_cross_validation_judges_every_block_by_models_that_never_knew_it(source: ChipSource, tmp_path: Path) -> None:
    reports: list[Progress] = []
    told = cross_validate(source, tmp_path, config=TINY, folds=2, report=reports.append, stop=lambda: False)
    assert told["blocks"]["judged_px"] == 640 * 600
    assert {"f1", "f1_low", "f1_high", "object_recall_cov30", "boundary_f1_2px"} <= set(told["blocks"])
    assert 0 <= told["random_split_f1"] <= 1
    uids = {label.uid for label in source.labels}
    disputes = [Dispute.model_validate(dispute) for dispute in told["disputes"]]
    assert all(dispute.uid in uids if dispute.uid else dispute.found == 1 for dispute in disputes)
    for number, fold in enumerate(told["folds"], start=1):
        manifest, _, masks = cut.load(tmp_path / f"fold-{number}" / "chips")
        hidden = grown(fold["rectangle_px"], 31)
        for chip in manifest.chips:
            rows, columns = np.nonzero(masks[chip.index] != IGNORE)
            assert not shapely.contains_xy(hidden, columns + chip.col + 0.5, rows + chip.row + 0.5).any()
    fractions = [report.fraction for report in reports]
    assert fractions == sorted(fractions)
    assert reports[-1].message.startswith("fold 3 of 3")
    trained = [report for report in reports if "step" in report.message]
    starts, ends = ([report for report in trained if step in report.message] for step in STEPS)
    assert [report.remaining_s is None for report in starts] == [True, False, False]  # no pace is known at first
    assert [report.remaining_s for report in ends[:-1]] == [pytest.approx(s.remaining_s) for s in starts[1:]]
    assert ends[0].remaining_s
    assert ends[-1].remaining_s == 0


def test_a_block_is_judged_as_in_the_whole_scene_and_on_the_device_of_the_settings(
    source: ChipSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as machine:
        machine.setattr(torch.cuda, "is_available", lambda: True)  # the settings ask for the processor all the same
        told = cross_validate(source, tmp_path, config=TINY, folds=2, report=lambda _: None, stop=lambda: False)
    truth, found = surveyed(source, TINY.chips).mask(Window(0, 0, 640, 600)), np.full((600, 640), IGNORE, np.uint8)
    counted = []
    for number, fold in enumerate(told["folds"], start=1):
        place = tmp_path / f"fold-{number}"
        whole = predict_scene(
            source.raster,
            facts=source.facts,
            checkpoint=place / "round-1",
            out=place / "whole",
            config=InferenceConfig(device="cpu"),
            report=lambda _: None,
            stop=lambda: False,
        )
        col, row, width, height = fold["rectangle_px"]
        block = np.s_[row : row + height, col : col + width]
        with (
            rasterio.open(whole.probability) as dataset,
            rasterio.open(place / "prediction" / "probability.tif") as own,
        ):
            stored, kept = dataset.read(1), own.read(1)
        assert np.array_equal(kept[block], stored[block])
        assert np.count_nonzero(kept != IGNORE) == width * height < stored.size
        found[block] = aligned(stored[block], threshold=whole.threshold)
        counted.append((whole.threshold, count_levels(truth[block], stored[block])))
    pixel_size_m = source.facts.pixel_size_m
    figures = judge(truth, found, threshold=0.5, min_object_px=MIN_OBJECT_PX, pixel_size_m=pixel_size_m)
    figures |= ranked(counted)
    assert told["blocks"] == pytest.approx({name: figures[name] for name in told["blocks"]}, rel=1e-12)


def test_points_of_other_blocks_are_learned_and_the_ground_around_points_is_not_judged(
    pointed_at: ChipSource, tmp_path: Path
) -> None:
    told = cross_validate(pointed_at, tmp_path, config=TINY, folds=2, report=lambda _: None, stop=lambda: False)
    known = surveyed(pointed_at, TINY.chips).mask(Window(0, 0, 640, 600))
    truth = np.where(known == SPOT, np.uint8(IGNORE), known)
    points = surveyed(pointed_at, TINY.chips).points.values()
    rows, columns = np.mgrid[:600, :640] + 0.5
    far = np.min([np.hypot(columns - point.x, rows - point.y) for point in points], axis=0) > 33
    assert (truth[far] != IGNORE).all()  # all else is judged
    assert told["blocks"]["judged_px"] == np.count_nonzero(truth != IGNORE) < 620 * 600
    counted, found = [], np.full_like(truth, IGNORE)
    for number, fold in enumerate(told["folds"], start=1):
        place = tmp_path / f"fold-{number}"
        manifest, _, masks = cut.load(place / "chips")
        chips = [chip for chip in manifest.chips if (chip.split, chip.kind) == ("train", "landslide_point")]
        hidden = grown(fold["rectangle_px"], TINY.chips.buffer_px)
        left = {label.uid for label in pointed_at.labels if label.cls is LabelClass.landslide_point}
        left -= {uid for uid, point in surveyed(pointed_at, TINY.chips).points.items() if hidden.intersects(point)}
        assert chips
        assert {chip.label_uid for chip in chips} <= left
        assert all((masks[chip.index] == SPOT).any() for chip in chips)
        for chip in manifest.chips:
            inside = np.s_[chip.row : chip.row + chip.size_px, chip.col : chip.col + chip.size_px]
            if chip.row >= 0 and chip.col >= 0 and truth[inside].shape == masks[chip.index].shape:
                taught = np.isin(masks[chip.index], (BACKGROUND, LANDSLIDE))
                assert (masks[chip.index][taught] == truth[inside][taught]).all()
        col, row, width, height = fold["rectangle_px"]
        [raster] = (place / "prediction").glob("probability*.tif")
        with rasterio.open(raster) as dataset:
            stored = dataset.read(1, window=Window(col, row, width, height))
        threshold = json.loads((place / "round-1" / "card.json").read_text())["threshold"]
        block = np.s_[row : row + height, col : col + width]
        counted.append((threshold, count_levels(truth[block], stored)))
        found[block] = aligned(stored, threshold=threshold)
    pixel_size_m = pointed_at.facts.pixel_size_m
    figures = judge(truth, found, threshold=0.5, min_object_px=MIN_OBJECT_PX, pixel_size_m=pixel_size_m)
    figures |= ranked(counted)
    assert told["blocks"] == pytest.approx({name: figures[name] for name in told["blocks"]}, rel=1e-12)


def test_too_few_labels_in_a_fold_are_told_before_any_training(
    make_source: Callable[..., ChipSource],  # noqa: F811
    tmp_path: Path,
) -> None:
    few = make_source(landslides=scattered(7, within=WHOLE, radius_px=(8, 14), seed=1), areas=[WHOLE])
    picky = TINY.model_copy(update={"chips": ChipConfig(size_px=64, margin_px=8, buffer_px=8, min_landslides=5)})
    with pytest.raises(NotTrainableError, match="At least 5 labelled landslides are needed, but only 4"):
        cross_validate(few, tmp_path / "folds", config=picky, folds=3, report=lambda _: None, stop=lambda: False)
    assert (tmp_path / "folds" / "fold-1" / "chips" / cut.MANIFEST).exists()  # the first block could have been judged
    assert [path.name for path in (tmp_path / "folds" / "fold-1").iterdir()] == ["chips"]


def test_a_cross_validation_can_be_stopped_while_chips_are_cut(source: ChipSource, tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        cross_validate(source, tmp_path, config=TINY, folds=2, report=lambda _: None, stop=lambda: True)
    assert not list(tmp_path.rglob(cut.MANIFEST))


def test_chips_that_were_cut_but_not_yet_split_at_random_are_split_when_it_goes_on(
    source: ChipSource, tmp_path: Path
) -> None:
    chips = tmp_path / "random-split" / "chips"
    spatial = cut.cut([source], chips, config=TINY.chips, seed=TINY.seed)  # and there the worker was killed
    seen: list[Progress] = []

    def training() -> bool:
        return bool(seen) and "step" in seen[-1].message

    for _ in range(2):
        with pytest.raises(CancelledError):
            cross_validate(source, tmp_path, config=TINY, folds=2, report=seen.append, stop=training)
        assert cut.load(chips)[0] == at_random(spatial)
        seen.clear()


def test_a_random_split_keeps_chips_and_shares_but_not_who_validates(source: ChipSource, tmp_path: Path) -> None:
    manifest = cut.cut([source], tmp_path, config=TINY.chips, seed=0)
    mixed = at_random(manifest)
    splits = [[chip.split for chip in of.chips] for of in (manifest, mixed)]
    assert sorted(splits[0]) == sorted(splits[1])
    assert splits[0] != splits[1]
    assert mixed.fingerprint != manifest.fingerprint


def test_chips_split_at_random_stand_for_themselves(source: ChipSource, tmp_path: Path) -> None:
    manifest = cut.cut([source], tmp_path, config=TINY.chips, seed=0)
    many = [chip.model_copy(update={"stands_for": 3.0}) for chip in manifest.chips]
    mixed = at_random(manifest.model_copy(update={"chips": tuple(many)}))
    assert {chip.stands_for for chip in mixed.chips} == {1.0}
