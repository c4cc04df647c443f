"""What batches hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from icssn.chips.cut import MANIFEST, MASKS
from icssn.chips.ground import IGNORE, SPOT
from icssn.chips.plan import POINT_VIEW
from icssn.errors import NotTrainableError
from icssn.records import Manifest
from icssn.training import augment
from icssn.training.dataset import (
    BACKGROUND,
    HARD_NEGATIVE,
    LANDSLIDE,
    POINT,
    UNKNOWN,
    Views,
    batch_indices,
    classification_views,
    endless,
    gather,
    open_chips,
    segmentation_views,
    view_kinds,
)
from tests.training.conftest import WriteChips


def test_an_endless_sequence_shows_all_before_any_again_in_a_new_order() -> None:
    chips = np.array([3, 5, 8, 13, 21])
    shown = endless(chips, start=0, count=20, seed=(1, 2))
    passes = shown.reshape(4, 5)
    assert (np.sort(passes, axis=1) == chips).all()
    assert len({tuple(row) for row in passes}) > 1


def test_an_endless_sequence_can_be_entered_anywhere() -> None:
    chips = np.arange(7)
    whole = endless(chips, start=0, count=30, seed=(4,))
    parts = [endless(chips, start=start, count=3, seed=(4,)) for start in range(0, 30, 3)]
    assert (np.concatenate(parts) == whole).all()


@pytest.mark.parametrize(
    ("hard", "easy", "places"),
    [(3, 40, (4, 2, 2)), (0, 40, (4, 4, 0)), (3, 0, (4, 0, 4))],
    ids=["both", "background only", "hard negatives only"],
)
def test_hard_negatives_get_half_of_the_negatives(hard: int, easy: int, places: tuple[int, int, int]) -> None:
    train = {LANDSLIDE: np.arange(10), BACKGROUND: 100 + np.arange(easy), HARD_NEGATIVE: 200 + np.arange(hard)}
    drawn = batch_indices(train, count=8, share=0.5, step=3, seed=1)
    assert tuple(np.bincount(drawn // 100, minlength=3)) == places


@pytest.mark.parametrize("count", [2, 3])
def test_a_single_place_of_negatives_is_taken_in_turn(count: int) -> None:
    train = {LANDSLIDE: np.arange(10), BACKGROUND: 100 + np.arange(4), HARD_NEGATIVE: 200 + np.arange(3)}
    drawn = [batch_indices(train, count=count, share=0.5, step=step, seed=1) for step in range(24)]
    negatives = [batch[batch >= 100].tolist() for batch in drawn]
    assert [[chip // 100 for chip in batch] for batch in negatives] == [[1], [2]] * 12
    for kind, there in enumerate(([100, 101, 102, 103], [200, 201, 202])):
        shown = [chip for [chip] in negatives[kind::2]]
        passes = np.reshape(shown, (-1, len(there)))  # all once before any again
        assert (np.sort(passes, axis=1) == there).all()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_every_batch_has_both_classes(share: float) -> None:
    train = {LANDSLIDE: np.array([0]), BACKGROUND: np.array([1]), HARD_NEGATIVE: np.array([], np.int64)}
    assert set(batch_indices(train, count=2, share=share, step=0, seed=0)) == {0, 1}


def test_classification_views_show_each_chip_twice_and_keep_its_landslide(write_chips: WriteChips) -> None:
    chips = open_chips(write_chips())
    indices = np.concatenate([chips.train[kind] for kind in (LANDSLIDE, BACKGROUND, HARD_NEGATIVE)])
    for seed in range(5):
        views = classification_views(
            chips, indices, size_px=36, min_fraction=0.01, generator=torch.Generator().manual_seed(seed)
        )
        first, second = views.images.chunk(2)
        assert not torch.equal(first, second)
        assert views.kinds.tolist() == [*[LANDSLIDE] * 4, *[BACKGROUND] * 4, *[HARD_NEGATIVE] * 2] * 2
        middles = np.asarray(chips.masks[np.tile(chips.train[LANDSLIDE], 2), 22:58, 22:58] == 1).sum((1, 2))
        shown = (views.masks == 1).sum((1, 2))[views.kinds == LANDSLIDE].numpy()
        assert (shown > 0.4 * middles).all()  # 70 %, less what another scale takes


def test_views_are_ready_for_the_net(write_chips: WriteChips) -> None:
    chips = open_chips(write_chips(bands=4))
    views = segmentation_views(
        chips, np.array([0, 1, 5]), size_px=64, min_fraction=0.01, generator=torch.Generator().manual_seed(0)
    )
    assert views.images.shape == (3, 4, 64, 64)
    assert views.images.dtype == torch.float32
    assert views.images.is_contiguous(memory_format=torch.channels_last)
    assert views.masks.shape == (3, 64, 64)
    assert set(views.masks.unique().tolist()) <= {0, 1, 255}
    assert views.images.max() > 1


@pytest.mark.parametrize(
    ("chip", "seen_px", "stored_px", "kind"),
    [
        (LANDSLIDE, 20, 60, LANDSLIDE),  # covers a tenth of the view
        (LANDSLIDE, 5, 60, -1),  # a sliver of a large landslide
        (LANDSLIDE, 5, 8, LANDSLIDE),  # most of a small one
        (LANDSLIDE, 0, 60, -1),
        (BACKGROUND, 0, 0, BACKGROUND),
        (BACKGROUND, 0, 60, BACKGROUND),
        (BACKGROUND, 5, 60, -1),  # the fringe of a neighbour
        (BACKGROUND, 20, 60, LANDSLIDE),
        (HARD_NEGATIVE, 0, 0, HARD_NEGATIVE),
    ],
)
def test_a_view_is_named_after_what_it_shows(chip: int, seen_px: int, stored_px: int, kind: int) -> None:
    seen, stored = torch.zeros(1, 100, dtype=torch.uint8), torch.zeros(1, 400, dtype=torch.uint8)
    seen[0, :seen_px] = 1
    stored[0, :stored_px] = 1
    named = view_kinds(torch.tensor([chip]), seen.view(1, 10, 10), stored.view(1, 20, 20), min_fraction=0.1, spots=True)
    assert named.tolist() == [kind]


@pytest.mark.parametrize("train", [(0, 4, 0), (4, 0, 0)], ids=["no landslide", "nothing else"])
def test_chips_of_one_class_are_refused(write_chips: WriteChips, train: tuple[int, int, int]) -> None:
    with pytest.raises(NotTrainableError, match="at least one of each"):
        open_chips(write_chips(train=train))


@pytest.mark.parametrize(
    ("points", "hard", "places"),
    [(12, 0, (4, 2, 2, 0)), (12, 3, (4, 1, 2, 1)), (1, 0, (5, 2, 1, 0)), (5, 0, (5, 2, 1, 0)), (0, 0, (5, 3, 0, 0))],
    ids=["many", "many, with hard negatives", "one", "half as many as outlines", "none"],
)
def test_points_get_places_of_both_sides_by_their_share(points: int, hard: int, places: tuple[int, ...]) -> None:
    train = {LANDSLIDE: np.arange(10), BACKGROUND: 100 + np.arange(9), POINT: 200 + np.arange(points)}
    train[HARD_NEGATIVE] = 300 + np.arange(hard)
    drawn = batch_indices(train, count=8, share=0.625, step=3, seed=1)
    assert tuple(np.bincount(drawn // 100, minlength=4)) == places


def test_the_smallest_batches_have_no_place_for_points() -> None:
    train = {kind: np.array([kind]) for kind in (LANDSLIDE, BACKGROUND, POINT)} | {
        HARD_NEGATIVE: np.array([], np.int64)
    }
    assert set(batch_indices(train, count=2, share=0.5, step=0, seed=0)) == {LANDSLIDE, BACKGROUND}
    assert set(batch_indices(train, count=3, share=0.5, step=0, seed=0)) == {LANDSLIDE, BACKGROUND, POINT}


def test_chips_on_landslide_points_stand_by_themselves(write_chips: WriteChips) -> None:
    folder = write_chips()
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_text())
    first, *others = manifest.chips
    changed = manifest.model_copy(update={"chips": (first.model_copy(update={"kind": "landslide_point"}), *others)})
    (folder / MANIFEST).write_text(changed.model_dump_json())
    chips = open_chips(folder)
    assert chips.points.tolist() == [first.index]
    assert first.index not in chips.train[LANDSLIDE]
    assert first.index in chips.classified[LANDSLIDE]
    assert chips.classified[BACKGROUND].tolist() == chips.train[BACKGROUND].tolist()
    assert chips.segmented[POINT].tolist() == [first.index]
    assert first.index not in chips.segmented[LANDSLIDE]


def test_spots_that_are_not_looked_at_are_unknown(write_chips: WriteChips) -> None:
    folder = write_chips()
    masks = np.load(folder / MASKS, mmap_mode="r+")
    masks[0, 38:42, 38:42] = SPOT
    masks.flush()
    looked_at, passed_over = open_chips(folder), open_chips(folder, spots=False)
    device = torch.device("cpu")
    (_, seen), (_, unseen) = (gather(chips, np.array([0, 1]), device=device) for chips in (looked_at, passed_over))
    assert (seen == SPOT).sum() == 16
    assert torch.equal(unseen, torch.where(seen == SPOT, IGNORE, seen))
    assert POINT in looked_at.segmented
    assert POINT not in passed_over.segmented


@pytest.mark.parametrize(("spots", "of_a_point"), [(True, -1), (False, LANDSLIDE)], ids=["looked at", "passed over"])
def test_a_view_of_a_landslide_point_without_its_spot_shows_a_landslide_only_where_nobody_looks_at_spots(
    spots: bool, of_a_point: int
) -> None:
    nothing = torch.full((3, 8, 8), 255, dtype=torch.uint8)
    kinds = view_kinds(torch.tensor([POINT, UNKNOWN, BACKGROUND]), nothing, nothing, min_fraction=0.01, spots=spots)
    assert kinds.tolist() == [of_a_point, UNKNOWN, BACKGROUND]


def test_a_view_that_lost_the_point_of_its_chip_says_nothing() -> None:
    stored = torch.full((2, 16, 16), 255, dtype=torch.uint8)
    stored[:, 2:5, 2:5] = SPOT
    seen = torch.stack([stored[0, :8, :8], stored[1, 8:, 8:]])
    named = view_kinds(torch.tensor([POINT, POINT]), seen, stored, min_fraction=0.01, spots=True)
    assert named.tolist() == [LANDSLIDE, -1]


@pytest.mark.parametrize("spots", [True, False], ids=["looked at", "passed over"])
def test_a_chip_whose_point_lies_on_nodata_or_a_hard_negative_teaches_no_landslide_by_its_whole_view(
    write_chips: WriteChips, spots: bool
) -> None:
    folder = write_chips()
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_text())
    points = tuple(chip.model_copy(update={"kind": "landslide_point"}) for chip in manifest.chips[:2])
    changed = manifest.model_copy(update={"chips": (*points, *manifest.chips[2:])})
    (folder / MANIFEST).write_text(changed.model_dump_json())
    masks = np.load(folder / MASKS, mmap_mode="r+")
    masks[:2] = IGNORE  # of the first chip no spot is left
    masks[0, 50:60, 50:60] = 0
    masks[1, 38:42, 38:42] = SPOT
    masks.flush()
    chips = open_chips(folder, spots=spots)
    settings = {"size_px": 64, "min_fraction": 0.01}
    twice = classification_views(chips, chips.points, generator=torch.Generator().manual_seed(0), **settings)
    once = segmentation_views(chips, chips.points, generator=torch.Generator().manual_seed(0), **settings)
    of_the_first = -1 if spots else LANDSLIDE
    assert twice.kinds.tolist() == [of_the_first, LANDSLIDE] * 2
    assert once.kinds.tolist() == [of_the_first, LANDSLIDE]


def test_every_view_of_a_chip_on_a_landslide_point_shows_the_point() -> None:
    size, margin = 192, 48
    room = POINT_VIEW * size - margin
    masks = torch.zeros(4, size + 2 * margin, size + 2 * margin, dtype=torch.uint8)
    middle = size // 2 + margin
    for chip, (x, y) in enumerate([(-1, -1), (-1, 1), (1, -1), (1, 1)]):
        masks[chip, int(middle + y * room), int(middle + x * room)] = 1
    masks = torch.nn.functional.max_pool2d(masks.float()[:, None], 3, 1, 1)[:, 0].to(torch.uint8)  # one pixel is lost
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        poses = augment.random_poses(4, size_px=size, stored_px=size + 2 * margin, generator=generator)
        assert (augment.view_masks(masks, poses, size_px=size) == 1).any(2).any(1).all()


def _segmentation(write_chips: WriteChips, *shares: dict[str, float]) -> list[Views]:
    """Give views of four chips with a landslide, then of background, by equal chance for each of the settings."""
    chips = open_chips(write_chips())
    indices = np.concatenate([chips.train[LANDSLIDE], chips.train[BACKGROUND]])
    return [
        segmentation_views(
            chips, indices, size_px=64, min_fraction=0.01, generator=torch.Generator().manual_seed(0), **given
        )
        for given in shares
    ]


def test_a_pasted_landslide_is_in_the_mask_and_says_nothing_of_the_chip(write_chips: WriteChips) -> None:
    plain, pasted = _segmentation(write_chips, {}, {"paste_share": 1.0})
    assert not (plain.masks[4:] == 1).any()
    assert (pasted.masks[4:] == 1).flatten(1).any(1).all()
    assert pasted.kinds.tolist() == [LANDSLIDE] * 4 + [-1] * 4
    assert torch.equal(pasted.masks[:4], plain.masks[:4])


def test_a_faded_landslide_stays_in_mask_and_class(write_chips: WriteChips) -> None:
    plain, faded = _segmentation(write_chips, {}, {"fade_share": 1.0})
    assert torch.equal(faded.masks, plain.masks)
    assert torch.equal(faded.kinds, plain.kinds)
    assert not torch.equal(faded.images[:4], plain.images[:4])


def test_terrain_in_views_is_that_of_their_chips(write_chips: WriteChips) -> None:
    chips = open_chips(write_chips(terrain=("slope",)))
    indices = np.concatenate([chips.train[LANDSLIDE], chips.train[BACKGROUND]])
    settings = {"size_px": 64, "min_fraction": 0.01}
    wanted = torch.from_numpy(100.0 + indices).float()[:, None, None].expand(-1, 64, 64)
    views = segmentation_views(chips, indices, generator=torch.Generator().manual_seed(0), **settings)
    torch.testing.assert_close(views.images[:, 3], wanted)
    twice = classification_views(chips, indices, generator=torch.Generator().manual_seed(0), **settings)
    torch.testing.assert_close(twice.images[:, 3], torch.cat([wanted, wanted]))
