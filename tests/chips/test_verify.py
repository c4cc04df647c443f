import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icssn.chips.cut import cut, load
from icssn.chips.verify import check_no_leak
from icssn.errors import NotTrainableError
from icssn.records import Chip, Manifest
from tests.chips.conftest import SMALL, WHOLE, scattered

RECTANGLE, BUFFER = (100, 80, 60, 50), 20


def one_chip(col, row, split, *, size_px=40, rectangles=None):
    chip = Chip(
        index=0,
        scene_id="s",
        col=col,
        row=row,
        size_px=size_px,
        split=split,
        kind="background",
        landslide_fraction=0,
        known_fraction=1,
    )
    return Manifest(
        chips=(chip,),
        revisions={"s": 1},
        validation_bounds_px={"s": RECTANGLE} if rectangles is None else rectangles,
        buffer_px=BUFFER,
        bands=3,
        seed=0,
        fingerprint="",
    )


def leaks(manifest, mask):
    try:
        check_no_leak(manifest, mask[None])
    except NotTrainableError:
        return True
    return False


@settings(max_examples=300, deadline=None)
@given(st.integers(20, 220), st.integers(10, 200), st.integers(0, 39), st.integers(0, 39), st.sampled_from([0, 1]))
def test_a_known_pixel_leaks_exactly_where_it_should_not_be(col, row, x, y, value):
    mask = np.full((40, 40), 255, np.uint8)
    mask[y, x] = value
    scene_x, scene_y = col + x, row + y
    assert leaks(one_chip(col, row, "train"), mask) == (80 <= scene_x < 180 and 60 <= scene_y < 150)
    assert leaks(one_chip(col, row, "validation"), mask) != (100 <= scene_x < 160 and 80 <= scene_y < 130)


def test_unknown_chips_never_leak():
    mask = np.full((40, 40), 255, np.uint8)
    assert not leaks(one_chip(110, 90, "train"), mask)
    assert not leaks(one_chip(0, 0, "validation"), mask)


def test_a_scene_that_holds_nothing_out_may_train_anywhere_and_validate_nowhere():
    mask = np.zeros((40, 40), np.uint8)
    assert not leaks(one_chip(110, 90, "train", rectangles={}), mask)
    assert leaks(one_chip(110, 90, "validation", rectangles={}), mask)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_leak_planted_into_a_real_cut_is_found(make_source, tmp_path, split):
    landslides = scattered(12, within=WHOLE, radius_px=(8, 24), seed=6)
    manifest = cut([make_source(landslides=landslides, areas=[WHOLE])], tmp_path / "c", config=SMALL, seed=0)
    _, _, mapped = load(tmp_path / "c")
    masks = np.array(mapped)
    check_no_leak(manifest, masks)
    chip = next(chip for chip in manifest.chips if chip.split == split)
    forbidden = (
        manifest.validation_bounds_px["s"][:2] if split == "train" else (chip.col, chip.row)
    )  # a chip moved onto the rectangle; a tile that knows its margin
    moved = chip.model_copy(update={"col": forbidden[0], "row": forbidden[1]})
    planted = manifest.model_copy(update={"chips": tuple(moved if c is chip else c for c in manifest.chips)})
    masks[chip.index, 0, 0] = 1
    if split == "validation":
        masks[chip.index] = 0
    with pytest.raises(NotTrainableError, match=f"{split.capitalize()} chip {chip.index} of scene s knows"):
        check_no_leak(planted, masks)
