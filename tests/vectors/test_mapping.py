"""Foreign columns and values become fields of the landslide record, and nothing is lost that does not."""

from __future__ import annotations

from typing import Any

import pytest

from icssn import landslide_record
from icssn.errors import AttributeRefusedError, LabelsRefusedError
from icssn.vectors.mapping import converted, is_ours, recognised, suggest, understood


def test_columns_of_known_inventories_are_found() -> None:
    usgs = suggest(["USGS_ID", "Confidence", "Date", "Fatalities", "Notes", "Inventory"])
    assert usgs == {
        "Confidence": "confidence",
        "Date": "event_date",
        "Fatalities": "fatalities",
        "Notes": "notes",
    }
    dogami = suggest(["UNIQUE_ID", "TYPE_MOVE", "CONFIDENCE", "AGE", "FAIL_DEPTH", "DEEP_SHAL", "SLOPE"])
    assert dogami["TYPE_MOVE"] == "movement_type"
    assert dogami["DEEP_SHAL"] == "depth_class"
    assert suggest(["event_title", "landslide_trigger", "fatality_count"]) == {
        "event_title": "name",
        "landslide_trigger": "trigger",
        "fatality_count": "fatalities",
    }
    assert suggest(["滑坡名称", "诱发因素", "滑坡类型", "备注", "面积"]) == {
        "滑坡名称": "name",
        "诱发因素": "trigger",
        "滑坡类型": "movement_type",
        "备注": "notes",
    }


def test_a_field_is_found_once_and_its_own_name_comes_first() -> None:
    assert suggest(["remarks", "NOTES", "notes"]) == {"notes": "notes"}


def test_names_of_a_shapefile_are_found() -> None:
    for field in landslide_record.fields().values():
        expected = {} if field.origin == "measured" or field.key == "uid" else {field.short or field.key: field.key}
        assert suggest([field.short or field.key]) == expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("confidence", "High", "high"),
        ("confidence", "中", "moderate"),
        ("confidence", "High (=>30)", "high"),
        ("confidence_usgs", 8.0, "8"),
        ("confidence_usgs", 5, "5"),
        ("movement_type", "旋转型滑坡", "rotational_slide"),
        ("movement_type", "Lateral Spread", "spread"),
        ("movement_type", "Debris-Flow", "flow"),
        ("trigger", "downpour", "rainfall"),
        ("features", "Main scarp; tongue", ["main_scarp", "tongue"]),
        ("features", '["tongue", "ponds"]', ["tongue", "ponds"]),
        ("features", "滑坡后壁、双沟同源", ["main_scarp", "twin_gullies"]),
        ("depth_m", "12.5 m", 12.5),
        ("depth_m", "12.5m", 12.5),
        ("depth_m", "12,5", 12.5),
        ("depth_m", "1250,125 m", 1250.125),
        ("depth_m", "0,125", 0.125),
        ("volume_m3", "1,250,000", 1_250_000),
        ("volume_m3", "1,250.5 m3", 1250.5),
        ("volume_m3", "1.250,5 m³", 1250.5),
        ("volume_m3", "1.250.000", 1_250_000),
        ("volume_m3", "1 200 000", 1_200_000),
        ("volume_m3", "1\u2009200\u2009000,5", 1_200_000.5),
        ("volume_m3", "5.2e4", 52_000),
        ("fatalities", "3", 3),
        ("event_date", "2008-05-12", "2008-05-12"),
        ("event_date", "2008/5/12", "2008-05-12"),
        ("event_date", "20080512", "2008-05-12"),
        ("event_date", "2008年5月12日", "2008-05-12"),
        ("event_date", "2008-05-12T14:28:01", "2008-05-12"),
        ("event_date", "2008-05-12 14:28:04+08", "2008-05-12"),
        ("event_date", "2008.5", "2008-05"),
        ("event_date", "2008年", "2008"),
        ("event_date", "200805", "2008-05"),
        ("event_date", 1920, "1920"),
        ("event_date", 1920.0, "1920"),
        ("name", 17, "17"),
    ],
)
def test_values_are_understood_as_they_are_written_elsewhere(key: str, value: Any, expected: Any) -> None:
    assert recognised(landslide_record.fields()[key], value) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [("confidence", "sure"), ("depth_m", "deep"), ("event_date", "long ago"), ("event_date", "2008-13-01"),
     ("features", "main_scarp;wings"), ("fatalities", "1.5"),
     ("depth_m", "1,250"), ("depth_m", "5-10"), ("depth_m", "30 ft"), ("depth_m", "12 mm"), ("depth_m", "12 m3"),
     ("depth_m", "1,2,3"), ("depth_m", "12,34,567"), ("depth_m", "1 20"), ("depth_m", "约30"), ("depth_m", "2~3"),
     ("volume_m3", "100万"), ("volume_m3", "5.2×10^4"), ("volume_m3", "5²"),
     ("event_date", "43831"), ("event_date", 39580), ("event_date", "99999"), ("event_date", "20085"),
     ("event_date", "080512"), ("event_date", "2008-2010"), ("event_date", "2008-05-32"), ("event_date", "1920s"),
     ("event_date", "2008 or 2010"), ("event_date", "12/05/2008")],
)  # fmt: skip
def test_what_a_field_does_not_know_is_refused(key: str, value: Any) -> None:
    with pytest.raises(AttributeRefusedError):
        recognised(landslide_record.fields()[key], value)


def test_what_is_not_understood_is_kept_under_the_name_of_its_column() -> None:
    row = {"TYPE_MOVE": "odd", "confidence": "sure", "AREA": 12.0, "slope_deg": 3, "junk": "x", "empty": None}
    attributes, strange = converted(row, suggest(row) | {"junk": ""})
    assert attributes == {"TYPE_MOVE": "odd", "confidence_as_given": "sure", "AREA": 12.0, "slope_deg_as_given": 3}
    assert strange == ["TYPE_MOVE", "confidence"]


def test_a_number_of_another_inventory_keeps_its_name_and_a_column_without_one_is_no_field() -> None:
    row = {"": "0", "event_id": "684", "USGS_ID": "a", "uid": "b"}
    assert suggest(row) == {}
    assert converted(row, suggest(row))[0] == {"": "0", "event_id": "684", "USGS_ID": "a", "uid_as_given": "b"}
    with pytest.raises(LabelsRefusedError, match="no field 'uid'"):
        understood(row, {"event_id": "uid"})


def test_a_file_whose_class_is_a_list_is_not_ours() -> None:
    assert not is_ours(["uid", "class"], [{"uid": "a", "class": ["landslide"]}])
    assert is_ours(["uid", "class"], [{"uid": "a", "class": "landslide"}])


def test_the_usgs_code_gives_the_confidence_in_three_levels() -> None:
    for code, level in (("1", "low"), ("2", "low"), ("3", "moderate"), ("5", "high"), ("8", "high")):
        attributes, _ = converted({"c": code}, {"c": "confidence_usgs"})
        assert attributes == {"confidence_usgs": code, "confidence": level}
    assert converted({"c": 8, "d": "low"}, {"c": "confidence_usgs", "d": "confidence"})[0]["confidence"] == "low"


def test_a_wish_changes_what_is_suggested() -> None:
    columns = ["Notes", "rem", "Age", "junk"]
    assert understood(columns, {}) == {"Notes": "notes", "Age": "age_class"}
    wish = {"rem": "notes", "Age": None, "junk": ""}  # what is wished for a field takes it from the column suggested
    assert understood(columns, wish) == {"rem": "notes", "junk": ""}


def test_a_wish_that_cannot_be_is_refused() -> None:
    with pytest.raises(LabelsRefusedError, match="no such column; one of a, b is needed"):
        understood(["a", "b"], {"x": "notes"})
    with pytest.raises(LabelsRefusedError, match="no field 'colour' in the landslide record"):
        understood(["a", "b"], {"a": "colour"})
    with pytest.raises(LabelsRefusedError, match="'a, b' were refused: all of them are to become 'notes'"):
        understood(["a", "b"], {"a": "notes", "b": "notes"})
