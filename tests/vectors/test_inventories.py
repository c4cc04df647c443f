"""Real inventories: read whole, repaired with notice, brought onto an image that covers them, and taken out again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio

from icssn import actions
from icssn.jobs import engine, platform
from icssn.records import Actor, Role
from icssn.store.workspace import Workspace
from icssn.vectors.read import read_labels

INVENTORIES = [  # folder/file, features, of which invalid
    ("inventories_wenchuan_nepal_png/Wenchuan_2014.shp", 560, 13),
    ("inventories_wenchuan_nepal_png/Nepal_2015.shp", 98, 1),
    ("inventories_wenchuan_nepal_png/PNG_2017.shp", 95, 0),
    ("kashmir_dem_inventory/landslides.gpkg", 1487, 0),
]


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    workspace = actions.open_workspace(tmp_path / "workspace", actor=Actor(name="Li", role=Role.admin))
    with platform.try_lock(engine.lock_path(workspace.folder)):  # type: ignore[union-attr]
        yield workspace
    workspace.close()


@pytest.mark.real
@pytest.mark.parametrize("inventory", INVENTORIES, ids=["wenchuan", "nepal", "papua", "kashmir"])
def test_a_real_inventory_goes_in_and_out_whole(
    real_data: Path, tmp_path: Path, ws: Workspace, inventory: tuple[str, int, int]
) -> None:
    name, count, invalid = inventory
    frame = gpd.read_file(real_data / name)
    west, south, east, north = frame.total_bounds
    side = max(east - west, north - south) / 900
    grid = rasterio.transform.from_origin(west - 50 * side, north + 50 * side, side, side)
    image = tmp_path / "image.tif"
    profile = {"driver": "GTiff", "width": 1000, "height": 1000, "count": 1, "dtype": "uint8", "crs": frame.crs}
    with rasterio.open(image, "w", transform=grid, **profile) as out:
        out.write(np.random.default_rng(0).integers(1, 255, (1, 1000, 1000), dtype=np.uint8))
    scene = actions.register_scene(ws, image, name="image")

    seen = actions.preview_import(ws, scene.id, real_data / name)
    assert (seen.count, seen.repaired, seen.off_scene, seen.problems) == (count, invalid, 0, ())
    done = actions.import_labels(ws, scene.id, real_data / name)
    assert (done.count, done.repaired, done.off_scene) == (count, invalid, 0)
    labels = actions.list_labels(ws, scene.id)
    assert len(labels) + done.already_there == count
    assert all(label.geometry_lonlat.is_valid for label in labels)
    assert {tuple(label.attributes) for label in labels} <= {tuple(c for c in frame.columns if c != "geometry")}

    out_file = tmp_path / "out.zip"
    assert actions.export_labels(ws, scene.id, out_file).count == len(labels)
    back = read_labels(out_file, facts=scene.facts, scene_name="image").labels
    assert {label.uid: label.attributes.get("gridcode") for label in back} == {
        label.uid: label.attributes.get("gridcode") for label in labels
    }


@pytest.mark.real
def test_terrain_under_a_real_inventory_is_measured(real_data: Path, ws: Workspace, tmp_path: Path) -> None:
    dem = real_data / "kashmir_dem_inventory" / "AW3D30.tif"
    with rasterio.open(dem) as source:
        profile = source.profile | {"driver": "GTiff", "count": 1, "dtype": "uint8", "nodata": None}
        values = source.read(1)
    image = tmp_path / "image.tif"
    with rasterio.open(image, "w", **profile) as out:
        out.write((values % 250 + 1).astype(np.uint8)[None])
    scene = actions.register_scene(ws, image, name="image", dem=dem)
    actions.import_labels(ws, scene.id, real_data / "kashmir_dem_inventory" / "landslides.gpkg")
    records = actions.label_records(ws, scene.id)
    slopes = np.array([record.measures.slope_deg for record in records if record.measures.slope_deg is not None])
    assert len(slopes) > 1400
    assert 20 < np.median(slopes) < 45  # landslides of the 2005 earthquake lie on steep ground
    falls = [r.measures.relief_m for r in records if r.measures.relief_m is not None]
    assert min(falls) >= 0
