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
import shapely.affinity
from shapely.geometry import MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry

from icssn import actions
from icssn.geo import crs
from icssn.records import (
    Actor,
    Edits,
    ImportedLabels,
    Label,
    LabelChange,
    LabelClass,
    LabelDeletion,
    LabelStatus,
    NewLabel,
    Scene,
)
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


def move(path: Path, *, metres: float = 10, uid: str = "l0") -> None:
    """Move the outline of a label in a GeoJSON file eastwards."""
    content = json.loads(path.read_text("utf-8"))
    for feature in content["features"]:
        if feature["properties"]["uid"] == uid:
            moved = shapely.affinity.translate(shapely.geometry.shape(feature["geometry"]), metres / 91_000)
            feature["geometry"] = shapely.geometry.mapping(moved)
    path.write_text(json.dumps(content), "utf-8")


def test_an_outline_that_was_edited_becomes_a_version_of_its_label_and_is_told_before(
    ws: Workspace, scene: Scene, tmp_path: Path
) -> None:
    outlines = blobs(scene, 2)
    give(ws, scene, outlines, attributes={"depth_m": 3.14159})
    file = tmp_path / "a.geojson"
    actions.export_labels(ws, scene.id, file)
    move(file)
    told = actions.preview_return(ws, scene.id, file)
    assert (len(told.new), told.there, len(told.edited), told.outlines, told.left) == (0, 2, 1, 1, 0)
    assert {label.version for label in actions.list_labels(ws, scene.id)} == {1}
    assert figures(actions.import_labels(ws, scene.id, file, called="from QGIS.geojson")) == (2, 2, 1, 0)
    first, second = actions.list_labels(ws, scene.id)
    assert (first.uid, first.version, first.updated_by, second.version) == ("l0", 2, "Li", 1)
    assert first.attributes == {"depth_m": 3.14159, "edited_in": "from QGIS.geojson"}
    moved = gpd.read_file(file).set_index("uid").geometry["l0"]
    assert first.geometry_lonlat.equals_exact(moved, 1e-9, normalize=True)
    before, after = actions.label_history(ws, "l0")
    assert before.geometry_lonlat is not None
    assert before.geometry_lonlat.equals(outlines[0])
    assert after.actor == "Li"
    assert figures(actions.import_labels(ws, scene.id, file)) == (2, 2, 0, 0)


@pytest.mark.parametrize("there", ["attributes", "outline", "another copy of the project"])
def test_an_outline_edited_in_a_file_does_not_win_over_a_label_that_changed_here(
    ws: Workspace, scene: Scene, tmp_path: Path, there: str
) -> None:
    one, other = blobs(scene, 2)
    give(ws, scene, [one])
    file = tmp_path / "a.geojson"
    actions.export_labels(ws, scene.id, file)
    outline = {"geometry_lonlat": other} if there == "outline" else {}
    change = LabelChange(uid="l0", expected_version=1, attributes={"confidence": "low"}, **outline)
    actions.save_edits(ws, scene.id, Edits(changed=(change,)))
    move(file)
    if there == "another copy of the project":  # where the label has come to the same version, but later
        edit(file, lambda row: row.update(version=2, updated_at="2031-01-01T00:00:00+00:00"))
    assert actions.preview_return(ws, scene.id, file).left == 1
    assert figures(actions.import_labels(ws, scene.id, file)) == (1, 1, 0, 1)
    label = only(ws, scene)
    assert (label.version, label.attributes) == (2, {"confidence": "low"})
    assert label.geometry_lonlat.equals(other if outline else one)


def test_a_row_that_is_not_in_the_file_deletes_nothing_and_a_label_deleted_here_stays_deleted(
    ws: Workspace, scene: Scene, tmp_path: Path
) -> None:
    give(ws, scene, blobs(scene, 2))
    file = tmp_path / "a.gpkg"
    actions.export_labels(ws, scene.id, file)
    frame = gpd.read_file(file, layer="labels")
    frame[frame["uid"] == "l0"].to_file(tmp_path / "one.gpkg")
    assert figures(actions.import_labels(ws, scene.id, tmp_path / "one.gpkg")) == (1, 1, 0, 0)
    assert len(actions.list_labels(ws, scene.id)) == 2
    actions.save_edits(ws, scene.id, Edits(deleted=(LabelDeletion(uid="l0", expected_version=1),)))
    assert actions.preview_return(ws, scene.id, file).deleted == 1
    assert figures(actions.import_labels(ws, scene.id, file)) == (2, 2, 0, 1)
    assert only(ws, scene).uid == "l1"


def test_of_the_parts_of_a_label_that_was_split_the_largest_is_the_label(
    ws: Workspace, scene: Scene, tmp_path: Path
) -> None:
    (outline,) = blobs(scene, 1)
    give(ws, scene, [outline])
    file = tmp_path / "a.geojson"
    actions.export_labels(ws, scene.id, file)
    west, south, east, north = outline.bounds
    cut = west + 0.3 * (east - west)
    rest, large = outline.intersection(box(west, south, cut, north)), outline.intersection(box(cut, south, east, north))
    document = json.loads(file.read_text("utf-8"))
    (feature,) = document["features"]
    document["features"] = [feature | {"geometry": shapely.geometry.mapping(part)} for part in (rest, large)]
    file.write_text(json.dumps(document), "utf-8")
    assert figures(actions.import_labels(ws, scene.id, file)) == (2, 1, 1, 0)
    found = {label.uid == "l0": label for label in actions.list_labels(ws, scene.id)}
    assert (found[True].version, found[False].version) == (2, 1)
    assert found[True].geometry_lonlat.equals_exact(large, 1e-9, normalize=True)
    assert figures(actions.import_labels(ws, scene.id, file))[1:3] == (2, 0)


@pytest.mark.parametrize("decimals", [6, 7])
def test_places_of_known_labels_may_be_rounded_further(
    ws: Workspace, scene: Scene, tmp_path: Path, decimals: int
) -> None:
    give(ws, scene, blobs(scene, 20))
    actions.export_labels(ws, scene.id, tmp_path / "a.geojson")
    edit(tmp_path / "a.geojson", lambda _: None, rounded=decimals)
    assert figures(actions.import_labels(ws, scene.id, tmp_path / "a.geojson")) == (20, 20, 0, 0)


def test_what_gis_programs_add_to_a_copy_or_cut_is_no_edit(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    (outline,) = blobs(scene, 1)
    whole = {"movement_type_2": "flow", "boundary_error_m": 2.5, "a_very_long_name": "old", "confidence": "high"}
    give(ws, scene, [outline], attributes=whole)
    actions.export_labels(ws, scene.id, tmp_path / "a.gpkg")
    frame = gpd.read_file(tmp_path / "a.gpkg", layer="labels")
    frame.insert(0, "fid", [101])
    frame.to_file(tmp_path / "copy.shp")
    assert figures(actions.import_labels(ws, scene.id, tmp_path / "copy.shp")) == (1, 1, 0, 0)
    frame["a_very_long_name"], frame["boundary_error_m"] = "new", 4.5
    frame.to_file(tmp_path / "copy.shp")
    assert figures(actions.import_labels(ws, scene.id, tmp_path / "copy.shp")) == (1, 1, 1, 0)
    changed = {"a_very_long_name": "new", "boundary_error_m": 4.5, "edited_in": "copy.shp"}
    assert only(ws, scene).attributes == whole | changed


def test_a_file_without_states_says_nothing_of_them(ws: Workspace, scene: Scene, tmp_path: Path) -> None:
    give(ws, scene, blobs(scene, 1), status=LabelStatus.proposed)
    actions.export_labels(ws, scene.id, tmp_path / "a.geojson")
    edit(tmp_path / "a.geojson", lambda row: row.pop("status"))
    assert figures(actions.import_labels(ws, scene.id, tmp_path / "a.geojson")) == (1, 1, 0, 0)
    assert only(ws, scene).status is LabelStatus.proposed
