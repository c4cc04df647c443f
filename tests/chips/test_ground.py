import numpy as np
import pytest
import rasterio.features
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely.geometry import Point, Polygon, box, mapping

from icssn.chips.ground import SPOT, SPOT_PX, survey, to_lonlat, to_pixels
from icssn.geo import crs
from icssn.imagery.open import inspect
from icssn.records import LabelClass, LabelStatus
from tests.chips.conftest import NORTH_UP, ROTATED, WHOLE, label, scattered


def test_nothing_is_known_where_nothing_is_labelled(make_source):
    ground = survey([], make_source().facts)
    assert (ground.mask(Window(0, 0, 8, 8)) == 255).all()


def test_a_landslide_beats_a_hard_negative_beats_a_proposal_beats_a_label_area(make_source):
    source = make_source(
        areas=[box(0, 0, 40, 10)], negatives=[box(20, 0, 40, 10)], landslides=[box(30, 0, 40, 10)], size=(64, 64)
    )
    proposed = label("s", "p", to_lonlat(box(10, 0, 40, 10), source.facts), status=LabelStatus.proposed)
    mask = survey([*source.labels, proposed], source.facts).mask(Window(0, 0, 50, 10))
    assert mask[5].tolist() == [0] * 10 + [255] * 10 + [0] * 10 + [1] * 10 + [255] * 10


@pytest.mark.parametrize(
    ("cls", "status", "value"),
    [
        (LabelClass.landslide, LabelStatus.accepted, 1),
        (LabelClass.landslide, LabelStatus.rejected, 0),
        (LabelClass.landslide, LabelStatus.proposed, 255),
        (LabelClass.hard_negative, LabelStatus.accepted, 0),
        (LabelClass.hard_negative, LabelStatus.rejected, 0),
        (LabelClass.hard_negative, LabelStatus.proposed, 255),
        (LabelClass.label_area, LabelStatus.accepted, 0),
        (LabelClass.label_area, LabelStatus.rejected, 255),
        (LabelClass.label_area, LabelStatus.proposed, 255),
    ],
)
def test_class_and_status_say_what_a_polygon_teaches(make_source, cls, status, value):
    facts = make_source(size=(64, 64)).facts
    one = label("s", "a", to_lonlat(box(8, 8, 24, 24), facts), cls=cls, status=status)
    mask = survey([one], facts).mask(Window(0, 0, 32, 32))
    assert (mask[8:24, 8:24] == value).all()
    assert (mask == value).sum() in (256, 1024)


@pytest.mark.parametrize(
    ("status", "ignored"), [(LabelStatus.accepted, True), (LabelStatus.proposed, True), (LabelStatus.rejected, False)]
)
def test_around_a_landslide_point_background_is_not_believed(make_source, status, ignored):
    facts = make_source(size=(64, 64)).facts
    area = label("s", "a", to_lonlat(box(0, 0, 64, 64), facts), cls=LabelClass.label_area)
    point = label("s", "p", to_lonlat(Point(32, 32), facts), cls=LabelClass.landslide_point, status=status)
    ground = survey([area, point], facts, point_radius_px=10)
    mask = ground.mask(Window(0, 0, 64, 64))
    rows, cols = np.mgrid[:64, :64] + 0.5 - 32
    disc = np.hypot(rows, cols) <= 10
    spot = np.hypot(rows, cols) <= SPOT_PX
    assert ((mask == 255) == (disc & ~(mask == SPOT) if ignored else False)).mean() > 0.995  # of 64 corners
    assert ((mask == SPOT) == (spot if status is LabelStatus.accepted else False)).all()
    assert list(ground.points) == (["p"] if status is LabelStatus.accepted else [])
    assert (mask == 1).sum() == 0


def test_what_is_outlined_near_a_landslide_point_is_known_all_the_same(make_source):
    source = make_source(
        size=(64, 64), areas=[box(0, 0, 64, 64)], negatives=[box(0, 0, 30, 64)], landslides=[box(40, 0, 64, 64)],
        points=[Point(35, 32)],
    )  # fmt: skip
    mask = survey(source.labels, source.facts, point_radius_px=100).mask(Window(0, 0, 64, 64))
    assert mask[32].tolist() == [0] * 30 + [255] * 3 + [SPOT] * 4 + [255] * 3 + [1] * 24


def test_a_spot_gives_way_to_outlines_and_look_alikes(make_source):
    source = make_source(
        size=(64, 64), areas=[WHOLE], landslides=[box(32, 0, 64, 64)], negatives=[box(0, 0, 31, 64)],
        points=[Point(31.5, 32)],
    )  # fmt: skip
    mask = survey(source.labels, source.facts).mask(Window(0, 0, 64, 64))
    assert mask[32, 28:36].tolist() == [0, 0, 0, SPOT, 1, 1, 1, 1]


def test_a_point_within_an_outlined_landslide_says_nothing_more(make_source):
    source = make_source(size=(64, 64), areas=[WHOLE], landslides=[box(20, 20, 40, 40)], points=[Point(30, 30)])
    ground = survey(source.labels, source.facts, point_radius_px=30)
    assert ground.points == {}
    assert (ground.mask(Window(0, 0, 64, 64)) != 255).all()


@pytest.mark.parametrize("transform", [NORTH_UP, ROTATED])
def test_masks_are_those_of_the_polygons_in_the_crs_of_the_scene(make_source, transform):
    source = make_source(landslides=scattered(9, within=WHOLE, radius_px=(10, 40), seed=1), transform=transform)
    mask = survey(source.labels, source.facts).mask(Window(0, 0, 640, 600))
    shapes = [mapping(crs.from_lonlat(one.geometry_lonlat, source.facts.crs_wkt)) for one in source.labels]
    twin = rasterio.features.rasterize(shapes, (600, 640), transform=transform)
    assert ((mask == 1) != (twin == 1)).sum() <= 2  # a pixel centre may lie on an outline
    assert twin.sum() > 5000


@settings(max_examples=40, deadline=None)
@given(st.integers(-70, 700), st.integers(-70, 700), st.integers(1, 120), st.integers(1, 120))
def test_a_window_shows_the_same_mask_as_the_whole(col, row, width, height):
    whole = np.full((1200, 1200), 255, np.uint8)
    whole[300:900, 300:940] = _GROUND.mask(Window(0, 0, 640, 600))
    part = _GROUND.mask(Window(col, row, width, height))
    assert (part == whole[row + 300 : row + 300 + height, col + 300 : col + 300 + width]).all()


def test_labels_off_the_raster_and_those_parts_that_hang_over_are_cut_away(make_source):
    source = make_source(landslides=[box(-50, -50, 20, 20), box(900, 900, 950, 950)], areas=[box(-9, -9, 999, 999)])
    ground = survey(source.labels, source.facts)
    (inside,) = ground.landslides.values()
    assert inside.bounds == pytest.approx((0, 0, 20, 20), abs=0.01)
    assert ground.areas.area == pytest.approx(640 * 600, rel=1e-4)


def test_crossed_outlines_are_repaired(make_source):
    facts = make_source(size=(64, 64)).facts
    bow_tie = to_lonlat(Polygon([(4, 4), (36, 36), (36, 4), (4, 36)]), facts)
    assert not bow_tie.is_valid
    mask = survey([label("s", "a", bow_tie)], facts).mask(Window(0, 0, 64, 64))
    assert (mask == 1).sum() == pytest.approx(32 * 32 / 2, abs=40)


@settings(max_examples=30, deadline=None)
@given(st.floats(-200, 900), st.floats(-200, 900), st.booleans())
def test_pixels_come_back_from_longitude_and_latitude(col, row, rotated):
    facts = _FACTS.model_copy(update={"transform": tuple(ROTATED)[:6]}) if rotated else _FACTS
    there = box(col, row, col + 10, row + 10)
    back = to_pixels(to_lonlat(there, facts), facts)
    assert back.symmetric_difference(there).area < 1e-3


def _scene():
    import tempfile
    from pathlib import Path

    import rasterio

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.tif"
        grid = {"width": 640, "height": 600, "count": 1, "dtype": "uint8", "crs": "EPSG:32648", "transform": NORTH_UP}
        with rasterio.open(path, "w", driver="GTiff", **grid) as dataset:
            dataset.write(np.ones((1, 600, 640), np.uint8))
        return inspect(path)


_FACTS = _scene()
_GROUND = survey(
    [
        *(
            label("s", f"l{i}", to_lonlat(disc, _FACTS))
            for i, disc in enumerate(scattered(12, within=WHOLE, radius_px=(8, 40), seed=3))
        ),
        label("s", "a", to_lonlat(box(100, 100, 500, 500), _FACTS), cls=LabelClass.label_area),
        label("s", "h", to_lonlat(box(30, 30, 90, 90), _FACTS), cls=LabelClass.hard_negative),
    ],
    _FACTS,
)
assert Affine(*_FACTS.transform) == NORTH_UP
