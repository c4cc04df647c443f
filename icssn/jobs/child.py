"""The process that does one job: started ahead of it, so that a click need not wait for imports.

A child reads the id of its job from its standard input, does it, and ends: memory and GPU are free again afterwards,
and a crash cannot take the worker along. Closing its input, or dying, sends it away.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

from icssn.jobs import platform
from icssn.records import Job
from icssn.store.workspace import Workspace

Child = subprocess.Popen[bytes]


def start(ws: Workspace, *, warm: bool) -> Child:
    """Start a child that waits for a job.

    Args:
        ws: The workspace.
        warm: It imports what learning and predicting need while it waits.
    """
    command = [sys.executable, "-m", "icssn.worker", "--workspace", str(ws.folder), "--child", str(os.getpid())]
    return platform.start_child([*command, "--warm"] if warm else command, log=ws.folder / "logs" / "worker.log")


def hand_over(child: Child, job: Job) -> None:
    """Give a waiting child its job; one that has died meanwhile is found dead by whoever watches it."""
    assert child.stdin is not None
    with contextlib.suppress(OSError):
        child.stdin.write(f"{job.id}\n".encode())
        child.stdin.flush()


def dismiss(child: Child | None) -> None:
    """Send a waiting child away."""
    if child is not None:
        platform.kill_group(child)
        assert child.stdin is not None
        child.stdin.close()
