"""Uploads lie alone in a folder named by chance; their own names never become a path."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.runtime.scriptrunner import RerunException, StopException
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

from icssn.errors import DiskFullError, NotFoundError, UnwritableError
from icssn.records import RemoteRaster
from icssn.store.workspace import Workspace
from icssn.ui import uploads


class Upload:
    """What Streamlit gives for an uploaded file."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name, self._content = name, content

    def getbuffer(self) -> memoryview:
        return memoryview(self._content)


def test_an_upload_is_kept_under_our_own_name(ws: Workspace) -> None:
    with uploads.kept(ws, Upload("../../../etc/passwd", b"content")) as path:
        assert path.read_bytes() == b"content"
        assert path.name == "scene.tif"
        assert path.parents[1] == ws.folder / "uploads"
    assert path.exists()


def test_a_refused_upload_leaves_nothing_behind(ws: Workspace) -> None:
    with pytest.raises(ValueError, match="refused"), uploads.kept(ws, Upload("a.tif", b"content")) as path:
        raise ValueError("refused")
    assert not path.parent.exists()


def test_an_upload_that_cannot_be_kept_is_refused_in_a_sentence(ws: Workspace) -> None:
    (ws.folder / "uploads").write_text("a file")
    with (
        pytest.raises(UnwritableError, match=r"uploads' cannot be written to: a file stands in the place of a folder"),
        uploads.kept(ws, Upload("a.tif", b"content")),
    ):
        pass


def test_an_upload_that_a_full_disk_cuts_off_leaves_nothing_behind(ws: Workspace) -> None:
    folder = ws.folder / "uploads"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if sys.platform != "linux" or subprocess.run(mount, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        with (
            pytest.raises(DiskFullError, match="free some space"),
            uploads.kept(ws, Upload("a.tif", bytes(2_000_000))),
        ):
            pass
        assert list(folder.iterdir()) == []
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("ends", [StopException(), RerunException(RerunData())], ids=["stop", "rerun"])
def test_an_upload_stays_where_its_page_is_stopped_or_drawn_anew(ws: Workspace, ends: BaseException) -> None:
    with pytest.raises(type(ends)), uploads.kept(ws, Upload("a.tif", b"content")) as path:
        raise ends
    assert path.read_bytes() == b"content"


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="That is a folder: give the whole path of a GeoTIFF in it"):
        uploads.server_path(str(tmp_path))
    with pytest.raises(NotFoundError, match="Give the whole path of a GeoTIFF on the machine"):
        uploads.server_path("")


def test_without_an_upload_nothing_is_written(ws: Workspace) -> None:
    with uploads.kept(ws, None) as path:
        assert not path.parent.exists()


@pytest.mark.parametrize(("name", "stem"), [("hill.tif", "hill"), ("C:\\maps\\hill.tif", "hill"), ("a/b.c.tif", "b.c")])
def test_the_display_name_is_the_file_name_without_folder_and_ending(name: str, stem: str) -> None:
    assert uploads.stem(Upload(name, b"")) == stem


def test_a_typed_path_may_be_quoted(tmp_path: Path) -> None:
    (tmp_path / "hill.tif").touch()
    assert uploads.server_path(f' "{tmp_path / "hill.tif"}" ') == tmp_path / "hill.tif"
    assert uploads.optional("  ") is None


@pytest.mark.parametrize("text", ["", "/no/such/file.tif", "."])
def test_a_path_without_a_file_is_refused(text: str) -> None:
    with pytest.raises(NotFoundError, match="upload the file"):
        uploads.server_path(text)


def test_an_address_in_a_store_may_be_typed_as_well(tmp_path: Path) -> None:
    (tmp_path / "hill.tif").touch()
    assert uploads.named(" 's3://survey/hill.tif' ") == RemoteRaster(address="s3://survey/hill.tif")
    assert uploads.named(str(tmp_path / "hill.tif")) == tmp_path / "hill.tif"
    with pytest.raises(NotFoundError, match="upload the file"):
        uploads.named("s3:/survey/hill.tif")
