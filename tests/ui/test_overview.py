"""The overview counts landslides by size and lists every scene."""

from __future__ import annotations

import pytest

from icssn.records import Label
from icssn.store.workspace import Workspace
from icssn.ui.overview import sizes
from tests.ui.test_pages import opened


def test_areas_are_counted_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": "en"})
    table = sizes([10, 999, 1000, 50_000, 2e6, 5e6])
    assert table.iloc[:, 0].tolist() == [2, 1, 1, 0, 2]
    assert table.index[0] == "< 1,000 m²"


def test_the_home_page_lists_the_scene_with_its_landslides(ws: Workspace, label: Label) -> None:
    app = opened()
    assert not app.exception
    [table] = app.table
    assert table.value.iloc[0, 0] == "hill"
    assert table.value.iloc[0, 2] == "1"
