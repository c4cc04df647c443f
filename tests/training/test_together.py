"""Two processes under torchrun learn what one learns, and go on after one of them was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from icssn.config import TrainConfig
from icssn.jobs import platform
from icssn.training.state import STATE_NAME
from tests.training.conftest import WriteChips

LIMIT_S = 240


def run_folder(folder: Path, chips: Path, config: TrainConfig) -> Path:
    """Make the folder of a run that has not begun."""
    folder.mkdir()
    (folder / "chips").symlink_to(chips)
    (folder / "config.json").write_text(config.model_dump_json())
    return folder


def begun(folder: Path, *, processes: int) -> subprocess.Popen[str]:
    """Start the training of a folder, alone or under torchrun."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "--max-restarts=2"]
    command = [sys.executable, *(torchrun if processes > 1 else []), "-m", "icssn.training", str(folder)]
    environment = {**os.environ, "ICSSN_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def trained(folder: Path, *, processes: int) -> str:
    """Train a folder to its end; gives what was told meanwhile."""
    process = begun(folder, processes=processes)
    return _ended(process)


def _ended(process: subprocess.Popen[str]) -> str:
    """Wait for the end of a training; gives what it told."""
    try:
        told, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        platform.kill_group(process)
        raise
    assert process.returncode == 0, told
    return told


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "round-1" / "model.safetensors")


def test_two_processes_have_the_loss_and_the_gradients_of_one(
    tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    folder = run_folder(tmp_path / "run", write_chips(), tiny_config)
    found = []
    for processes in (1, 2):
        out = tmp_path / f"{processes}.pt"
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command = [sys.executable, *torchrun, "-m", "tests.training.one_step", str(folder), str(out)]
        subprocess.run(command, check=True, timeout=LIMIT_S, env={**os.environ, "OMP_NUM_THREADS": "1"})
        found.append(torch.load(out))
    alone, both = found
    assert alone.keys() == both.keys()
    assert {"classify supcon", "classify moco", "classify simsiam", "segment"} <= alone.keys()
    for name, step in alone.items():
        assert both[name]["loss"] == pytest.approx(step["loss"], rel=1e-5), name
        for part in ("gradients", "statistics"):
            assert step[part].abs().max() > 0
            distance = (both[name][part] - step[part]).norm() / step[part].norm()
            assert distance < 1e-4, f"{name}: {part} differ by {distance:.2g} of their length"


def test_a_run_of_two_processes_ends_like_a_run_of_one_and_survives_a_killed_process(
    tmp_path: Path, write_chips: WriteChips, tiny_config: TrainConfig
) -> None:
    config = tiny_config.model_copy(
        update={
            "rounds": 1,
            "segment": tiny_config.segment.model_copy(update={"steps": 24}),
            "checkpoint_every_steps": 3,
        }
    )
    chips = write_chips()
    whole, broken = (run_folder(tmp_path / name, chips, config) for name in ("whole", "broken"))
    trained(whole, processes=2)
    process = begun(broken, processes=2)
    deadline = time.monotonic() + LIMIT_S
    while not (broken / STATE_NAME).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    ranks = [it for it in psutil.Process(process.pid).children(recursive=True) if "icssn.training" in it.cmdline()]
    ranks[-1].send_signal(signal.SIGKILL)
    told = _ended(process)
    assert told.count("classify · step 0 of") == 1  # the second life does not begin at the first step
    assert not (broken / STATE_NAME).exists()
    assert all(torch.equal(tensor, weights(broken)[name]) for name, tensor in weights(whole).items())
