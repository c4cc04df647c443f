"""A run while it is being computed: what stands in memory, and how it gets to disk and back."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from icssn.config import TrainConfig
from icssn.durable import write_text
from icssn.errors import CheckpointRefusedError
from icssn.training import together
from icssn.training.dataset import ChipArrays
from icssn.training.learner import Learner
from icssn.training.state import Position, load_state, refuse_other_run, save_state

JOURNAL_NAME = "journal.json"


@dataclass
class Journal:
    """What a run can tell of itself; ``journal.json`` in its folder.

    Attributes:
        run: Its identity.
        looks: One entry each time validation was asked: round, stage, step and figures.
        rounds: One entry per finished round: number, metrics (the round's seconds among them), sha256.
        seconds: Computed so far, over all sittings.
        data_seconds: Of these, spent on making batches.
        done: Nothing more will happen.
    """

    run: str
    looks: list[dict[str, Any]] = field(default_factory=list)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    data_seconds: float = 0.0
    done: bool = False


@dataclass
class Sitting:
    """One process at work on a run.

    Attributes:
        position: The next step.
    """

    folder: Path
    chips: ChipArrays
    config: TrainConfig
    learner: Learner
    journal: Journal
    parent: str  # SHA-256 of the weights started from, or empty
    position: Position
    resumed: dict[str, Any] | None = None  # state of the learner, until the interrupted stage has begun again

    def __post_init__(self) -> None:
        self._clock_s = time.monotonic()

    def save(self) -> None:
        """Write the state and the journal; of several processes the first does."""
        self.tick()
        if not together.leads():
            return
        state = {
            "run": self.journal.run,
            "position": asdict(self.position),
            "journal": asdict(self.journal),
            "learner": self.learner.state(),
        }
        save_state(self.folder, state)
        write_journal(self.folder, self.journal)

    def move(self, position: Position) -> None:
        """Go to the beginning of another stage."""
        self.position = position
        self.save()

    def looked(self, figures: dict[str, float]) -> None:
        """Enter into the journal what validation said of the present position."""
        self.journal.looks.append(
            {"round": self.position.round, "stage": self.position.stage, "step": self.position.step, "figures": figures}
        )

    def resume(self) -> None:
        """Take over the state in the folder, if there is one."""
        state = load_state(self.folder, run=self.journal.run)
        if state is None:
            return
        self.position = Position(**state["position"])
        self.journal = Journal(**state["journal"])
        self.resumed = state["learner"]

    def tick(self) -> None:
        """Add the time since the last tick to the journal."""
        now_s = time.monotonic()
        self.journal.seconds += now_s - self._clock_s
        self._clock_s = now_s


def write_journal(folder: Path, journal: Journal) -> None:
    """Write ``journal.json``, whole or not at all."""
    write_text(folder / JOURNAL_NAME, json.dumps(asdict(journal), indent=1) + "\n")


def read_journal(folder: Path, *, run: str) -> Journal | None:
    """Read the journal of a run, or None where there is none.

    Raises:
        CheckpointRefusedError: It cannot be read, or is of another run.
    """
    file = folder / JOURNAL_NAME
    if not file.exists():
        return None
    try:
        journal = Journal(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as err:
        raise CheckpointRefusedError(
            folder.name, found=f"its {JOURNAL_NAME} cannot be read", remedy="Start a new run."
        ) from err
    refuse_other_run(folder, found=journal.run, run=run)
    return journal
