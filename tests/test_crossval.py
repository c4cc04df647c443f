"""Cross-validation: blocks that training never knew, and a random split that flatters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from rasterio.windows import Window
from shapely.geometry import box

from icssn.chips import cut
from icssn.chips.cut import ChipSource
from icssn.chips.ground import BACKGROUND, IGNORE, LANDSLIDE, survey
from icssn.chips.split import grown
from icssn.config import ChipConfig, ContrastConfig, EncoderConfig, StageConfig, TrainConfig
from icssn.crossval import aligned, at_random, cross_validate, split_into_blocks, without
from icssn.errors import CancelledError, NotTrainableError
from icssn.metrics.pixels import exceeds
from icssn.records import Dispute, Progress
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


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_blocks_tile_the_labelled_ground_and_share_the_landslides(source: ChipSource, folds: int) -> None:
    blocks = split_into_blocks(source, folds)
    boxes = [grown(block, 0) for block in blocks]
    assert shapely.union_all(boxes).equals(box(0, 0, 640, 600))
    assert sum(part.area for part in boxes) == pytest.approx(640 * 600)
    centres = [g.centroid for g in survey(source.labels, source.facts).landslides.values()]
    counts = [sum(part.contains(centre) for centre in centres) for part in boxes]
    assert max(counts) - min(counts) <= 2


def test_too_few_landslides_for_the_folds_are_refused(make_source: Callable[..., ChipSource]) -> None:  # noqa: F811
    few = make_source(landslides=scattered(5, within=WHOLE, radius_px=(8, 14), seed=1), areas=[WHOLE])
    with pytest.raises(NotTrainableError, match="3 folds need at least 6"):
        split_into_blocks(few, 3)


def test_nothing_is_known_in_a_hidden_block_and_its_buffer(source: ChipSource) -> None:
    block = split_into_blocks(source, 4)[2]
    ground = survey(without(source, block, buffer_px=32).labels, source.facts)
    mask = ground.mask(Window(0, 0, 640, 600))
    rows, columns = np.nonzero(mask != IGNORE)
    near = grown(block, 31)  # a pixel of rounding on the way through longitude and latitude
    assert not shapely.contains_xy(near, columns + 0.5, rows + 0.5).any()
    assert {BACKGROUND, LANDSLIDE} <= set(np.unique(mask).tolist())


@pytest.mark.parametrize("threshold", [0.004, 0.2, 0.5, 0.87, 1.0])
def test_aligning_moves_the_threshold_to_one_half_and_keeps_the_order(threshold: float) -> None:
    stored = np.arange(256, dtype=np.uint8)
    moved = aligned(stored, threshold=threshold)
    assert np.array_equal(exceeds(moved, 0.5), exceeds(stored, threshold))
    assert (np.diff(moved[:255].astype(int)) >= 0).all()
    assert moved[255] == 255


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


def test_a_random_split_keeps_chips_and_shares_but_not_who_validates(source: ChipSource, tmp_path: Path) -> None:
    manifest = cut.cut([source], tmp_path, config=TINY.chips, seed=0)
    mixed = at_random(manifest)
    splits = [[chip.split for chip in of.chips] for of in (manifest, mixed)]
    assert sorted(splits[0]) == sorted(splits[1])
    assert splits[0] != splits[1]
    assert mixed.fingerprint != manifest.fingerprint
