import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.vrt import WarpedVRT

from icssn.errors import RasterRefusedError
from icssn.imagery.open import inspect, inspect_in_child, open_raster
from tests.imagery.conftest import RasterMaker, texture

VRT = """<VRTDataset rasterXSize="20" rasterYSize="20"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>
<SourceFilename relativeToVRT="0">{}</SourceFilename><SourceBand>1</SourceBand>
</SimpleSource></VRTRasterBand></VRTDataset>"""


def refusal(path: Path) -> str:
    with pytest.raises(RasterRefusedError) as caught:
        inspect(path)
    return str(caught.value)


def test_facts_of_a_plain_scene(make_raster: RasterMaker) -> None:
    path = make_raster(texture(3, 40, 60))
    facts = inspect(path)
    assert (facts.width, facts.height, facts.band_count, facts.dtype) == (60, 40, 3, "uint8")
    assert facts.crs_name == "EPSG:32648 · WGS 84 / UTM zone 48N"
    assert facts.transform == (0.8, 0, 510_000, 0, -0.8, 3_000_000)
    assert facts.nodata is None
    assert facts.pixel_size_m == pytest.approx(0.8, rel=1e-3)
    assert facts.bounds_lonlat == pytest.approx((105.1009, 27.1222, 105.1014, 27.1225), abs=1e-3)
    assert facts.size_bytes == path.stat().st_size
    sha256 = subprocess.run(["sha256sum", path], capture_output=True, check=True, text=True).stdout.split()[0]
    assert facts.sha256 == sha256


def test_a_text_file_named_tif_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    path.write_text("hello")
    assert "its content is something else" in refusal(path)


@pytest.mark.parametrize("name", ["hostile.tif", "hostile.vrt"])
def test_a_virtual_raster_is_refused_under_any_name(make_raster: RasterMaker, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(VRT.format(make_raster(texture(1, 20, 20))))
    assert "was refused" in refusal(path)


def test_a_virtual_raster_is_refused_even_after_gdal_registered_its_driver_again(
    make_raster: RasterMaker, tmp_path: Path
) -> None:
    scene = make_raster(texture(1, 20, 20))
    path = tmp_path / "hostile.tif"
    path.write_text(VRT.format(scene))
    with open_raster(scene) as dataset, WarpedVRT(dataset, crs="EPSG:3857"):
        assert "its content is something else" in refusal(path)


def test_a_plain_open_in_a_fresh_process_cannot_follow_a_virtual_raster(
    make_raster: RasterMaker, tmp_path: Path
) -> None:
    path = tmp_path / "hostile.vrt"
    path.write_text(VRT.format(make_raster(texture(1, 20, 20))))
    code = f"import icssn, rasterio; rasterio.open({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "RasterioIOError" in done.stderr


def test_only_the_warning_of_a_raster_without_place_is_switched_off(make_raster: RasterMaker) -> None:
    path = make_raster(texture(1, 20, 20), transform=None, crs=None)
    code = f"import icssn.imagery, rasterio, warnings; rasterio.open({str(path)!r}); warnings.warn('another one')"
    done = subprocess.run([sys.executable, "-W", "default", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.count("Warning:") == done.stderr.count("UserWarning: another one") == 1


def test_a_file_that_names_another_file_for_its_overviews_is_refused(make_raster: RasterMaker) -> None:
    path = make_raster(texture(1, 600, 600))
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE="/etc/passwd")
    assert "names another file" in refusal(path)


def test_files_beside_the_scene_are_never_read(make_raster: RasterMaker) -> None:
    path = make_raster(texture(1, 40, 40))
    before = inspect(path)
    other = make_raster(texture(1, 20, 20, seed=1), name="other.tif")
    path.with_name("scene.tif.ovr").write_text(VRT.format(other))
    path.with_name("scene.tif.msk").write_bytes(other.read_bytes())
    path.with_name("scene.tfw").write_text("9\n0\n0\n-9\n0\n0\n")
    path.with_name("scene.tif.aux.xml").write_text("<PAMDataset><SRS>EPSG:4326</SRS></PAMDataset>")
    assert inspect(path) == before
    with open_raster(path) as dataset:
        assert dataset.overviews(1) == []
        assert (dataset.dataset_mask() == 255).all()


def test_reading_writes_nothing(make_raster: RasterMaker) -> None:
    path = make_raster(texture(3, 40, 40).astype(np.float32))
    inspect(path)
    assert os.listdir(path.parent) == [path.name]


def test_a_missing_file_a_folder_and_a_device_are_refused(tmp_path: Path) -> None:
    assert "there is no file" in refusal(tmp_path / "absent.tif")
    (tmp_path / "folder.tif").mkdir()
    assert "it is a folder" in refusal(tmp_path / "folder.tif")
    (tmp_path / "zero.tif").symlink_to("/dev/zero")
    assert "not a regular file" in refusal(tmp_path / "zero.tif")


def test_a_link_is_followed_to_a_geotiff_only(make_raster: RasterMaker, tmp_path: Path) -> None:
    scene = make_raster(texture(1, 20, 20))
    (tmp_path / "link.tif").symlink_to(scene)
    assert inspect(tmp_path / "link.tif") == inspect(scene)
    (tmp_path / "sly.tif").symlink_to("/etc/passwd")
    assert "its name ends in ''" in refusal(tmp_path / "sly.tif")
    (tmp_path / "loop.tif").symlink_to("loop.tif")
    assert "could not be read" in refusal(tmp_path / "loop.tif")


def test_a_geotiff_that_ends_in_its_header_is_refused(make_raster: RasterMaker, tmp_path: Path) -> None:
    path = tmp_path / "short.tif"
    path.write_bytes(make_raster(texture(1, 20, 20)).read_bytes()[:6])
    assert "could not be read" in refusal(path)


def test_the_child_process_finds_the_same_facts(make_raster: RasterMaker) -> None:
    path = make_raster(texture(4, 40, 40).astype(np.float32) / 7, nodata=float("nan"))
    assert inspect_in_child(path) == inspect(path)


def test_the_child_process_refuses_in_the_same_words(make_raster: RasterMaker) -> None:
    path = make_raster(texture(1, 40, 40), crs=None)
    with pytest.raises(RasterRefusedError) as caught:
        inspect_in_child(path)
    assert str(caught.value) == refusal(path)


def test_an_inspection_that_lasts_too_long_is_stopped(make_raster: RasterMaker) -> None:
    with pytest.raises(RasterRefusedError, match=r"inspecting it took over 0 s"):
        inspect_in_child(make_raster(texture(1, 40, 40)), timeout_s=0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="names are UTF-16 there")
def test_a_name_that_is_not_utf8_is_refused_in_a_text_that_can_be_shown(
    make_raster: RasterMaker, tmp_path: Path
) -> None:
    path = make_raster(texture(1, 40, 40))
    named = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xbb\xac\xc6\xc2.tif"))
    named.write_bytes(path.read_bytes())
    (tmp_path / "link.tif").symlink_to(named)
    for given in (named, tmp_path / "link.tif"):
        for look in (inspect, inspect_in_child):
            with pytest.raises(RasterRefusedError, match=r"signs that are not written in UTF-8.* Rename it") as caught:
                look(given)
            assert str(caught.value).encode()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell plays the process")
@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo oops >&2; exit 3", r"it ended with an error \(oops\)"),
        ("exit 3", r"it ended with an error \(code 3\)"),
        ("kill -KILL $$", "it needed too much memory"),
        ("echo MemoryError >&2; exit 1", "it needed too much memory"),
        ("kill -XCPU $$", "it took over 120 s"),
    ],
)
def test_why_an_inspection_gave_no_answer_is_told(
    make_raster: RasterMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: str
) -> None:
    path, program = make_raster(texture(1, 40, 40)), tmp_path / "program"
    program.write_text(f"#!/bin/sh\nulimit -c 0\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(RasterRefusedError, match=f"inspecting {told}"):
        inspect_in_child(path)
