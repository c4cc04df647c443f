"""What a column of a file can become, as a reader chooses it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from shapely.geometry import mapping

from icssn import actions, landslide_record
from icssn.records import Scene
from icssn.store.workspace import Workspace
from icssn.ui import wording
from icssn.ui.exchange import field_names
from tests.ui.conftest import inside


@pytest.mark.parametrize("language", sorted(wording.LANGUAGES))
def test_every_choice_has_a_name_of_its_own(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": language})
    names = field_names()
    assert len(set(names.values())) == len(names)
    assert {None, "", "confidence", "notes", "mapper"} <= set(names)
    measured = {field.key for field in landslide_record.fields().values() if field.origin == "measured"}
    assert not measured & set(names)


def test_what_is_wrong_with_single_features_is_told_in_chinese(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    square = inside(scene, 0.4)
    line, nothing = mapping(square.exterior) | {"type": "LineString"}, None
    features = [
        {"type": "Feature", "geometry": geometry, "properties": properties}
        for geometry, properties in ((line, {}), (nothing, {}), (mapping(square), {"volume_m3": -5}))
    ]
    path = tmp_path / "slides.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    seen = actions.preview_import(ws, scene.id, path)
    told = [wording.told(problem, language="zh") for problem in seen.problems]
    assert len(told) >= 2
    assert "“slides.geojson，要素 1”" in told[0]
    assert [one for one in told if re.search(r"[a-z]+ [a-z]+", one.replace("slides.geojson", ""))] == []
