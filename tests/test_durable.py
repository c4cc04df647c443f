"""Files are whole or absent, whatever happens."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from icssn.durable import require_folder, whole_file, write_text
from icssn.errors import DiskFullError, UnwritableError


def test_an_error_in_the_block_leaves_the_earlier_file_and_no_litter(tmp_path: Path) -> None:
    place = tmp_path / "card.json"
    write_text(place, "first")
    with pytest.raises(ValueError, match="bad"), whole_file(place) as draft:  # noqa: PT012
        draft.write_text("half")
        raise ValueError("bad")
    assert place.read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]


def test_a_full_disk_becomes_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match="free some space"), whole_file(tmp_path / "a.bin"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which only Linux has")
def test_a_write_that_meets_a_full_device_is_the_same_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(DiskFullError),
        whole_file(tmp_path / "a.bin"),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x" * 4096)


@pytest.mark.parametrize(
    ("place", "named", "words"),
    [
        ("note.txt/a.bin", "note.txt", "a file stands in the place of a folder"),
        ("folder", "folder", "a folder stands in the place of the file"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path, place: str, named: str, words: str) -> None:
    (tmp_path / "note.txt").write_text("mine")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnwritableError, match=words) as caught:
        write_text(tmp_path / place, "new")
    assert f"'{tmp_path / named}'" in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "note.txt"]
    assert (tmp_path / "note.txt").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, in which nobody makes folders")
def test_a_folder_is_tried_before_long_work(tmp_path: Path) -> None:
    with pytest.raises(UnwritableError, match="nothing can be made there"):
        require_folder(Path("/proc/results"))
    require_folder(tmp_path / "new" / "results")
    assert list((tmp_path / "new" / "results").iterdir()) == []


def test_an_error_of_another_file_in_the_block_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="source"), whole_file(tmp_path / "a.bin") as draft:
        draft.write_bytes((tmp_path / "source.bin").read_bytes())


def test_a_killed_writer_never_publishes_half_a_file(tmp_path: Path) -> None:
    place = tmp_path / "weights.bin"
    code = (
        "import sys; from pathlib import Path; from icssn.durable import whole_file\n"
        "for n in range(100000):\n"
        "    with whole_file(Path(sys.argv[1])) as d: d.write_bytes(bytes([n % 251]) * 3_000_000)\n"
    )
    for delay in (0.5, 0.6, 0.7):
        writer = subprocess.Popen([sys.executable, "-c", code, str(place)])
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        if place.exists():
            content = place.read_bytes()
            assert len(content) == 3_000_000
            assert len(set(content)) == 1
    assert place.exists()
