"""What the worker does for each kind of job: read the store, hand paths to the work, publish, write the row.

Heavy libraries are imported inside the functions that need them: an import job must not wait for torch.
"""

from __future__ import annotations

from typing import Any

from icssn.handlers.course import Report, Stop
from icssn.handlers.learning import crossval, train
from icssn.handlers.predicting import evaluate, export, predict
from icssn.handlers.scenes import import_dataset, import_scene, make_demo
from icssn.records import Job, JobKind
from icssn.store.workspace import Workspace

__all__ = ["perform", "warm_up"]


def perform(ws: Workspace, job: Job, *, report: Report, stop: Stop) -> dict[str, Any]:
    """Do the work of a job; gives the result that its row will carry.

    Raises:
        IcssnError: The work cannot be done; the message is for the user.
    """
    work = {
        JobKind.demo: make_demo,
        JobKind.import_scene: import_scene,
        JobKind.dataset: import_dataset,
        JobKind.train: train,
        JobKind.predict: predict,
        JobKind.evaluate: evaluate,
        JobKind.crossval: crossval,
        JobKind.export: export,
    }
    return work[job.kind](ws, job, report, stop)


def warm_up() -> None:
    """Import what training and prediction need, ahead of a job."""
    import icssn.chips.cut
    import icssn.inference.evaluate
    import icssn.inference.predict
    import icssn.training.rounds  # noqa: F401
