"""A foreign file is looked at, mapped and imported beside the map, and labels are downloaded again."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
from playwright.sync_api import expect
from shapely.geometry import Point, box

from icssn import actions
from icssn.records import LabelClass, Scene
from icssn.store.workspace import Workspace
from tests.browser.conftest import Server, Visit

WAIT_MS = 120_000

pytestmark = pytest.mark.browser


def foreign(path: Path) -> Path:
    """Write a file as others do, with hostile text."""
    columns = {
        "TYPE_MOVE": ["slump", "odd"],
        "rem": ["<img src=x onerror=\"document.title='caught'\">", "后壁清晰"],
        "Confidence": ["High", "low"],
    }
    outlines = [box(600_010, 3_799_560, 600_060, 3_799_600), Point(600_200, 3_799_520)]
    gpd.GeoDataFrame(columns, geometry=outlines, crs="EPSG:32648").to_file(path)
    return path


def test_a_file_is_previewed_imported_and_taken_out(
    ws: Workspace, scene: Scene, server: Server, visit: Visit, tmp_path: Path
) -> None:
    page = visit.page
    before = len(actions.list_labels(ws, scene.id))
    page.goto(f"{server.url}/Label?lang=en")
    frame, _ = visit.map()
    page.get_by_role("button", name="Import · export").click(timeout=WAIT_MS)
    page.locator("input[type=file]").set_input_files(foreign(tmp_path / "foreign.gpkg"))
    expect(page.get_by_text("2 features, 0 outlines to repair")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("type Point")).to_be_visible()  # refused until points are asked for
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    page.get_by_text("Points are landslides whose boundary is unknown").click()
    expect(page.get_by_text("type Point")).not_to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("2 labels read, 0 of them already there")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("kept as they came: TYPE_MOVE")).to_be_visible()
    frame.wait_for_function(f"icssn.labels().length === {before + 2}")  # the map stands, and shows them
    added = [label for label in actions.list_labels(ws, scene.id) if label.source.value == "imported"]
    assert len(actions.list_labels(ws, scene.id)) == before + 2
    found = {label.cls: label.attributes for label in added}
    assert found[LabelClass.landslide]["movement_type"] == "rotational_slide"
    assert found[LabelClass.landslide]["rem"].startswith("<img")
    assert found[LabelClass.landslide_point] == {"TYPE_MOVE": "odd", "rem": "后壁清晰", "confidence": "low"}

    with page.expect_download(timeout=WAIT_MS) as downloading:
        page.get_by_role("button", name="Download").click()
    file = tmp_path / "labels.gpkg"
    downloading.value.save_as(file)
    assert downloading.value.suggested_filename == "hill_labels.gpkg"
    names = [layer for layer, _ in gpd.list_layers(file).itertuples(index=False)]
    assert {"labels", "label_points", "layer_styles"} <= set(names)
    assert page.title() != "caught"
    assert (visit.foreign, visit.errors) == ([], [])
