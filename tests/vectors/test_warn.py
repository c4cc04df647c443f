"""What looks like a slip of the pen is told, and nothing else is."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from icssn.geo import crs
from icssn.records import Label, LabelClass, LabelStatus, LabelWarning, RasterFacts, WarningKind
from icssn.ui import wording
from icssn.vectors.check import whole_scene_area
from icssn.vectors.warn import warnings_about

WEST, NORTH = 600_000, 3_800_000  # of the scene; 800 × 600 m, pixels of 2 m


def label(facts: RasterFacts, uid: str, geometry_m: BaseGeometry, **fields: Any) -> Label:
    """Give a label whose geometry is in m to the east and south of the scene's upper left corner."""
    placed = translate(Polygon() if geometry_m is None else geometry_m, WEST, NORTH)
    return Label(uid=uid, scene_id="s", geometry_lonlat=crs.to_lonlat(placed, facts.crs_wkt), **fields)


def at(east: float, south: float, width: float = 60, height: float = 80) -> Polygon:
    return box(east, -south - height, east + width, -south)


def told(found: list[LabelWarning]) -> list[tuple[str, tuple[str, ...]]]:
    return [(warning.kind.value, warning.uids) for warning in found]


def test_ordinary_labels_get_no_warning(facts: RasterFacts) -> None:
    area = whole_scene_area(facts)
    labels = [
        label(facts, "a", at(10, 10)),
        label(facts, "b", at(70, 10)),  # shares a side with the first
        label(facts, "c", at(300, 100, 100, 200), cls=LabelClass.hard_negative),
        label(facts, "d", Point(500, -400), cls=LabelClass.landslide_point),
        Label(uid="e", scene_id="s", geometry_lonlat=area.geometry_lonlat, cls=area.cls),
    ]
    assert warnings_about(labels, facts=facts) == []


def test_two_labels_that_overlap_are_told_once_and_where(facts: RasterFacts) -> None:
    labels = [label(facts, "a", at(10, 10)), label(facts, "b", at(60, 10), cls=LabelClass.hard_negative)]
    (warning,) = warnings_about(labels, facts=facts)
    assert told([warning]) == [("overlap", ("a", "b"))]
    assert warning.text == "Overlaps another label: 17% of the smaller one."
    there = crs.from_lonlat(Point(warning.at_lonlat), facts.crs_wkt)
    assert translate(at(60, 10, 10, 80), WEST, NORTH).buffer(0.1).contains(there)


def test_a_line_drawn_twice_by_hand_is_no_overlap(facts: RasterFacts) -> None:
    assert warnings_about([label(facts, "a", at(10, 10)), label(facts, "b", at(69, 10))], facts=facts) == []


def test_a_part_of_a_larger_landslide_may_overlap_it(facts: RasterFacts) -> None:
    whole, part = label(facts, "a", at(10, 10, 200, 200)), at(50, 50)
    assert told(warnings_about([whole, label(facts, "b", part)], facts=facts)) == [("overlap", ("a", "b"))]
    named = label(facts, "b", part, attributes={"part_of": "a"})
    assert warnings_about([whole, named], facts=facts) == []


def test_the_same_landslide_drawn_twice_is_a_duplicate(facts: RasterFacts) -> None:
    labels = [label(facts, "a", at(10, 10)), label(facts, "b", at(11, 10))]
    assert told(warnings_about(labels, facts=facts)) == [("duplicate", ("a", "b"))]


def test_a_point_in_an_outlined_landslide_is_a_duplicate(facts: RasterFacts) -> None:
    point = label(facts, "p", Point(30, -30), cls=LabelClass.landslide_point)
    assert told(warnings_about([label(facts, "a", at(10, 10)), point], facts=facts)) == [("duplicate", ("p", "a"))]


def test_a_sliver_is_told_unless_it_is_meant_as_a_line(facts: RasterFacts) -> None:
    thin = at(10, 10, 3, 200)
    (warning,) = warnings_about([label(facts, "a", thin)], facts=facts)
    assert told([warning]) == [("sliver", ("a",))]
    assert warning.text == "The outline is only 3.0 m wide, less than 2 pixels."
    assert warnings_about([label(facts, "a", thin, attributes={"geometry_role": "scarp_line"})], facts=facts) == []


def test_a_thin_part_of_a_multipolygon_is_shown_at_its_place(facts: RasterFacts) -> None:
    (warning,) = warnings_about([label(facts, "a", MultiPolygon([at(10, 10), at(500, 10, 2, 100)]))], facts=facts)
    there = crs.from_lonlat(Point(warning.at_lonlat), facts.crs_wkt)
    assert (warning.kind, round(there.x)) == (WarningKind.sliver, WEST + 501)


def test_what_reaches_outside_the_image_is_told_with_its_share(facts: RasterFacts) -> None:
    labels = [
        label(facts, "a", at(-30, 100)),
        label(facts, "b", at(739.9, 300)),  # on the edge
        label(facts, "c", Point(900, -10), cls=LabelClass.landslide_point),
    ]
    found = warnings_about(labels, facts=facts)
    assert told(found) == [("outside_image", ("a",)), ("outside_image", ("c",))]
    assert found[0].text == "50% of the outline lies outside the image."


def test_what_lies_on_nodata_is_told_with_its_share(facts: RasterFacts) -> None:
    collar = label(facts, "n", at(0, 0, 800, 50)).geometry_lonlat
    labels = [
        label(facts, "a", at(10, 10)),
        label(facts, "b", at(200, 48)),
        label(facts, "c", Point(700, -10), cls=LabelClass.landslide_point),
    ]
    found = warnings_about(labels, facts=facts, nodata_lonlat=[collar])
    assert told(found) == [("on_nodata", ("a",)), ("on_nodata", ("c",))]
    assert found[0].text == "50% of the outline lies where the image has no data."


@pytest.mark.parametrize(
    ("outline", "words"),
    [
        (at(10, 500, 8, 8), "covers only 16 pixels"),
        (at(10, 250, 600, 300), "covers 38% of the image"),
    ],
)
def test_a_landslide_far_too_small_or_large_for_the_image_is_told(
    facts: RasterFacts, outline: Polygon, words: str
) -> None:
    (warning,) = warnings_about([label(facts, "a", outline)], facts=facts)
    assert warning.kind is WarningKind.unlikely_size
    assert words in warning.text


def test_a_landslide_far_from_the_others_in_size_is_told(facts: RasterFacts) -> None:
    others = [label(facts, f"o{i}", at(10 + 90 * i, 10, 80, 200)) for i in range(8)]
    small = label(facts, "s", at(10, 400, 12, 12))
    (warning,) = warnings_about([*others, small], facts=facts)
    assert (warning.uids, warning.text) == (
        ("s",), "The outline is 111 times smaller than the scene's middle landslide."
    )  # fmt: skip


def test_an_outline_that_crosses_itself_is_told_where_it_does(facts: RasterFacts) -> None:
    bow_tie = Polygon([(10, -10), (110, -110), (110, -10), (10, -110)])
    (warning,) = warnings_about([label(facts, "a", bow_tie)], facts=facts)
    assert warning.kind is WarningKind.self_crossing
    there = crs.from_lonlat(Point(warning.at_lonlat), facts.crs_wkt)
    assert there.distance(Point(WEST + 60, NORTH - 60)) < 0.1


def test_rejected_labels_and_label_areas_are_left_in_peace(facts: RasterFacts) -> None:
    labels = [
        label(facts, "a", at(10, 10)),
        label(facts, "b", at(10, 10), status=LabelStatus.rejected),
        label(facts, "c", at(-100, 0, 900, 600), cls=LabelClass.label_area),
    ]
    assert warnings_about(labels, facts=facts) == []


def test_every_warning_is_told_in_chinese(facts: RasterFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": "zh"})
    bow_tie = Polygon([(10, -10), (110, -110), (110, -10), (10, -110)])
    point = {"cls": LabelClass.landslide_point}
    found = [
        *warnings_about([label(facts, "a", bow_tie)], facts=facts),
        *warnings_about([label(facts, "a", at(10, 10)), label(facts, "b", at(11, 10))], facts=facts),
        *warnings_about([label(facts, "a", at(10, 10)), label(facts, "b", at(60, 10))], facts=facts),
        *warnings_about([label(facts, "a", at(10, 10)), label(facts, "b", Point(30, -30), **point)], facts=facts),
        *warnings_about([label(facts, "a", at(10, 10, 3, 200))], facts=facts),
        *warnings_about([label(facts, "a", MultiPolygon([at(10, 10), at(500, 10, 2, 100)]))], facts=facts),
        *warnings_about([label(facts, "a", at(-30, 100)), label(facts, "b", Point(900, 0), **point)], facts=facts),
        *warnings_about(
            [label(facts, "a", at(10, 10)), label(facts, "b", Point(30, -300), **point)],
            facts=facts,
            nodata_lonlat=[label(facts, "n", at(0, 0, 40, 500)).geometry_lonlat],
        ),
        *warnings_about([label(facts, "a", at(10, 500, 8, 8))], facts=facts),
        *warnings_about([label(facts, "a", at(10, 250, 600, 300))], facts=facts),
        *warnings_about(
            [*(label(facts, f"o{i}", at(10 + 90 * i, 10, 80, 200)) for i in range(8)),
             label(facts, "s", at(10, 400, 12, 12))],
            facts=facts,
        ),
    ]  # fmt: skip
    of_cross_validation = {WarningKind.disputed, WarningKind.overlooked}
    assert {warning.kind for warning in found} == set(WarningKind) - of_cross_validation
    for warning in found:
        assert wording.told(warning.text) != warning.text, warning.text
    for kind in WarningKind:
        assert wording.phrase(f"warning.{kind.value}", language="zh")


def test_three_thousand_labels_are_checked_in_seconds(facts: RasterFacts) -> None:
    rng = np.random.default_rng(0)
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    labels = []
    for number in range(3_000):
        x, y, radius = rng.uniform(0, 780), -rng.uniform(0, 580), rng.uniform(6, 9)
        ring = np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1)
        labels.append(label(facts, f"{number:04}", Polygon(ring)))
    began = time.process_time()
    found = warnings_about(labels, facts=facts)
    assert time.process_time() - began < 5
    assert sum(warning.kind is WarningKind.overlap for warning in found) > 1_000
