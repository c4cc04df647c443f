"""A workspace driven by the real command, and a small real raster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import psutil
import pytest
import rasterio
from shapely.geometry import box

from icssn.cli import main

Icssn = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    """A folder for a workspace; its worker is ended afterwards."""
    folder = tmp_path / "workspace"
    yield folder
    for process in psutil.process_iter(["cmdline"]):
        if str(folder) in " ".join(process.info["cmdline"] or []):
            process.kill()


@pytest.fixture
def icssn(workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Icssn:
    """Run ``icssn … --json`` and give its exit status and the one JSON object it printed.

    In this process: to start Python takes longer than most commands. Its worker is a process, as ever.
    """
    monkeypatch.setenv("ICSSN_WORKSPACE", str(workspace))

    def run(*words: object) -> tuple[int, dict[str, Any]]:
        monkeypatch.setattr(sys, "argv", ["icssn", *map(str, words), "--json"])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return _answer(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def started(workspace: Path) -> Icssn:
    """Do the same in a process of its own, as people start it."""

    def run(*words: object) -> tuple[int, dict[str, Any]]:
        command = [sys.executable, "-c", "from icssn.cli import main; main()", *map(str, words), "--json"]
        environment = {**os.environ, "ICSSN_WORKSPACE": str(workspace)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
        return _answer(done.returncode, done.stdout, done.stderr)

    return run


def _answer(status: object, out: str, err: str) -> tuple[int, dict[str, Any]]:
    assert isinstance(status, int)
    assert "Traceback" not in out + err
    assert "went wrong" not in out + err  # what nobody foresaw
    if status == 2:
        return 2, {"usage": err}
    answer = json.loads(out)
    assert isinstance(answer, dict)
    return status, answer


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    """A georeferenced noise image of 300 × 260 px of 1 m in UTM zone 48N."""
    path = tmp_path / "hill.tif"
    pixels = np.random.default_rng(0).integers(0, 255, (3, 260, 300), dtype=np.uint8)
    profile = {"driver": "GTiff", "width": 300, "height": 260, "count": 3, "dtype": "uint8", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", transform=rasterio.transform.from_origin(600_000, 3_800_000, 1, 1), **profile) as out:
        out.write(pixels)
    return path


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    """Two landslides on `raster`."""
    path = tmp_path / "slides.gpkg"
    outlines = [box(600_030 + x, 3_799_800, 600_090 + x, 3_799_860) for x in (0, 150)]
    gpd.GeoDataFrame(geometry=outlines, crs="EPSG:32648").to_file(path)
    return path
