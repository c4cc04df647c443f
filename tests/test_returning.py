"""Labels that come back in a file: none comes twice, what was edited is taken over, what is older is not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry

from icssn import actions
from icssn.geo import crs
from icssn.records import Actor, Edits, ImportedLabels, Label, LabelChange, LabelClass, LabelStatus, NewLabel, Scene
from icssn.store.workspace import Workspace
from icssn.vectors.places import NEAR, at_places
from tests.rasters import noise

FORMATS = ["a.gpkg", "a.geojson", "a.shp", "a.zip", "a.kml", "a.csv", "a.coco.json"]
ATTRIBUTES: dict[str, Any] = {
    "confidence": "high",
    "depth_m": 12.34567,
    "features": ["main_scarp", "tongue"],
    "notes": "后壁清晰\n“双沟同源” " * 20,
    "a_very_long_name": 1,
    "a_very_long_other": True,
    "status": "checked",
    "share": 0.123456789012345,
    "code": "007",
}


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    workspace = actions.open_workspace(tmp_path / "workspace", actor=Actor(name="Li"))
    yield workspace
    workspace.close()


@pytest.fixture
def scene(ws: Workspace, tmp_path: Path) -> Scene:
    """The scene "hill", 400 × 400 px of 2 m."""
    return actions.register_scene(ws, noise(tmp_path / "hill.tif", side=400, pixel_m=2, bands=1), name="hill")


def blobs(scene: Scene, count: int, *, corners: int = 40) -> list[Polygon]:
    """Give outlines of many corners on the scene, each in a place of its own."""
    rng = np.random.default_rng(1)
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    across = int(np.ceil(np.sqrt(count)))
    cell = 780 / across
    found = []
    for number in range(count):
        middle = (600_010 + cell * (number % across + 0.5), 3_799_990 - cell * (number // across + 0.5))
        radius = cell * rng.uniform(0.2, 0.45, corners)
        ring = np.stack([middle[0] + radius * np.cos(turn), middle[1] + radius * np.sin(turn)], axis=1)
        found.append(crs.to_lonlat(Polygon(ring), scene.facts.crs_wkt))
    return found


def give(ws: Workspace, scene: Scene, outlines: list[Polygon], **fields: Any) -> None:
    created = tuple(NewLabel(uid=f"l{i}", geometry_lonlat=one, **fields) for i, one in enumerate(outlines))
    actions.save_edits(ws, scene.id, Edits(created=created))


def figures(done: ImportedLabels) -> tuple[int, int, int, int]:
    return done.count, done.already_there, done.updated, done.left


def edit(path: Path, change: Callable[[dict[str, Any]], None], *, rounded: int | None = None) -> None:
    """Change the fields of every feature of a GeoJSON file; with `rounded`, also its coordinates."""
    document = json.loads(path.read_text("utf-8"))
    for feature in document["features"]:
        change(feature["properties"])
    if rounded is not None:
        for feature in document["features"]:
            geometry = shapely.geometry.shape(feature["geometry"])
            feature["geometry"] = shapely.geometry.mapping(shapely.transform(geometry, lambda xy: xy.round(rounded)))
    path.write_text(json.dumps(document), "utf-8")


def only(ws: Workspace, scene: Scene) -> Label:
    (label,) = actions.list_labels(ws, scene.id)
    return label


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_of_ours_brings_nothing_new(ws: Workspace, scene: Scene, tmp_path: Path, name: str) -> None:
    give(ws, scene, blobs(scene, 100), attributes=ATTRIBUTES)
    actions.export_labels(ws, scene.id, tmp_path / name)
    for _ in range(2):
        assert figures(actions.import_labels(ws, scene.id, tmp_path / name)) == (100, 100, 0, 0)
    assert all(label.attributes == ATTRIBUTES and label.version == 1 for label in actions.list_labels(ws, scene.id))


@pytest.mark.parametrize("decimals", [8, 10, 12])
def test_a_file_with_rounded_places_brings_nothing_new(
    ws: Workspace, scene: Scene, tmp_path: Path, decimals: int
) -> None:
    give(ws, scene, blobs(scene, 100))
    actions.export_labels(ws, scene.id, tmp_path / "a.geojson")
    edit(tmp_path / "a.geojson", lambda _: None, rounded=decimals)
    assert figures(actions.import_labels(ws, scene.id, tmp_path / "a.geojson")) == (100, 100, 0, 0)


def test_places_come_back_exactly(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    outlines = blobs(scene, 100)
    give(ws, scene, outlines)
    for name in ("a.geojson", "a.kml", "a.csv", "a.coco.json"):
        actions.export_labels(ws, scene.id, tmp_path / name)
        other = actions.register_scene(ws, Path(scene.original), name=name, again=True)
        assert figures(actions.import_labels(ws, other.id, tmp_path / name)) == (100, 0, 0, 0)
        back = {label.geometry_lonlat.normalize() for label in actions.list_labels(ws, other.id)}
        assert back == {outline.normalize() for outline in outlines}, name


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"confidence": "low", "notes": "re-read", "checked_by": "王"}, {"confidence": "low", "notes": "re-read"}),
        ({"confidence": None}, {"confidence": None}),
        ({"mapper": "张工"}, {"mapper": "张工"}),
        ({"class": "hard_negative", "status": "proposed"}, {}),
    ],
)
def test_what_was_edited_in_an_export_becomes_a_new_version(
    ws: Workspace, scene: Scene, tmp_path: Path, change: dict[str, Any], expected: dict[str, Any]
) -> None:
    give(ws, scene, blobs(scene, 1), attributes={"confidence": "high", "depth_m": 3.14159})
    file = tmp_path / "a.geojson"
    actions.export_labels(ws, scene.id, file)
    edit(file, lambda row: row.update(change))
    assert figures(actions.import_labels(ws, scene.id, file)) == (1, 1, 1, 0)
    label = only(ws, scene)
    assert (label.uid, label.version, label.updated_by) == ("l0", 2, "Li")
    assert {key: label.attributes.get(key) for key in expected} == expected
    assert label.attributes["depth_m"] == 3.14159  # though three decimals were written
    assert label.attributes.get("checked_by") == change.get("checked_by")
    assert label.cls is LabelClass(change.get("class", "landslide"))
    assert label.status is LabelStatus(change.get("status", "accepted"))
    assert len(actions.label_history(ws, "l0")) == 2
    assert figures(actions.import_labels(ws, scene.id, file)) == (1, 1, 0, 0)


def test_a_file_that_is_older_than_the_label_changes_nothing_and_that_is_said(
    ws: Workspace, scene: Scene, tmp_path: Path
) -> None:
    give(ws, scene, blobs(scene, 1), attributes={"confidence": "high"})
    actions.export_labels(ws, scene.id, tmp_path / "a.gpkg")
    change = LabelChange(uid="l0", expected_version=1, attributes={"confidence": "low"})
    actions.save_edits(ws, scene.id, Edits(changed=(change,)))
    assert figures(actions.import_labels(ws, scene.id, tmp_path / "a.gpkg")) == (1, 1, 0, 1)
    assert only(ws, scene).attributes == {"confidence": "low"}


def test_other_fields_in_a_file_of_others_change_nothing_and_that_is_said(
    ws: Workspace, scene: Scene, tmp_path: Path
) -> None:
    outlines = blobs(scene, 3)
    give(ws, scene, outlines, attributes={"a": 1, "confidence": "high"}, status=LabelStatus.proposed)
    rows = {"a": [1, 1, 99], "confidence": ["high", None, "low"]}
    gpd.GeoDataFrame(rows, geometry=outlines, crs=4326).to_file(tmp_path / "b.gpkg")
    assert figures(actions.import_labels(ws, scene.id, tmp_path / "b.gpkg")) == (3, 3, 0, 1)
    assert {label.version for label in actions.list_labels(ws, scene.id)} == {1}


def test_two_labels_at_one_place_are_both_known(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    (outline,) = blobs(scene, 1)
    gpd.GeoDataFrame({"a": [1, 2]}, geometry=[outline] * 2, crs=4326).to_file(tmp_path / "b.gpkg")
    assert figures(actions.import_labels(ws, scene.id, tmp_path / "b.gpkg")) == (2, 0, 0, 0)
    assert figures(actions.import_labels(ws, scene.id, tmp_path / "b.gpkg")) == (2, 2, 0, 0)


SQUARE = box(0, 0, 1, 1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (SQUARE, Polygon([(1, 1), (1, 0), (0, 0), (0, 1)]), True),
        (SQUARE, Polygon([(0, 1e-9), (-1e-9, 1), (1, 1), (1, 0)]), True),  # the lowest corner is another
        (SQUARE, box(0, 0, 1, 1 + 5 * NEAR), False),
        (SQUARE, SQUARE.difference(box(0.2, 0.2, 0.4, 0.4)), False),
        (Polygon([(0, 0), (4, 0), (4, 3), (0, 3), (1, 1)]), Polygon([(0, 0), (4, 0), (4, 3), (0, 3), (1, 2)]), False),
        (MultiPolygon([SQUARE, box(2, 0, 3, 1)]), MultiPolygon([box(2, 0, 3, 1), SQUARE]), True),
        (SQUARE, MultiPolygon([SQUARE]), True),
        (SQUARE.centroid, SQUARE, False),
        (SQUARE.centroid, shapely.Point(0.5 + NEAR / 2, 0.5), True),
    ],
)
def test_a_place_is_the_same_corner_by_corner(one: BaseGeometry, other: BaseGeometry, same: bool) -> None:
    assert at_places([one], [box(5, 5, 6, 6), other]) == [[1] if same else []]


def test_places_of_a_large_inventory_are_compared_quickly() -> None:
    west, south = np.meshgrid(np.arange(250.0), np.arange(200.0))
    many = list(shapely.box(west.ravel(), south.ravel(), west.ravel() + 0.9, south.ravel() + 0.9))
    whole = box(0, 0, 250, 200)
    began = time.process_time()
    found = at_places(many, [whole, *reversed(many)])
    assert time.process_time() - began < 15  # 2 s on a quiet machine
    assert found == [[50_000 - number] for number in range(50_000)]
