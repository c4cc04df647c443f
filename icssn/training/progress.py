"""How far a run is and how long it will still take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import SupportsFloat

from icssn.config import Stage, TrainConfig
from icssn.records import Progress
from icssn.training.refit import BATCH, BATCHES
from icssn.training.state import Position

# Work in units of one chip seen forward and backward by the encoder (measured with Lite0 at 192 px on a CPU).
_STEP = {"classify": 2.0, "segment": 1.4, "joint": 3.4}  # per chip: two views; one and the decoder; all of them
_FORWARD = 0.3  # of that, where nothing is learned
_REFIT = 2 * BATCHES * BATCH * _FORWARD  # of the classifier, when a round is settled
_INTERVAL_S = 0.5  # a row in a database need not change more often


def looks_in(config: TrainConfig, name: Stage) -> set[int]:
    """Give the numbers of steps of a stage after which it is judged; the end of a round is, when that is settled."""
    steps = config.stage(name).steps
    looks = {round(share * steps) for share in config.looks} - {0}
    return looks - {steps} if name == config.course[-1] else looks


class Pace:
    """Turns positions into progress reports; the time left follows from the speed of this sitting.

    Args:
        held_out: How many chips are judged.
        stored_px: Side of a stored chip, of which masks are judged; objects are in the middle, of a crop's size.
        begin: Where this sitting begins.
        report: Told of progress.
    """

    def __init__(
        self,
        config: TrainConfig,
        *,
        held_out: int,
        stored_px: int,
        begin: Position,
        report: Callable[[Progress], None],
    ) -> None:
        self.config = config
        self._middles = held_out * _FORWARD
        self._whole = self._middles * (stored_px / config.chips.size_px) ** 2
        self._report = report
        self._started_s = time.monotonic()
        self._reported_s = -_INTERVAL_S
        self._begin = self.done(begin)

    def done(self, position: Position) -> float:
        """Give the share of the run's work that lies before `position`, 0..1."""
        course = self.config.course
        work = {name: self._work(name) for name in course}
        before = sum(work[name] for name in course[: course.index(position.stage)])
        steps = max(self.config.stage(position.stage).steps, 1)
        one_round = sum(work.values())
        finished = (position.round - 1) * one_round + before + work[position.stage] * position.step / steps
        return min(finished / max(one_round * self.config.rounds, 1e-9), 1.0)

    def _work(self, name: Stage) -> float:
        """Give the work of a stage with its looks, and of settling the round at the end of its last one."""
        stage = self.config.stage(name)
        look = self._middles + (0 if name == "classify" else self._whole)
        settled = look + _REFIT if name == self.config.course[-1] else 0.0
        return stage.steps * stage.batch_size * _STEP[name] + look * len(looks_in(self.config, name)) + settled

    def tell(self, position: Position, *, figures: Mapping[str, SupportsFloat], always: bool = False) -> None:
        """Report that all before `position` is done, unless something was reported just now.

        Args:
            figures: Parts of the loss, or what validation found.
            always: Report even so.
        """
        now_s = time.monotonic()
        if now_s - self._reported_s < _INTERVAL_S and not always:
            return
        self._reported_s = now_s
        fraction = self.done(position)
        gained = fraction - self._begin
        remaining_s = (now_s - self._started_s) * (1 - fraction) / gained if gained > 0 else None
        settings = self.config.stage(position.stage)
        self._report(
            Progress(
                fraction=fraction,
                message=f"round {position.round} of {self.config.rounds} · {position.stage}"
                f" · step {position.step} of {settings.steps}",
                remaining_s=remaining_s,
                figures={name: float(value) for name, value in figures.items()},
            )
        )
