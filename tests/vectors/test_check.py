"""Edits from the map: repaired where that is plain, refused where it is not."""

from __future__ import annotations

import pytest
from shapely.geometry import LineString, MultiPoint, MultiPolygon, Point, Polygon, box

from icssn.errors import AttributeRefusedError, LabelsRefusedError
from icssn.geo import crs
from icssn.records import Edits, LabelChange, LabelClass, NewLabel, RasterFacts
from icssn.vectors.check import checked, repaired_polygon, scene_outline, whole_scene_area


def at(facts: RasterFacts, west: float, south: float, size: float = 0.001) -> Polygon:
    left, bottom, _, _ = facts.bounds_lonlat
    return box(left + west, bottom + south, left + west + size, bottom + south + size)


def test_a_crossing_outline_is_repaired_in_created_and_changed(facts: RasterFacts) -> None:
    w, s = facts.bounds_lonlat[:2]
    bow_tie = Polygon([(w, s), (w + 0.001, s + 0.001), (w + 0.001, s), (w, s + 0.001)])
    edits = Edits(
        created=(NewLabel(geometry_lonlat=bow_tie),),
        changed=(LabelChange(uid="a", expected_version=1, geometry_lonlat=bow_tie),),
    )
    sound = checked(edits, facts=facts, name="demo")
    assert sound.created[0].geometry_lonlat.is_valid
    assert sound.changed[0].geometry_lonlat is not None
    assert sound.changed[0].geometry_lonlat.is_valid
    assert sound.nonce == edits.nonce


def test_a_change_of_status_alone_needs_no_geometry(facts: RasterFacts) -> None:
    edits = Edits(changed=(LabelChange(uid="a", expected_version=1),))
    assert checked(edits, facts=facts, name="demo") == edits


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        (Point(1, 1), "type Point"),
        (LineString([(0, 0), (1, 1)]), "type LineString"),
        (box(0, 0, 1, 1), "outside the image"),
        (box(500, 0, 501, 1), "not longitude and latitude"),
        (Polygon(), "empty polygon"),
        (Polygon([(179.98, 0), (-179.99, 0), (-179.99, 1), (179.98, 1)]), "across 180° of longitude"),
        (MultiPolygon([box(1, 1, 2, 2), box(-100, 1, 100, 2)]), "across 180° of longitude"),
    ],
)
def test_an_impossible_outline_is_refused(facts: RasterFacts, geometry: Polygon, words: str) -> None:
    with pytest.raises(LabelsRefusedError, match=words):
        checked(Edits(created=(NewLabel(geometry_lonlat=geometry),)), facts=facts, name="demo")


def test_an_outline_with_a_part_on_each_side_of_180_degrees_is_sound() -> None:
    parts = MultiPolygon([box(179.99, 0, 180, 0.01), box(-180, 0, -179.99, 0.01)])
    assert repaired_polygon(parts, name="demo") == (parts, False)


def test_the_whole_scene_area_covers_the_scene_and_no_more(facts: RasterFacts) -> None:
    area = whole_scene_area(facts)
    assert area.cls is LabelClass.label_area
    assert crs.area_m2(area.geometry_lonlat) == pytest.approx(800 * 600, rel=1e-3)
    assert scene_outline(facts).contains(at(facts, 0.002, 0.002))


def test_attributes_outside_the_landslide_record_are_refused_and_measured_ones_dropped(facts: RasterFacts) -> None:
    def given(attributes: dict[str, object]) -> Edits:
        return Edits(created=(NewLabel(geometry_lonlat=at(facts, 0.001, 0.001), attributes=attributes),))

    sound = checked(given({"confidence": "high", "area_m2": 5, "GRIDCODE": 7}), facts=facts, name="demo")
    assert sound.created[0].attributes == {"confidence": "high", "GRIDCODE": 7}
    with pytest.raises(AttributeRefusedError, match="Field 'confidence' cannot be 'sure'"):
        checked(given({"confidence": "sure"}), facts=facts, name="demo")


def test_a_landslide_point_must_lie_on_the_image(facts: RasterFacts) -> None:
    west, south, east, north = facts.bounds_lonlat
    middle = Point((west + east) / 2, (south + north) / 2)
    point = NewLabel(geometry_lonlat=MultiPoint([middle]), cls=LabelClass.landslide_point)
    moved = LabelChange(uid="a", expected_version=1, geometry_lonlat=middle)
    sound = checked(Edits(created=(point,), changed=(moved,)), facts=facts, name="demo")
    assert sound.created[0].geometry_lonlat == sound.changed[0].geometry_lonlat == middle
    for geometry, words in (
        (Point(1, 1), "a point lies outside the image"),
        (Point(500, 1), "not longitude and latitude"),
        (Point(), "type Point|empty point"),
        (box(west, south, east, north), "type Polygon; one Point"),
        (MultiPoint([middle, (west, south)]), "type MultiPoint"),
    ):
        with pytest.raises(LabelsRefusedError, match=words):
            checked(
                Edits(created=(NewLabel(geometry_lonlat=geometry, cls=LabelClass.landslide_point),)),
                facts=facts,
                name="demo",
            )
