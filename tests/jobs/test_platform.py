"""Locks, detached starts and children that die with their parent."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from icssn.errors import UnwritableError
from icssn.jobs import platform


def test_only_one_holds_a_lock_and_it_dies_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "worker.lock"
    code = (
        "import sys, time; from pathlib import Path; from icssn.jobs import platform\n"
        "lock = platform.try_lock(Path(sys.argv[1])); print(bool(lock), flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == "True"
    assert platform.try_lock(path) is None
    assert platform.is_locked(path)
    holder.kill()
    holder.wait()
    assert not platform.is_locked(path)


@pytest.mark.parametrize("place", ["worker.lock", "file/worker.lock"])
def test_a_lock_that_cannot_be_written_is_refused_in_a_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "worker.lock").mkdir()
    (tmp_path / "file").touch()
    for asked in (platform.try_lock, platform.is_locked):
        with pytest.raises(UnwritableError, match=r"cannot be written to: a (folder|file) stands in the place"):
            asked(tmp_path / place)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    child = (
        "import os, time; from icssn.jobs import platform\n"
        "platform.die_with_parent(os.getppid()); print(os.getpid(), flush=True); time.sleep(60)"
    )
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]).wait()"
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert psutil.pid_exists(pid)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_killing_a_group_takes_grandchildren_along(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print(p.pid, flush=True)\n"
        "time.sleep(60)"
    )
    log = tmp_path / "child.log"
    child = platform.start_child([sys.executable, "-c", code], log=log)
    while not log.read_text().strip():
        time.sleep(0.05)
    grandchild = int(log.read_text())
    platform.kill_group(child)
    gone = not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE
    assert gone
