"""The command line: one JSON object, honest exit statuses, and bad input that changes nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from shapely.geometry import Point, box

from tests.cli.conftest import Icssn
from tests.object_stores import Web
from tests.store.cluster import Cluster


def test_a_scene_and_its_labels_go_in_and_come_out(icssn: Icssn, raster: Path, slides: Path, tmp_path: Path) -> None:
    assert icssn("init")[0] == 0
    status, added = icssn("scene", "add", raster, "--name", "hill")
    assert status == 0
    assert added["scene"]["tiles"]  # the map layer was made
    status, done = icssn("labels", "import", slides, "--scene", "hill", "--complete")
    assert (status, done["count"], done["already_there"]) == (0, 2, 0)
    assert icssn("labels", "import", slides, "--scene", "hill", "--complete")[1]["already_there"] == 2
    listed = icssn("labels", "list", "--scene", "hill")[1]["labels"]
    assert sorted(label["cls"] for label in listed) == ["label_area", "landslide", "landslide"]
    assert icssn("labels", "export", tmp_path / "out.gpkg", "--scene", "hill")[1]["count"] == 3
    assert len(gpd.read_file(tmp_path / "out.gpkg")) == 3
    assert icssn("labels", "check", "--scene", "hill") == (0, {"warnings": []})
    assert icssn("scene", "show", "hill")[1]["landslides"] == 2
    assert len(icssn("scene", "list")[1]["scenes"]) == 1
    status, answer = icssn("scene", "dem", "hill", raster)
    assert (status, "hillshade" in answer["error"]) == (1, True)  # it is an image of 8 bits
    with (
        rasterio.open(raster) as image,
        rasterio.open(tmp_path / "dem.tif", "w", **{**image.profile, "count": 1, "dtype": "float32"}) as dem,
    ):
        dem.write(image.read([1]).astype(np.float32))
    assert icssn("scene", "dem", "hill", tmp_path / "dem.tif")[1]["scene"]["hillshade"]


def test_a_process_ends_with_what_its_command_came_to(started: Icssn) -> None:
    assert started("init")[0] == 0
    status, answer = started("scene", "show", "dale")
    assert (status, "'dale'" in answer["error"]) == (1, True)
    assert started("nonsense")[0] == 2


def test_a_command_starts_without_what_only_some_work_needs() -> None:
    code = "import icssn.cli, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "icssn.actions" in loaded
    assert not {"torch", "streamlit", "pandas", "pyogrio", "scipy.ndimage", "scipy.spatial", "alembic"}.intersection(
        loaded
    )


def test_bad_rasters_are_refused_in_one_sentence(icssn: Icssn, tmp_path: Path, raster: Path) -> None:
    text = tmp_path / "text.tif"
    text.write_text("not an image")
    vrt = tmp_path / "other.vrt"
    vrt.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>')
    bare = tmp_path / "bare.tif"
    here = rasterio.transform.from_origin(600_000, 3_800_000, 1, 1)
    with rasterio.open(bare, "w", driver="GTiff", width=9, height=9, count=1, dtype="uint8", transform=here) as out:
        out.write(np.zeros((1, 9, 9), np.uint8))
    for path, word in ((text, "text.tif"), (vrt, "other.vrt"), (bare, "CRS"), (tmp_path / "missing.tif", "missing")):
        status, answer = icssn("scene", "add", path, "--name", "bad")
        assert status == 1, path
        assert word in answer["error"]
        assert "\n" not in answer["error"]
    assert icssn("scene", "list")[1]["scenes"] == []
    assert icssn("scene", "add", raster, "--name", "hill")[0] == 0
    status, answer = icssn("scene", "add", raster, "--name", "hill")
    assert status == 1
    assert "already" in answer["error"]


def test_foreign_labels_are_previewed_mapped_and_taken_out(icssn: Icssn, tmp_path: Path, raster: Path) -> None:
    icssn("scene", "add", raster, "--name", "hill")
    foreign = tmp_path / "foreign.gpkg"
    columns = {"TYPE_MOVE": ["slump", "odd"], "rem": ["后壁清晰", ""], "junk": [1, 2]}
    slides = [box(600_010, 3_799_950, 600_030, 3_799_980), Point(600_050, 3_799_950)]
    gpd.GeoDataFrame(columns, geometry=slides, crs="EPSG:32648").to_file(foreign)
    to = ("--scene", "hill", "--points", "--map", "rem=notes", "--map", "junk=")
    status, seen = icssn("labels", "import", foreign, *to, "--preview")
    assert (status, seen["count"], seen["kinds"], seen["problems"]) == (0, 2, {"Polygon": 1, "Point": 1}, [])
    found = {item["name"]: (item["key"], item["strange"]) for item in seen["columns"]}
    assert found == {"TYPE_MOVE": ("movement_type", 1), "rem": ("notes", 0), "junk": ("", 0)}
    assert icssn("labels", "import", foreign, *to)[1]["strange"] == {"TYPE_MOVE": 1}
    status, done = icssn("labels", "export", tmp_path / "a.kml", "--scene", "hill")
    assert (status, done["count"]) == (0, 2)
    assert "landslide_point" in (tmp_path / "a.kml").read_text("utf-8")
    assert "COLUMN=FIELD" in icssn("labels", "import", foreign, "--scene", "hill", "--map", "x")[1]["error"]


def test_bad_labels_are_refused_and_change_nothing(icssn: Icssn, tmp_path: Path, raster: Path) -> None:
    icssn("scene", "add", raster, "--name", "hill")
    far, points = tmp_path / "far.gpkg", tmp_path / "points.gpkg"
    gpd.GeoDataFrame(geometry=[box(500_000, 3_000_000, 500_050, 3_000_050)], crs="EPSG:32648").to_file(far)
    gpd.GeoDataFrame(geometry=[Point(600_100, 3_799_900)], crs="EPSG:32648").to_file(points)
    for path, word in ((far, "none on scene 'hill'"), (points, "Point"), (tmp_path / "none.gpkg", "no such file")):
        status, answer = icssn("labels", "import", path, "--scene", "hill")
        assert status == 1
        assert word in answer["error"]
    assert icssn("labels", "list", "--scene", "hill")[1] == {"labels": [], "revision": 0}


def test_an_unknown_scene_is_named_with_those_there_are(icssn: Icssn, raster: Path, slides: Path) -> None:
    icssn("scene", "add", raster, "--name", "hill")
    for words in (
        ("scene", "show", "dale"),
        ("labels", "import", slides, "--scene", "dale"),
        ("train", "--scene", "dale"),
        ("predict", "--scene", "dale"),
    ):
        status, answer = icssn(*words)
        assert status == 1
        assert "'dale'" in answer["error"]
        assert "hill" in answer["error"]


def test_too_few_labels_and_a_missing_model_are_said_before_anything_starts(
    icssn: Icssn, raster: Path, slides: Path
) -> None:
    icssn("scene", "add", raster, "--name", "hill")
    icssn("labels", "import", slides, "--scene", "hill")
    status, answer = icssn("train", "--scene", "hill")
    assert status == 1
    assert "only 2 are labelled" in answer["error"]
    assert "label area" in answer["error"]
    assert icssn("runs")[1]["runs"] == []
    status, answer = icssn("predict", "--scene", "hill")
    assert status == 1
    assert "Train first" in answer["error"]
    status, answer = icssn("candidates", "list", "--scene", "hill")
    assert status == 1
    assert "Predict" in answer["error"]


@pytest.mark.parametrize(
    "words", [("scene",), ("scene", "add"), ("train",), ("nonsense",), ("train", "--scene", "a", "--rounds", "two")]
)
def test_wrong_usage_is_exit_status_2(icssn: Icssn, words: tuple[str, ...]) -> None:
    assert icssn(*words)[0] == 2


@pytest.mark.parametrize("pair", ["segment.stepz=3", "rounds=77", "noequals"])
def test_a_wrong_setting_is_named(icssn: Icssn, raster: Path, pair: str) -> None:
    icssn("scene", "add", raster, "--name", "hill")
    status, answer = icssn("train", "--scene", "hill", "--set", pair)
    assert status == 1
    assert pair.split("=", maxsplit=1)[0] in answer["error"]


def test_the_doctor_finds_this_machine_fit(started: Icssn) -> None:
    status, answer = started("doctor")
    assert [check["check"] for check in answer["checks"] if not check["ok"]] == []
    assert (status, answer["ok"]) == (0, True)


def test_a_backup_is_restored_and_the_former_database_kept(icssn: Icssn, workspace: Path) -> None:
    saved, file = workspace.with_name("saved.gpkg"), workspace / "icssn.gpkg"
    icssn("init")
    assert icssn("backup", saved)[0] == 0
    with file.open("rb+") as handle:
        handle.seek(-(file.stat().st_size // 3) // 4096 * 4096, 2)
        handle.write(b"\xff" * 8192)
    status, answer = icssn("doctor")
    faults = [check["finding"] for check in answer["checks"] if not check["ok"]]
    assert (status, len(faults)) == (1, 1)
    assert "its contents are damaged. Put back a backup (icssn restore FILE)" in faults[0]
    status, answer = icssn("restore", saved)
    assert (status, answer["scenes"], Path(answer["former"]).parent) == (0, 0, workspace)
    assert icssn("doctor")[0] == 0
    status, answer = icssn("restore", workspace / "none.gpkg")
    assert (status, "Check the path." in answer["error"]) == (1, True)


def test_the_whole_project_may_live_in_postgis(
    icssn: Icssn, raster: Path, slides: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster.database() as url:
        monkeypatch.setenv("ICSSN_DATABASE_URL", url)
        assert icssn("scene", "add", raster, "--name", "hill")[1]["scene"]["tiles"]  # a worker made the map layer
        assert icssn("labels", "import", slides, "--scene", "hill", "--complete")[0] == 0
        assert len(icssn("labels", "list", "--scene", "hill")[1]["labels"]) == 3
        backup = raster.with_name("backup.dump")
        assert icssn("backup", backup)[0] == 0
        assert backup.read_bytes()[:5] == b"PGDMP"
        status, answer = icssn("backup", backup)
        assert (status, "never overwritten" in answer["error"]) == (1, True)
        status, answer = icssn("restore", backup)
        assert (status, f"'{backup}'" in answer["error"]) == (1, True)


def test_a_scene_may_stay_in_a_store_that_is_named(
    icssn: Icssn, raster: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(raster, web.folder / "far.tif")
    status, added = icssn("scene", "add", f"{web.url}/far.tif")
    assert status == 0
    assert (added["scene"]["name"], added["scene"]["original"]) == ("far", f"{web.url}/far.tif")
    assert added["scene"]["tiles"]
    assert icssn("scene", "set", "far", "--percent", "1,99")[0] == 0
    monkeypatch.delenv("ICSSN_STORES")
    status, answer = icssn("scene", "add", f"{web.url}/far.tif", "--name", "again")
    assert status == 1
    assert "in no store that this installation names" in answer["error"]


def test_a_scene_is_told_where_its_file_is_now(icssn: Icssn, raster: Path) -> None:
    icssn("scene", "add", raster, "--name", "hill")
    moved = raster.rename(raster.with_name("moved.tif"))
    status, answer = icssn("scene", "add", moved, "--name", "slope")
    assert (status, "icssn scene move" in answer["error"]) == (1, True)
    assert icssn("scene", "move", "hill", moved)[1]["scene"]["original"] == str(moved)
    assert icssn("scene", "show", "hill")[1]["scene"]["original"] == str(moved)


def test_other_bands_alone_do_not_change_the_contrast(icssn: Icssn, raster: Path) -> None:
    before = icssn("scene", "add", raster, "--name", "hill")[1]["scene"]["facts"]["stretch"]
    after = icssn("scene", "set", "hill", "--bands", "3,2,1")[1]["scene"]["facts"]["stretch"]
    assert after == before | {"bands": [3, 2, 1]}
    icssn("scene", "set", "hill", "--percent", "2,98")
    cut = icssn("scene", "set", "hill", "--bands", "3,2,1")[1]["scene"]["facts"]["stretch"]
    assert cut["bands"] == [3, 2, 1]
    assert cut["low"] > before["low"]
    assert "numbers with commas" in icssn("scene", "set", "hill", "--percent", "low,high")[1]["error"]


def test_a_scene_is_renamed_removed_and_restored(icssn: Icssn, raster: Path, slides: Path) -> None:
    icssn("scene", "add", raster, "--name", "hill")
    icssn("labels", "import", slides, "--scene", "hill")
    assert icssn("scene", "rename", "hill", "slope")[1]["scene"]["name"] == "slope"
    assert icssn("scene", "remove", "slope")[1]["scene"]["removed"]["at"]
    assert icssn("scene", "list")[1]["scenes"] == []
    assert [scene["name"] for scene in icssn("scene", "list", "--removed")[1]["scenes"]] == ["slope"]
    for words in (("scene", "show", "slope"), ("labels", "list", "--scene", "slope"), ("predict", "--scene", "slope")):
        status, answer = icssn(*words)
        assert status == 1
        assert "Restore it on the Scenes page, or with icssn scene restore." in answer["error"]
    assert icssn("scene", "restore", "slope")[1]["scene"]["removed"] is None
    assert icssn("scene", "show", "slope")[1]["landslides"] == 2
    assert icssn("scene", "restore", "dale")[0] == 1
