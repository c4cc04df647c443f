"""What differs between Linux, macOS and Windows: file locks, detached starts, children that die with us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import psutil

from icssn.durable import make_folder, written_to

_POSIX = os.name == "posix"
_KILL_S = 10.0  # a killed process is gone within milliseconds unless it waits for a broken disk


def try_lock(path: Path) -> IO[str] | None:
    """Take an exclusive lock on a file; None when another process holds it.

    The lock lives as long as the returned handle and dies with the process, however it ends.

    Raises:
        UnwritableError: The file cannot be made or written to.
    """
    make_folder(path.parent)
    with written_to(path):
        handle = path.open("a+", encoding="utf-8")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    return handle


def is_locked(path: Path) -> bool:
    """Say whether some process holds the lock on `path`; raises as `try_lock`."""
    handle = try_lock(path)
    if handle is None:
        return True
    handle.close()
    return False


def start_detached(command: list[str], *, log: Path) -> int:
    """Start a process that outlives this one; its output goes to `log`. Gives its process id.

    Raises:
        UnwritableError: The log cannot be written.
    """
    make_folder(log.parent)
    with written_to(log), log.open("ab") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **_own_group()).pid


def start_child(command: list[str], *, log: Path) -> subprocess.Popen[bytes]:
    """Start a child in its own process group, at low priority so that maps stay quick; its input is a pipe."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output, **_own_group())
    with contextlib.suppress(psutil.Error):
        psutil.Process(child.pid).nice(10 if _POSIX else psutil.BELOW_NORMAL_PRIORITY_CLASS)  # type: ignore[attr-defined,unused-ignore]
    return child


def die_with_parent(parent_pid: int) -> None:
    """Ask the system to kill this process when its parent ends (Linux; elsewhere see `parent_is_gone`)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1  # from <linux/prctl.h>
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if parent_is_gone(parent_pid):
        sys.exit(1)


def parent_is_gone(parent_pid: int) -> bool:
    """Say whether the parent has ended; children ask this at every report, for systems without a death signal."""
    return os.getppid() != parent_pid if _POSIX else not psutil.pid_exists(parent_pid)


def ask_to_stop(child: subprocess.Popen[bytes]) -> None:
    """Ask a child to finish its step, keep its state and exit."""
    child.terminate() if _POSIX else child.send_signal(signal.CTRL_BREAK_EVENT)  # type: ignore[attr-defined,unused-ignore]


def runs(pid: int) -> bool:
    """Say whether a process runs; one that has ended and only waits to be noticed does not."""
    try:
        return _runs(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def write_output_to(log: Path) -> None:
    """Send all that this process writes from now on to the end of a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        for number in (1, 2):
            os.dup2(output.fileno(), number)


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """End a child and everything it started; gives back once none of them runs any more."""
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(child.pid).children(recursive=True)
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)  # of a child that has ended already, what it left behind
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    child.kill()
    child.wait()
    deadline = time.monotonic() + _KILL_S
    while any(map(_runs, family)) and time.monotonic() < deadline:  # a kill takes a moment on a busy machine
        time.sleep(0.01)


def _runs(process: psutil.Process) -> bool:
    """Say whether a process still runs; one that only waits for its parent to notice its end does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _own_group() -> dict[str, Any]:
    if _POSIX:
        return {"start_new_session": True}
    return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]
