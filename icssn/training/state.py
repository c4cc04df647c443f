"""Where a run stands, on disk: written whole, so that a killed run goes on exactly where it was."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from icssn import __version__
from icssn.config import Stage, TrainConfig
from icssn.durable import whole_file
from icssn.errors import CheckpointRefusedError

STATE_NAME = "state.pt"
LEARNS_LIKE = 3  # raise it when the same settings, chips and parent come to give other weights than before
_TEACHES_NOTHING = {"device", "cuda_graphs", "checkpoint_every_steps", "looks"}
STAGES: tuple[Stage, ...] = ("classify", "segment", "joint")


@dataclass(frozen=True)
class Position:
    """A place in a run: the next step to take.

    Attributes:
        round: From 1.
        stage: One of `STAGES`.
        step: From 0.
    """

    round: int = 1
    stage: Stage = "classify"
    step: int = 0

    def next_in(self, course: tuple[Stage, ...]) -> Position | None:
        """Give the beginning of the next stage of the round, or None after the last."""
        later = course[course.index(self.stage) + 1 :]
        return Position(self.round, later[0]) if later else None

    def seeds(self, seed: int) -> tuple[int, int]:
        """Derive the seeds of this stage (the order of chips) and of this step (all other chance).

        Because every step draws from its own seed, no generator has to be stored to go on exactly.
        """
        stage = (seed, self.round, STAGES.index(self.stage))
        return _mixed(0, *stage), _mixed(1, *stage, self.step)


def identity(config: TrainConfig, *, fingerprint: str, parent: str) -> str:
    """Give the SHA-256 of all that decides what a run learns.

    The device, its use, looks and the interval of states do not. The version of ICSSN does: what one version began no
    other goes on with, since both would learn otherwise.

    Args:
        fingerprint: Of the chips' manifest.
        parent: SHA-256 of the weights that a warm start begins from, or empty.
    """
    settings = config.model_dump(mode="json", exclude=_TEACHES_NOTHING)
    decisive = [__version__, LEARNS_LIKE, settings, fingerprint, parent]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write the state of an unfinished run, whole or not at all.

    Args:
        state: Tensors and plain values in dicts, lists and tuples.

    Raises:
        DiskFullError: The disk is full; the earlier state is untouched.
    """
    content = io.BytesIO()  # torch's own writer calls a full disk "unexpected pos", and not an OSError
    torch.save(state, content)
    with whole_file(folder / STATE_NAME) as draft:
        draft.write_bytes(content.getbuffer())


def load_state(folder: Path, *, run: str) -> dict[str, Any] | None:
    """Read the state of an unfinished run, or None where there is none.

    Args:
        run: `identity` of the run that wants to go on.

    Raises:
        CheckpointRefusedError: The state is damaged, or of a run with other settings, chips or parent, or of another
            version of ICSSN.
    """
    file = folder / STATE_NAME
    if not file.exists():
        return None
    unreadable = CheckpointRefusedError(
        folder.name, found="the state of its unfinished run cannot be read", remedy="Start a new run."
    )
    if not zipfile.is_zipfile(file):  # torch would take it for a bare pickle
        raise unreadable
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError) as err:
        raise unreadable from err
    refuse_other_run(folder, found=str(state.get("run")), run=run)
    return state


def refuse_other_run(folder: Path, *, found: str, run: str) -> None:
    """Raise CheckpointRefusedError unless both identities are equal."""
    if found != run:
        raise CheckpointRefusedError(
            folder.name,
            found="its unfinished run was begun by another version of ICSSN, or with other settings, chips or parent",
            remedy="Start a new run.",
        )


def _mixed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
