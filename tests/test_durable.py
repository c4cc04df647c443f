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

from icssn.durable import whole_file, write_text
from icssn.errors import DiskFullError


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
