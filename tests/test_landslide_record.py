"""The landslide record: one file of domains, and what may be stored."""

from __future__ import annotations

import math
from typing import Any

import pytest

from icssn import landslide_record as record
from icssn.errors import AttributeRefusedError
from icssn.ui import wording


def test_the_mandatory_fields_are_number_role_and_confidence() -> None:
    assert [f.key for f in record.fields().values() if f.mandatory] == ["uid", "geometry_role", "confidence"]


def test_every_domain_has_codes_without_repetition_and_nothing_else_has() -> None:
    for field in record.fields().values():
        codes = [item.code for item in field.codes]
        assert bool(codes) == (field.kind in ("choice", "multi")), field.key
        assert len(set(codes)) == len(codes), field.key
        assert field.default in ("", *codes), field.key


def test_no_spelling_means_two_values_of_a_field() -> None:
    for field in record.fields().values():
        spellings = [word for item in field.codes for word in (item.code, *item.also)]
        assert len(set(spellings)) == len(spellings), field.key


def test_no_column_name_means_two_fields() -> None:
    names = [name.lower() for f in record.fields().values() for name in {f.key, *f.also}]
    assert sorted(set(names)) == sorted(names)


def test_every_field_belongs_to_a_group_and_every_group_has_fields() -> None:
    assert {field.group for field in record.fields().values()} == set(record.groups())


def test_every_field_group_and_code_has_wording_in_both_languages() -> None:
    codes = {f"{f.key}.{item.code}" for f in record.fields().values() for item in f.codes}
    for language in wording.LANGUAGES:
        assert set(wording.group("record", language=language)) == set(record.fields())
        assert set(wording.group("record_group", language=language)) == set(record.groups())
        assert set(wording.group("record_code", language=language)) == codes
        assert set(wording.group("record_help", language=language)) <= set(record.fields())


def test_what_is_in_the_domains_is_kept() -> None:
    given = {
        "name": "黄茨滑坡 <img src=x onerror=alert(1)>",
        "geometry_role": "whole",
        "confidence": "high",
        "movement_type": "rotational_slide",
        "depth_m": 35.5,
        "event_date": "1995-01-30",
        "fatalities": 0,
        "features": ["main_scarp", "tongue"],
        "notes": "后壁清晰\n“双沟同源”",
    }
    assert record.checked(given) == given


def test_several_features_are_kept_once_and_in_the_order_of_the_domain() -> None:
    kept = record.checked({"features": ["tongue", "main_scarp", "tongue"]})
    assert kept == {"features": ["main_scarp", "tongue"]}


def test_unknown_keys_are_kept_under_their_own_names() -> None:
    given = {"GRIDCODE": 7, "备注2": "x", "nested": {"a": [1, None]}}
    assert record.checked(given) == given


def test_empty_values_and_measured_fields_are_not_stored() -> None:
    assert record.checked({"name": "", "trigger": None, "features": [], "area_m2": 12.0, "slope_deg": "steep"}) == {}


def test_what_no_file_format_can_hold_is_taken_out_of_text() -> None:
    assert record.checked({"notes": "a\x00b\x0bc\n\td", "other": "\x1f\ud800x"}) == {"notes": "abc\n\td", "other": "x"}
    assert record.checked({"notes": "a\r\nb\rc"}) == {"notes": "a\nb\nc"}


def test_names_of_unknown_keys_and_texts_in_lists_are_cleaned_and_none_is_lost() -> None:
    given = {"\ud800k": ["\ud801a", {"\x00b": "c\r\n"}], "k": 1, "\ud800depth_m": 2, "\ud800": 3}
    kept = {"k_": ["a", {"b": "c\n"}], "k": 1, "depth_m_": 2, "_": 3}
    assert record.checked(given) == kept
    with pytest.raises(AttributeRefusedError) as caught:
        record.checked({"confidence": "\ud800sure"})
    assert str(caught.value).encode()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("confidence", "sure"),
        ("confidence", ["high"]),
        ("features", "main_scarp"),
        ("features", ["main_scarp", "wings"]),
        ("features", [["main_scarp"]]),
        ("depth_m", "12"),
        ("depth_m", -1),
        ("depth_m", math.nan),
        ("depth_m", True),
        ("fatalities", 1.5),
        ("event_date", "30.1.1995"),
        ("event_date", "1995-13"),
        ("event_date", 1995),
        ("name", 5),
        ("name", "x" * 201),
        ("anything", math.inf),
        ("anything", object()),
    ],
)
def test_a_value_outside_its_domain_is_refused_in_one_sentence(key: str, value: Any) -> None:
    with pytest.raises(AttributeRefusedError, match=f"Field '{key}' cannot be '.*': it must be .*"):
        record.checked({key: value})


def test_more_than_can_be_kept_is_refused() -> None:
    with pytest.raises(AttributeRefusedError, match="at most 65,536 bytes"):
        record.checked({f"column_{i}": "x" * 1000 for i in range(70)})


def test_a_record_tells_which_mandatory_fields_it_lacks() -> None:
    assert record.missing({}) == ("geometry_role", "confidence")
    assert record.missing({"geometry_role": "whole", "confidence": "low"}) == ()
    assert record.missing({}, cls="label_area") == ()


def test_the_form_of_a_look_alike_asks_what_it_is_and_nothing_of_landslides() -> None:
    assert [field["key"] for field in record.form("hard_negative")] == ["uid", "look_alike"]
    assert "movement_type" in [field["key"] for field in record.form("landslide")]
