"""What validation said of a model, in one line and in a table."""

from __future__ import annotations

import pytest

from icssn.ui import results


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": "en"})


def test_a_summary_gives_f1_recall_and_precision() -> None:
    said = results.summary({"val_f1": 0.7, "val_precision": 0.75, "val_recall": 0.66})
    assert said == "F1 0.70: finds 66% of the landslide pixels, 75% of what it marks is landslide"


def test_what_validation_did_not_say_is_a_dash_and_no_zero() -> None:
    assert results.summary({"val_f1": 0.7}) == (
        "F1 0.70: finds – of the landslide pixels, – of what it marks is landslide"
    )
    assert results.summary({"val_recall": 0.66}) == "not judged"


def test_a_figure_stands_with_its_interval_where_it_has_one() -> None:
    metrics = {"val_f1": 0.7, "val_f1_low": 0.6, "val_f1_high": 0.8, "val_iou": 0.54}
    found = [results.with_interval(metrics, name) for name in ("val_f1", "val_iou", "val_recall")]
    assert found == ["0.70 (0.60–0.80)", "0.54", "–"]
