"""Scenes that stay in a store: the same pixels as on the disk, few of them asked for, never two versions at once."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.windows import Window

from icssn.errors import RasterRefusedError
from icssn.imagery import remote
from icssn.imagery.cog import make_tiles
from icssn.imagery.open import inspect, inspect_in_child, open_raster, raster_at
from icssn.imagery.read import read_window
from icssn.records import RemoteRaster
from tests.imagery.conftest import RasterMaker, texture
from tests.object_stores import S3, Web

BLOCKS = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"}


@pytest.fixture
def scene(make_raster: RasterMaker, web: Web) -> tuple[Path, RemoteRaster]:
    """Give a scene of 12 MB on the disk and the same one in a store."""
    noise = np.random.default_rng(1).integers(1, 255, (3, 2048, 2048), np.uint8)
    local = make_raster(noise, **BLOCKS)
    shutil.copy(local, web.folder / "valley.tif")
    return local, RemoteRaster(address=f"{web.url}/valley.tif")


def test_it_is_the_same_scene_as_on_the_disk(scene: tuple[Path, RemoteRaster]) -> None:
    local, far_scene = scene
    found = inspect(far_scene)
    assert found.version
    of_a_file = inspect(local).model_dump(include={"sha256", "modified_ns", "sample_sha256"})
    assert found.model_copy(update={"version": None, **of_a_file}) == inspect(local)
    assert inspect_in_child(far_scene) == found


def test_a_window_costs_about_its_own_bytes(scene: tuple[Path, RemoteRaster], web: Web) -> None:
    local, far_scene = scene
    stretch, window = inspect(local).stretch, Window(512, 512, 256, 256)
    with open_raster(far_scene) as far, open_raster(local) as near:
        given, expected = read_window(far, window, stretch), read_window(near, window, stretch)
    assert all(np.array_equal(one, other) for one, other in zip(given, expected, strict=True))
    assert web.sent_bytes < 3 << 20 < (web.folder / "valley.tif").stat().st_size
    assert web.asked < 8


def test_its_map_is_the_same_as_from_the_disk(scene: tuple[Path, RemoteRaster], tmp_path: Path) -> None:
    local, far_scene = scene
    for raster, name in ((local, "near.tif"), (far_scene, "far.tif")):
        make_tiles(raster, tmp_path / name, stretch=inspect(local).stretch)
    with open_raster(tmp_path / "near.tif") as near, open_raster(tmp_path / "far.tif") as far:
        assert near.profile == far.profile
        np.testing.assert_array_equal(near.read(), far.read())
        np.testing.assert_array_equal(near.dataset_mask(), far.dataset_mask())


def test_a_scene_from_s3_is_read(make_raster: RasterMaker, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    local = make_raster(texture(3, 600, 500), name="谷.tif", **BLOCKS)
    s3.bucket("survey")
    s3.client.upload_file(str(local), "survey", "2024/谷.tif")
    monkeypatch.setenv("ICSSN_STORES", "s3://survey/2024/")
    with open_raster(raster_at(" s3://survey/2024/谷.tif ")) as far, open_raster(local) as near:
        assert np.array_equal(far.read(), near.read())


def test_a_scene_that_changed_since_it_was_added_is_refused(scene: tuple[Path, RemoteRaster], web: Web) -> None:
    local, far_scene = scene
    added = RemoteRaster(address=far_scene.address, version=inspect(far_scene).version)
    (web.folder / "valley.tif").write_bytes(local.read_bytes()[:-1] + b"\0")
    with (
        pytest.raises(RasterRefusedError, match=r"'valley\.tif' was refused: it is another file in its store"),
        open_raster(added),
    ):
        pass


def test_a_change_while_it_is_read_is_noticed(scene: tuple[Path, RemoteRaster], web: Web) -> None:
    local, far_scene = scene
    stretch = inspect(local).stretch

    def read_around_a_change() -> None:
        with open_raster(far_scene) as far:
            read_window(far, Window(0, 0, 256, 256), stretch)
            (web.folder / "valley.tif").write_bytes(local.read_bytes()[:-1] + b"\0")
            read_window(far, Window(1792, 1792, 256, 256), stretch)

    with pytest.raises(RasterRefusedError, match="another file in its store"):
        read_around_a_change()


def test_a_store_that_vanishes_is_told_of_instead_of_a_damaged_file(scene: tuple[Path, RemoteRaster], web: Web) -> None:
    _, far_scene = scene

    def read_around_a_loss() -> None:
        with open_raster(far_scene) as far:
            (web.folder / "valley.tif").unlink()
            far.read()

    with pytest.raises(RasterRefusedError, match="its store has no such file"):
        read_around_a_loss()


@pytest.mark.parametrize("content", [b"GIF89a", b"", b"II*\0 and no more"])
def test_what_is_no_raster_is_refused(web: Web, content: bytes) -> None:
    (web.folder / "valley.tif").write_bytes(content)
    with pytest.raises(RasterRefusedError, match="GeoTIFF"), open_raster(RemoteRaster(address=f"{web.url}/valley.tif")):
        pass


def test_a_virtual_raster_in_a_store_is_refused(web: Web) -> None:
    (web.folder / "valley.vrt").write_text("<VRTDataset/>")
    with pytest.raises(RasterRefusedError, match="GeoTIFF"), open_raster(RemoteRaster(address=f"{web.url}/valley.vrt")):
        pass


def test_a_store_that_is_not_named_is_refused_by_the_child_too(web: Web) -> None:
    with pytest.raises(RasterRefusedError, match="in no store that this installation names"):
        inspect_in_child(RemoteRaster(address="https://elsewhere.example/valley.tif"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reads=st.lists(st.tuples(st.integers(0, 1100), st.integers(0, 400)), min_size=1, max_size=12))
def test_any_reads_in_any_order_give_the_bytes_of_the_file(
    web: Web, monkeypatch: pytest.MonkeyPatch, reads: list[tuple[int, int]]
) -> None:
    monkeypatch.setattr(remote, "_PIECE_BYTES", 64)
    monkeypatch.setattr(remote, "_KEPT_PIECES", 3)
    content = np.random.default_rng(0).bytes(1000)
    file = web.folder / "bytes.tif"
    if not file.exists():
        file.write_bytes(content)
    handle = remote.RemoteFile(remote.RemoteBytes(RemoteRaster(address=f"{web.url}/bytes.tif")))
    for begin, count in reads:
        assert handle.seek(begin) == begin
        assert handle.read(count) == content[begin : begin + count]
    assert handle.seek(-10, io.SEEK_END) == 990
    assert handle.read() == content[990:]
