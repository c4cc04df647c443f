"""A full disk: one sentence, nothing damaged, and it works again once there is room."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import CRS

from icssn.errors import DiskFullError
from icssn.vectors.write import write_labels
from tests.cli.conftest import Icssn
from tests.store.samples import FACTS


@pytest.fixture
def small_disk(workspace: Path) -> Iterator[Callable[[int], None]]:
    """A disk of 5 MB for the workspace, and a way to give it another size."""
    workspace.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o"]
    if sys.platform != "linux" or subprocess.run([*mount, "size=5m", "tmpfs", workspace], check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield lambda mb: subprocess.run([*mount, f"remount,size={mb}m", "tmpfs", workspace], check=True) and None
    subprocess.run(["umount", "--lazy", workspace], check=True)


def test_an_import_onto_a_full_disk_is_refused_with_a_sentence_and_can_be_repeated(
    icssn: Icssn, small_disk: Callable[[int], None], tmp_path: Path
) -> None:
    path = tmp_path / "wide.tif"
    profile = {"driver": "GTiff", "width": 2000, "height": 2000, "count": 3, "dtype": "uint8", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", transform=rasterio.transform.from_origin(600_000, 3_800_000, 1, 1), **profile) as out:
        out.write(np.random.default_rng(0).integers(0, 255, (3, 2000, 2000), dtype=np.uint8))
    status, answer = icssn("scene", "add", path, "--name", "wide")
    assert status == 1
    assert "Fewer than the 36 MB needed are free" in answer["error"]
    assert "free some space" in answer["error"]
    assert icssn("scene", "list")[1]["scenes"] == []
    small_disk(200)
    status, answer = icssn("scene", "add", path, "--name", "wide")
    assert status == 0
    assert answer["scene"]["tiles"]


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.zip", "a.csv"])
def test_labels_onto_a_full_disk_fail_with_a_sentence(
    small_disk: Callable[[int], None], workspace: Path, name: str
) -> None:
    room = shutil.disk_usage(workspace).free
    (workspace / "full").write_bytes(bytes(room))
    facts = FACTS.model_copy(update={"crs_wkt": CRS.from_epsg(32648).to_wkt()})
    with pytest.raises(DiskFullError, match="No space is left on the disk of"):
        write_labels(workspace / name, [], facts=facts)
    assert [path.name for path in workspace.iterdir()] == ["full"]
