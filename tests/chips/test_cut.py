import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely.geometry import Point, box

from icssn.chips.cut import ChipSource, cut, load
from icssn.chips.ground import SPOT, survey, to_lonlat
from icssn.chips.split import HeldOut, sides
from icssn.config import ChipConfig
from icssn.errors import CancelledError, NotFoundError, NotTrainableError, RasterRefusedError
from icssn.geo import crs
from icssn.imagery.open import inspect
from icssn.records import LabelClass, LabelStatus
from tests.chips.conftest import NORTH_UP, ROTATED, SMALL, UTM48, WHOLE, label, scattered

BIJIE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "bijie_scenes"


def known_by_split(manifest, masks, scene_id, size):
    """Count how often each pixel of a scene is known to training and to validation chips, with a frame of 400 px."""
    width, height = size
    counts = {split: np.zeros((height + 800, width + 800), int) for split in ("train", "validation")}
    for chip in manifest.chips:
        if chip.scene_id == scene_id:
            place = np.s_[chip.row + 400 :, chip.col + 400 :]
            counts[chip.split][place][: chip.size_px, : chip.size_px] += masks[chip.index] != 255
    return counts["train"], counts["validation"]


@pytest.fixture
def ordinary(make_source):
    return make_source(
        landslides=scattered(14, within=WHOLE, radius_px=(8, 26), seed=0),
        areas=[WHOLE],
        negatives=[box(420, 300, 460, 340), box(500, 480, 530, 500)],
    )


@pytest.mark.parametrize("seed", range(10))
def test_no_training_pixel_is_known_near_the_held_out_rectangle(make_source, tmp_path, seed):
    rng = np.random.default_rng(seed)
    left, top = rng.integers(-40, 120, 2)
    area = box(left, top, left + rng.integers(400, 560), top + rng.integers(400, 560)).intersection(WHOLE)
    source = make_source(
        landslides=scattered(int(rng.integers(5, 16)), within=area, radius_px=(4, 36), seed=seed),
        areas=[area],
        negatives=scattered(3, within=WHOLE, radius_px=(5, 20), seed=seed + 100),
        transform=ROTATED if seed % 2 else NORTH_UP,
    )
    manifest = cut([source], tmp_path / "chips", config=SMALL, seed=seed)
    _, _, masks = load(tmp_path / "chips")
    train, validation = known_by_split(manifest, masks, "s", (640, 600))
    col, row, width, height = manifest.validation_bounds_px["s"]
    b = manifest.buffer_px
    assert b >= SMALL.size_px / 4
    near = np.s_[row + 400 - b : row + 400 + height + b, col + 400 - b : col + 400 + width + b]
    inside = np.s_[row + 400 : row + 400 + height, col + 400 : col + 400 + width]
    assert train.sum() > 0
    assert train[near].sum() == 0
    assert validation[inside].sum() == validation.sum() > 0
    for chip in manifest.chips:
        x, y = chip.col + chip.size_px / 2, chip.row + chip.size_px / 2
        in_zone = col - b + 1 < x < col + width + b - 1 and row - b + 1 < y < row + height + b - 1
        assert chip.split == "validation" or not in_zone
    assert validation.max() == 1  # each pixel is judged once, so figures keep the scene's share of landslide


def test_every_known_pixel_of_the_rectangle_is_judged(ordinary, tmp_path):
    manifest = cut([ordinary], tmp_path, config=SMALL, seed=0)
    _, _, masks = load(tmp_path)
    _, validation = known_by_split(manifest, masks, "s", (640, 600))
    _, _, width, height = manifest.validation_bounds_px["s"]
    assert validation.sum() == width * height


def test_images_are_the_pixels_of_the_scene_and_masks_its_labels(ordinary, tmp_path):
    manifest = cut([ordinary], tmp_path, config=SMALL, seed=0)
    _, images, masks = load(tmp_path)
    with rasterio.open(ordinary.raster) as dataset:
        scene = np.pad(dataset.read(), ((0, 0), (400, 400), (400, 400)))
    truth = np.pad(survey(ordinary.labels, ordinary.facts).mask(Window(0, 0, 640, 600)), 400, constant_values=255)
    hangs_over = 0
    for chip in manifest.chips:
        place = np.s_[chip.row + 400 : chip.row + 400 + 96, chip.col + 400 : chip.col + 400 + 96]
        assert (images[chip.index] == scene[:, *place]).all()
        known = masks[chip.index] != 255
        assert (masks[chip.index][known] == truth[place][known]).all()
        hangs_over += chip.col < 0 or chip.row < 0 or chip.col + 96 > 640 or chip.row + 96 > 600
    assert hangs_over  # such chips are padded, not left out
    assert images.shape == (len(manifest.chips), 3, 96, 96)
    assert masks.shape == (len(manifest.chips), 96, 96)


def test_rows_of_the_manifest_say_what_the_chips_hold(ordinary, tmp_path):
    manifest = cut([ordinary], tmp_path, config=SMALL, seed=0)
    _, _, masks = load(tmp_path)
    assert [chip.index for chip in manifest.chips] == list(range(len(masks)))
    for chip in manifest.chips:
        mask = masks[chip.index]
        middle = mask[16:80, 16:80]
        assert chip.size_px == 96
        assert chip.known_fraction == pytest.approx((mask != 255).mean())
        assert chip.landslide_fraction == pytest.approx((mask == 1).sum() / (mask != 255).sum())
        if chip.kind == "landslide" and chip.split == "train":
            assert (middle == 1).any()
            assert chip.label_uid.startswith("landslide")
        if chip.kind == "background" and chip.split == "train":
            assert not (middle == 1).any()
            assert (middle != 255).mean() >= 0.5
    assert {chip.kind for chip in manifest.chips} == {"landslide", "background", "hard_negative"}
    assert manifest.revisions == {"s": 3}
    assert manifest.bands == 3


def test_every_landslide_outside_the_buffer_is_trained_on(ordinary, tmp_path):
    manifest = cut([ordinary], tmp_path, config=SMALL, seed=0)
    landslides = survey(ordinary.labels, ordinary.facts).landslides
    found = sides(list(landslides.values()), HeldOut(manifest.validation_bounds_px["s"], manifest.buffer_px))
    wanted = {uid for uid, side in zip(landslides, found, strict=True) if side == "train"}
    assert wanted <= {chip.label_uid for chip in manifest.chips if chip.split == "train"}


def test_there_is_as_much_background_as_configured(ordinary, tmp_path):
    config = SMALL.model_copy(update={"background_per_landslide": 2.0})
    manifest = cut([ordinary], tmp_path, config=config, seed=0)
    kinds = [chip.kind for chip in manifest.chips if chip.split == "train"]
    assert kinds.count("background") == 2 * kinds.count("landslide")


def test_a_scene_labelled_as_showing_no_landslide_is_a_lesson(ordinary, make_source, tmp_path):
    elsewhere = Affine.translation(9_999, 0) * NORTH_UP
    empty = make_source("empty", size=(640, 1200), areas=[box(0, 0, 640, 1200)], transform=elsewhere)
    manifest = cut([ordinary, empty], tmp_path, config=SMALL, seed=0)
    chips = [chip for chip in manifest.chips if chip.split == "train"]
    landslides = sum(chip.kind == "landslide" for chip in chips)
    background = {
        name: sum(chip.kind == "background" and chip.scene_id == name for chip in chips) for name in ("s", "empty")
    }
    wanted = SMALL.background_per_landslide * landslides
    assert background["s"] == pytest.approx(wanted, abs=1)  # as without the other scene
    assert wanted / 2 < background["empty"] < wanted  # its share of the ground


def test_the_same_seed_gives_the_same_chips_and_another_the_same_split(ordinary, tmp_path):
    one, again, other = (
        cut([ordinary], tmp_path / str(i), config=SMALL, seed=seed) for i, seed in enumerate((1, 1, 2))
    )
    assert one == again
    assert one.fingerprint != other.fingerprint
    assert one.validation_bounds_px == other.validation_bounds_px
    assert (tmp_path / "0" / "images.npy").read_bytes() == (tmp_path / "1" / "images.npy").read_bytes()


def test_equal_labels_give_equal_chips_whatever_scene_and_labels_are_called(ordinary, tmp_path):
    renamed = [
        item.model_copy(update={"uid": f"{number * 7919 % 1000:032d}"}) for number, item in enumerate(ordinary.labels)
    ]
    other = dataclasses.replace(ordinary, scene_id="other", labels=renamed[::-1])
    for name, source in (("one", ordinary), ("two", other)):
        cut([source], tmp_path / name, config=SMALL, seed=3)
    for part in ("images.npy", "masks.npy"):
        assert (tmp_path / "one" / part).read_bytes() == (tmp_path / "two" / part).read_bytes()


def test_a_rectangle_chosen_at_the_first_training_is_kept(make_source, tmp_path):
    landslides = scattered(12, within=WHOLE, radius_px=(8, 20), seed=5)
    fixed = (10, 20, 300, 260)
    source = make_source(landslides=landslides, areas=[WHOLE], validation_bounds_px=fixed)
    assert cut([source], tmp_path / "chips", config=SMALL, seed=0).validation_bounds_px == {"s": fixed}


def test_a_kept_rectangle_that_lost_its_landslides_is_not_silently_moved(make_source, tmp_path):
    landslides = scattered(6, within=box(0, 0, 640, 280), radius_px=(8, 20), seed=5)
    source = make_source(landslides=landslides, areas=[WHOLE], validation_bounds_px=(0, 400, 200, 200))
    with pytest.raises(NotTrainableError, match=r"columns 0–200, rows 400–600 .* label at least one there"):
        cut([source], tmp_path / "chips", config=SMALL, seed=0)


def test_a_large_landslide_gets_several_chips(make_source, tmp_path):
    landslides = [box(20, 20, 320, 260), *scattered(5, within=box(340, 0, 640, 600), radius_px=(8, 20), seed=1)]
    manifest = cut([make_source(landslides=landslides, areas=[WHOLE])], tmp_path / "c", config=SMALL, seed=0)
    chips = [c for c in manifest.chips if c.label_uid == "landslide000"]
    assert len(chips) > 4
    assert all(chip.landslide_fraction > 0.01 for chip in chips)


def test_the_sliver_that_the_buffer_leaves_of_a_landslide_gets_no_chip(make_source, tmp_path):
    fixed = (0, 0, 200, 600)
    sliver = box(220, 40, 267, 90)  # the buffer ends at 264: 3 px of 47 stick out
    others = [*scattered(4, within=box(0, 0, 200, 600), radius_px=(8, 20), seed=1)]
    others += scattered(9, within=box(320, 0, 640, 600), radius_px=(8, 20), seed=2)
    config = SMALL.model_copy(update={"min_landslide_fraction": 0.05})
    source = make_source(landslides=[sliver, *others], areas=[WHOLE], validation_bounds_px=fixed)
    manifest = cut([source], tmp_path / "c", config=config, seed=0)
    assert manifest.buffer_px == 64
    assert "landslide000" not in {chip.label_uid for chip in manifest.chips}


def test_a_landslide_that_the_buffer_cuts_is_trained_on_as_far_as_it_sticks_out(make_source, tmp_path):
    cut_in_two = box(225, 40, 285, 90)  # its middle lies in the buffer, which ends at 264
    others = [*scattered(4, within=box(0, 100, 180, 600), radius_px=(8, 20), seed=1)]
    others += scattered(9, within=box(320, 0, 640, 600), radius_px=(8, 20), seed=2)
    source = make_source(landslides=[cut_in_two, *others], areas=[WHOLE], validation_bounds_px=(0, 0, 200, 600))
    manifest = cut([source], tmp_path / "c", config=SMALL, seed=0)
    assert manifest.buffer_px == 64
    (chip,) = [chip for chip in manifest.chips if chip.label_uid == "landslide000"]
    assert chip.col + chip.size_px / 2 > 264
    assert chip.landslide_fraction > 0.1


def test_nodata_is_unknown_and_never_background(make_source, tmp_path):
    collar = box(0, 0, 640, 150)
    landslides = scattered(12, within=box(0, 160, 640, 600), radius_px=(8, 20), seed=3)
    source = make_source(landslides=landslides, areas=[WHOLE], nodata=collar)
    manifest = cut([source], tmp_path / "c", config=SMALL, seed=0)
    _, _, masks = load(tmp_path / "c")
    train, validation = known_by_split(manifest, masks, "s", (640, 600))
    assert train[400:550].sum() == validation[400:550].sum() == 0
    assert sum(chip.kind == "background" for chip in manifest.chips if chip.split == "train") >= 10


def test_hard_negatives_alone_serve_as_background(make_source, tmp_path):
    negatives = scattered(9, within=box(0, 300, 640, 600), radius_px=(12, 24), seed=4, apart_px=20)
    landslides = scattered(9, within=box(0, 0, 640, 290), radius_px=(12, 24), seed=5, apart_px=20)
    manifest = cut([make_source(landslides=landslides, negatives=negatives)], tmp_path / "c", config=SMALL, seed=0)
    kinds = {chip.kind for chip in manifest.chips if chip.split == "train"}
    assert kinds == {"landslide", "hard_negative"}


def test_nothing_is_learned_about_proposed_landslides(ordinary, tmp_path):
    facts = ordinary.facts
    proposed = label("s", "p", to_lonlat(box(560, 20, 600, 60), facts), status=LabelStatus.proposed)
    source = ChipSource("s", ordinary.raster, facts, [*ordinary.labels, proposed], 3)
    manifest = cut([source], tmp_path, config=SMALL, seed=0)
    _, _, masks = load(tmp_path)
    accepted = survey(ordinary.labels, facts).mask(Window(560, 20, 40, 40)) == 1
    for counts in known_by_split(manifest, masks, "s", (640, 600)):
        assert (counts[420:460, 960:1000][~accepted] == 0).all()


def test_several_scenes_each_hold_out_a_rectangle_and_share_one_set_of_chips(make_source, tmp_path):
    def source(scene_id, seed, shift):
        return make_source(
            scene_id,
            landslides=scattered(9, within=WHOLE, radius_px=(8, 20), seed=seed),
            areas=[WHOLE],
            transform=Affine.translation(shift, 0) * NORTH_UP,
        )

    one, other = source("one", 1, 0), source("other", 2, 50_000)
    manifest = cut([one, other], tmp_path / "c", config=SMALL, seed=0)
    assert set(manifest.validation_bounds_px) == {"one", "other"}
    seen = {(chip.scene_id, chip.split) for chip in manifest.chips}
    assert seen == set(itertools.product(("one", "other"), ("train", "validation")))
    swapped = cut([other, one], tmp_path / "d", config=SMALL, seed=0)
    assert {(c.scene_id, c.col, c.row, c.split) for c in manifest.chips} == {
        (c.scene_id, c.col, c.row, c.split) for c in swapped.chips
    }


def test_a_scene_with_one_landslide_only_trains(make_source, tmp_path):
    big = make_source("big", landslides=scattered(9, within=WHOLE, radius_px=(8, 20), seed=1), areas=[WHOLE])
    far = Affine.translation(50_000, 0) * NORTH_UP
    tiny = make_source(
        "tiny", size=(160, 160), landslides=[Point(80, 80).buffer(15)], areas=[box(0, 0, 160, 160)], transform=far
    )
    manifest = cut([big, tiny], tmp_path / "c", config=SMALL, seed=0)
    assert set(manifest.validation_bounds_px) == {"big"}
    assert {chip.split for chip in manifest.chips if chip.scene_id == "tiny"} == {"train"}


def test_ground_that_the_network_has_seen_before_is_not_held_out(make_source, tmp_path):
    slides = scattered(9, within=WHOLE, radius_px=(8, 20), seed=1)
    new = make_source("new", landslides=slides, areas=[WHOLE])
    far = Affine.translation(50_000, 0) * NORTH_UP
    seen = dataclasses.replace(make_source("seen", landslides=slides, areas=[WHOLE], transform=far), may_hold_out=False)
    manifest = cut([new, seen], tmp_path / "c", config=SMALL, seed=0)
    assert set(manifest.validation_bounds_px) == {"new"}
    assert {chip.split for chip in manifest.chips if chip.scene_id == "seen"} == {"train"}
    with pytest.raises(NotTrainableError, match="train in full"):
        cut([seen], tmp_path / "again", config=SMALL, seed=0)


def test_scenes_of_the_same_place_do_not_tell_on_each_other(make_source, tmp_path):
    landslides = scattered(12, within=WHOLE, radius_px=(8, 20), seed=1)
    before = make_source("before", landslides=landslides, areas=[WHOLE])
    after = make_source(
        "after",
        landslides=[Point(slide.centroid.x - 100, slide.centroid.y).buffer(10) for slide in landslides],
        areas=[WHOLE],
        transform=NORTH_UP * Affine.translation(100, 0),  # the same ground, 100 px further east
        validation_bounds_px=(300, 300, 120, 120),
    )
    manifest = cut([before, after], tmp_path / "c", config=SMALL, seed=0)
    _, _, masks = load(tmp_path / "c")
    col, row, width, height = manifest.validation_bounds_px["before"]
    train_after, _ = known_by_split(manifest, masks, "after", (640, 600))
    assert train_after.sum() > 0
    assert train_after[row + 400 : row + 400 + height, col + 300 : col + 300 + width].sum() == 0
    train_before, _ = known_by_split(manifest, masks, "before", (640, 600))
    assert train_before[700:820, 800:920].sum() == 0


def test_progress_is_told_and_rises(ordinary, tmp_path):
    told = []
    cut([ordinary], tmp_path, config=SMALL, seed=0, report=told.append)
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    assert 5 <= len(told) <= 50


def test_a_cut_that_is_stopped_leaves_no_chips_behind(ordinary, tmp_path):
    cut([ordinary], tmp_path / "c", config=SMALL, seed=0)

    def stop(progress):
        if progress.fraction > 0.5:
            raise CancelledError("Training")

    with pytest.raises(CancelledError):
        cut([ordinary], tmp_path / "c", config=SMALL, seed=1, report=stop)
    assert not [path for path in (tmp_path / "c").iterdir() if path.name.startswith(".")]
    with pytest.raises(NotFoundError, match="set of chips 'c'"):
        load(tmp_path / "c")


# ---- refusals ----------------------------------------------------------------------------------------------------


def test_too_few_landslides_are_refused(make_source, tmp_path):
    source = make_source(landslides=[box(10, 10, 40, 40), box(800, 10, 840, 40)], areas=[WHOLE])
    with pytest.raises(NotTrainableError, match=r"At least 4 .* only 1 lie on the image"):
        cut([source], tmp_path / "c", config=SMALL, seed=0)
    assert not (tmp_path / "c").exists()


def test_without_any_known_background_training_is_refused(make_source, tmp_path):
    source = make_source(landslides=scattered(8, within=WHOLE, radius_px=(8, 20), seed=1))
    with pytest.raises(NotTrainableError, match=r"draw a label area .* --complete .* reject candidates"):
        cut([source], tmp_path / "c", config=SMALL, seed=0)


def test_a_label_area_too_tight_for_background_chips_is_refused(make_source, tmp_path):
    landslides = [box(40 + 80 * i, 40, 100 + 80 * i, 100) for i in range(6)]
    source = make_source(landslides=landslides, areas=[box(30, 30, 510, 110)])
    with pytest.raises(NotTrainableError, match="No place of 64 px without a landslide"):
        cut([source], tmp_path / "c", config=SMALL, seed=0)


def test_landslides_on_one_spot_cannot_be_split(make_source, tmp_path):
    landslides = [Point(300 + 2 * i, 310).buffer(2.5) for i in range(5)]
    with pytest.raises(NotTrainableError, match="label landslides farther apart"):
        cut([make_source(landslides=landslides, areas=[WHOLE])], tmp_path / "c", config=SMALL, seed=0)


def test_scenes_with_different_bands_are_refused(make_source, tmp_path):
    colour, grey = make_source("colour"), make_source("grey", bands=1)
    with pytest.raises(NotTrainableError, match="1 and 3 bands"):
        cut([colour, grey], tmp_path / "c", config=SMALL, seed=0)


def test_chips_show_terrain_below_the_bands(ordinary, tmp_path):
    heights = np.add.outer(0.5 * np.arange(600.0), np.zeros(640)).astype(np.float32)  # 2 m pixels: rises by 1 in 4
    heights[:, 320:] = 7
    dem = tmp_path / "dem.tif"
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": UTM48, "transform": NORTH_UP}
    with rasterio.open(dem, "w", width=640, height=600, **profile) as made:
        made.write(heights, 1)
    plain = cut([ordinary], tmp_path / "plain", config=SMALL, seed=0)
    source = dataclasses.replace(ordinary, dem=dem)
    manifest = cut([source], tmp_path / "c", config=SMALL, seed=0, terrain=("slope",))
    assert (plain.bands, plain.terrain, manifest.bands, manifest.terrain) == (3, (), 3, ("slope",))
    assert manifest.chips == plain.chips
    assert manifest.fingerprint != plain.fingerprint
    images, bands = load(tmp_path / "c")[1], load(tmp_path / "plain")[1]
    assert np.array_equal(images[:, :3], bands)
    steep = 255 * (1 - np.rad2deg(np.arctan(0.25)) / 60)
    inside = [
        images[chip.index, 3]
        for chip in manifest.chips
        if min(chip.row, chip.col) > 1 and chip.row + 96 < 598 and chip.col + 96 < 318
    ]
    assert len(inside) > 3
    assert np.abs(np.array(inside) - steep).max() <= 1


def test_terrain_of_a_scene_without_heights_is_refused(ordinary, tmp_path):
    with pytest.raises(RasterRefusedError, match=r"s\.tif.*no elevation model"):
        cut([ordinary], tmp_path / "c", config=SMALL, seed=0, terrain=("slope",))
    with pytest.raises(NotFoundError, match="set of chips 'c'"):
        load(tmp_path / "c")


# ---- whole projects ----------------------------------------------------------------------------------------------


def test_eight_landslides_in_one_small_label_area_suffice(make_source, tmp_path):
    # What the demo project starts with, at the default settings.
    area = box(500, 400, 1500, 1500)
    landslides = scattered(8, within=area, radius_px=(45, 85), seed=2)
    source = make_source(size=(2048, 2048), landslides=landslides, areas=[area])
    manifest = cut([source], tmp_path / "c", config=ChipConfig(), seed=0)
    _, _, masks = load(tmp_path / "c")
    found = sides(landslides, HeldOut(manifest.validation_bounds_px["s"], manifest.buffer_px))
    assert found.count("validation") == 2
    assert found.count("train") >= 5
    kinds = {(chip.split, chip.kind) for chip in manifest.chips}
    assert {("train", "landslide"), ("train", "background"), ("validation", "landslide")} <= kinds
    validation = [masks[chip.index] for chip in manifest.chips if chip.split == "validation"]
    assert {0, 1} <= set(np.unique(validation))


@pytest.mark.real
def test_few_landslides_of_the_real_scene_are_lost_to_the_buffer(tmp_path):
    if not BIJIE.exists():
        pytest.skip(f"the real scenes are not there ({BIJIE.name}); they are not part of the project")
    import geopandas

    facts = inspect(BIJIE / "train_scene.tif")
    polygons = geopandas.read_file(BIJIE / "train_scene_labels.gpkg").to_crs(4326).geometry
    a, _, c, _, e, f = facts.transform
    outline = crs.to_lonlat(box(c, f + e * facts.height, c + a * facts.width, f), facts.crs_wkt)
    labels = [label("t", f"l{i:03}", polygon) for i, polygon in enumerate(polygons)]
    labels.append(label("t", "area", outline, cls=LabelClass.label_area))
    source = ChipSource("t", BIJIE / "train_scene.tif", facts, labels, 1)
    manifest = cut([source], tmp_path, config=ChipConfig(), seed=0)
    landslides = list(survey(labels, facts).landslides.values())
    found = sides(landslides, HeldOut(manifest.validation_bounds_px["t"], manifest.buffer_px))
    assert manifest.buffer_px == ChipConfig().size_px
    assert found.count("lost") <= 0.12 * len(found)
    assert 0.18 <= found.count("validation") / len(found) <= 0.32
    kinds = [(chip.split, chip.kind) for chip in manifest.chips]
    assert kinds.count(("train", "landslide")) >= found.count("train")
    assert kinds.count(("train", "background")) >= kinds.count(("train", "landslide"))
    assert kinds.count(("validation", "background")) >= 5


def test_landslide_points_make_chips_that_show_them_and_teach_a_spot_alone(make_source, tmp_path):
    outlined = scattered(12, within=WHOLE, radius_px=(8, 20), seed=4)
    places = [Point(x, y) for x, y in ((40, 560), (320, 40), (600, 560), (600, 300), (60, 60))]
    source = make_source(
        landslides=[disc for disc in outlined if all(disc.distance(place) > 70 for place in places)],
        areas=[WHOLE],
        negatives=[box(590, 545, 610, 575)],
        points=places,
    )
    manifest = cut([source], tmp_path / "chips", config=SMALL, seed=0)
    _, _, masks = load(tmp_path / "chips")
    zone = HeldOut(manifest.validation_bounds_px["s"], manifest.buffer_px).zone
    there = {f"landslide_point{i:03}": place for i, place in enumerate(places) if not zone.intersects(place)}
    on_points = [chip for chip in manifest.chips if chip.kind == "landslide_point" and chip.split == "train"]
    assert {chip.label_uid for chip in on_points} <= set(there)
    assert len(on_points) >= 2
    for chip in on_points:
        place = there[chip.label_uid]
        col, row = int(place.x) - chip.col, int(place.y) - chip.row
        room = 0.35 * SMALL.size_px - SMALL.margin_px + 1
        assert max(abs(col - chip.size_px / 2), abs(row - chip.size_px / 2)) <= room
    radius = SMALL.point_radius_chips * SMALL.size_px
    negative = box(590, 545, 610, 575)
    for chip in manifest.chips:
        rows, cols = np.mgrid[: chip.size_px, : chip.size_px]
        for place in places:
            near = np.hypot(cols + 0.5 + chip.col - place.x, rows + 0.5 + chip.row - place.y) < radius - 1
            shown = masks[chip.index][near]
            if not place.intersects(negative):
                assert np.isin(shown, (255, SPOT)).all()
                assert (shown == SPOT).sum() <= 16
    spotted = {chip.index for chip in manifest.chips if (masks[chip.index] == SPOT).any()}
    believed = [chip for chip in on_points if not there[chip.label_uid].intersects(negative)]
    assert len(believed) >= 2
    assert spotted >= {chip.index for chip in believed}
    assert all(manifest.chips[index].split == "train" for index in spotted)
    assert not any(chip.kind == "hard_negative" for chip in manifest.chips)  # its chip would show a landslide point


def test_a_held_out_tile_with_a_point_is_of_that_kind_and_neighbours_near_it_are_unknown(make_source, tmp_path):
    held = (256, 256, 128, 128)
    source = make_source(
        landslides=[*scattered(9, within=box(0, 0, 640, 180), radius_px=(8, 20), seed=4), Point(290, 290).buffer(20)],
        areas=[WHOLE],
        points=[Point(376, 350)],
        validation_bounds_px=held,
    )
    manifest = cut([source], tmp_path / "chips", config=SMALL, seed=0)
    kinds = {
        (chip.col + chip.size_px // 2, chip.row + chip.size_px // 2): chip.kind
        for chip in manifest.chips
        if chip.split == "validation"
    }
    assert kinds[352, 352] == "landslide_point"
    assert kinds[288, 288] == "landslide"
    assert kinds[352, 288] == "unknown"
    assert kinds[288, 352] == "background"


def test_without_points_the_chips_are_what_they_were(ordinary, make_source, tmp_path):
    plain = cut([ordinary], tmp_path / "plain", config=SMALL, seed=3)
    outlined = ordinary.labels[0]
    point = label("s", "zz", outlined.geometry_lonlat.representative_point(), cls=LabelClass.landslide_point)
    both = dataclasses.replace(ordinary, labels=[*ordinary.labels, point])
    assert cut([both], tmp_path / "both", config=SMALL, seed=3).fingerprint == plain.fingerprint
