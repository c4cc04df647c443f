"""Every way ICSSN refuses or fails, each with a sentence a geologist can act on.

A leaf takes facts and builds its message: what failed, on which item, what was found, what was needed and what
to do. Foreign errors are translated once, where the library is called, with ``raise … from err``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class IcssnError(Exception):
    """Root of all errors raised on purpose; its text is fit to be shown to a user."""


class ConfigError(IcssnError, ValueError):
    """A setting is unknown or out of range.

    Attributes:
        parts: The arguments, so that a refusal can pass from a child process to its parent.
    """

    def __init__(self, setting: str, found: object, needed: str) -> None:
        self.parts = {"setting": setting, "found": found, "needed": needed}
        super().__init__(f"Setting '{setting}' is {found!r}, but must be {needed}. Correct it and try again.")


class NotFoundError(IcssnError, LookupError):
    """A named thing is not in the workspace."""

    def __init__(self, kind: str, name: str, *, known: Iterable[str] = (), remedy: str = "") -> None:
        names = sorted(known)
        listing = f" Known: {', '.join(names[:12])}{' …' if len(names) > 12 else ''}." if names else ""
        super().__init__(f"There is no {kind} '{name}' in this workspace.{listing}{' ' + remedy if remedy else ''}")


class DuplicateError(IcssnError, ValueError):
    """A name is already taken, or the same file is already there."""

    def __init__(self, kind: str, name: str, *, remedy: str = "Choose another name.") -> None:
        super().__init__(f"There is already a {kind} '{name}' in this workspace. {remedy}")


class RasterRefusedError(IcssnError, ValueError):
    """A raster file cannot be used.

    Attributes:
        parts: The arguments, so that a refusal can pass from a child process to its parent.
    """

    def __init__(self, name: str, *, found: str, needed: str, remedy: str) -> None:
        self.parts = {"name": name, "found": found, "needed": needed, "remedy": remedy}
        super().__init__(f"Raster '{name}' was refused: {found}; {needed} is needed. {remedy}")


class DatasetRefusedError(IcssnError, ValueError):
    """A public set, or a tile of it, is not what it should be."""

    def __init__(self, name: str, *, found: str, needed: str, remedy: str) -> None:
        super().__init__(f"Data set '{name}' was refused: {found}; {needed} is needed. {remedy}")


class LabelsRefusedError(IcssnError, ValueError):
    """A vector file or an edit cannot be used as labels."""

    def __init__(self, name: str, *, found: str, needed: str, remedy: str) -> None:
        super().__init__(f"Labels '{name}' were refused: {found}; {needed} is needed. {remedy}")


class AttributeRefusedError(IcssnError, ValueError):
    """A value of the landslide record lies outside its domain."""

    def __init__(self, field: str, found: str, needed: str) -> None:
        super().__init__(f"Field '{field}' cannot be '{found}': it must be {needed}. Correct it and save again.")


class ReadingRefusedError(IcssnError, ValueError):
    """A second reading cannot be drawn, or what somebody reads does not belong to it."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(f"The second reading was refused: {found}. {remedy}")


class OutlineError(IcssnError, ValueError):
    """A change to an outline cannot be made as it was drawn."""

    def __init__(self, verb: str, needed: str) -> None:
        super().__init__(f"Could not {verb} the polygon: {needed}. Nothing was changed; draw again.")


class ConflictError(IcssnError):
    """Somebody else changed the same labels first; nothing was saved.

    Attributes:
        uids: The labels concerned.
        conflicts: Both versions of each of them, as `icssn.records.LabelConflict`.
    """

    def __init__(self, uids: Iterable[str], *, conflicts: Iterable[Any] = ()) -> None:
        self.uids = tuple(uids)
        self.conflicts = tuple(conflicts)
        super().__init__(
            f"{len(self.uids)} label(s) were changed by somebody else since you loaded them, so nothing was saved: "
            f"{', '.join(self.uids[:5])}. Reload the map, look at the newer shape and save again."
        )


class NotTrainableError(IcssnError, ValueError):
    """The labels do not suffice for training, or a file that it reads is gone.

    Attributes:
        reasons: Each a sentence that says what to do.
    """

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("Training cannot start. " + " ".join(self.reasons))


class BusyError(IcssnError, RuntimeError):
    """The same kind of work is already queued or running."""

    def __init__(self, kind: str, job_id: str, state: str) -> None:
        super().__init__(f"A {kind} job is already {state} (job {job_id}). Wait for it to end, or cancel it first.")


class QueueFullError(IcssnError, RuntimeError):
    """So much work waits already that no more is taken on."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} jobs wait already. Wait until some are done, or cancel those you do not need.")


class LostJobError(IcssnError, RuntimeError):
    """Another worker took a job over because this one gave no sign of life; what this one has must not count."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} was taken over by another worker, so nothing of this attempt was published.")


class JobFailedError(IcssnError, RuntimeError):
    """A job ended without a result; the text is the reason that the worker recorded."""

    def __init__(self, kind: str, job_id: str, reason: str) -> None:
        super().__init__(f"The {kind} job {job_id} did not finish: {reason}")


class CancelledError(IcssnError):
    """The user asked for the work to stop; what was written before stands."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was cancelled; everything finished before stands.")


class DiskFullError(IcssnError, OSError):
    """The disk has no room."""

    def __init__(self, folder: str, *, needed_mb: float | None = None) -> None:
        found = "No space is left on" if needed_mb is None else f"Fewer than the {needed_mb:.0f} MB needed are free on"
        super().__init__(f"{found} the disk of '{folder}'. Nothing was damaged: free some space and try again.")


class UnwritableError(IcssnError, OSError):
    """A place that somebody chose for a file cannot be written to."""

    def __init__(self, place: str, *, found: str) -> None:
        super().__init__(f"'{place}' cannot be written to: {found}. Choose another place.")


class DatabaseUnusableError(IcssnError, OSError):
    """The workspace's database cannot be opened, read or written."""

    def __init__(self, file: str, *, found: str, remedy: str) -> None:
        super().__init__(f"The database '{file}' cannot be used: {found}. {remedy}")


class CheckpointRefusedError(IcssnError, ValueError):
    """Stored weights cannot be used.

    Attributes:
        found: What is wrong with them.
        remedy: What to do.
        parts: The arguments, so that a refusal can pass from a child process to its parent.
    """

    def __init__(self, name: str, *, found: str, remedy: str) -> None:
        self.found, self.remedy = found, remedy
        self.parts = {"name": name, "found": found, "remedy": remedy}
        super().__init__(f"Checkpoint '{name}' was refused: {found}. {remedy}")


class MissingPartError(IcssnError, RuntimeError):
    """A part of the installation is missing."""

    def __init__(self, part: str, *, remedy: str) -> None:
        super().__init__(f"A part of the installation is missing: {part}. {remedy}")


class WorkersError(IcssnError, RuntimeError):
    """Other processes could not predict a scene."""

    def __init__(self, found: str) -> None:
        remedy = "Predict again to go on, or without workers (no --workers, no ICSSN_DASK_SCHEDULER)."
        super().__init__(f"The workers could not predict the scene: {found.removesuffix('.')}. {remedy}")


class StoreError(IcssnError, RuntimeError):
    """A file in an object store cannot be used.

    Attributes:
        found: What is wrong.
        remedy: What to do.
    """

    def __init__(self, address: str, *, found: str, remedy: str) -> None:
        self.found, self.remedy = found, remedy
        super().__init__(f"'{address}' cannot be used: {found}. {remedy}")


class BoundsError(IcssnError, ValueError):
    """Bounds are none, or lie beside the scene."""

    def __init__(self, found: object, *, scene: str, of_scene: tuple[float, float, float, float]) -> None:
        there = ",".join(f"{value:.5f}" for value in of_scene)
        super().__init__(
            f"'{found}' is no part of scene '{scene}': west,south,east,north in degrees are needed, within {there}. "
            "Correct them, or leave them out to take the whole scene."
        )


class TrackingError(IcssnError, RuntimeError):
    """A model could not be entered into an MLflow tracking store."""

    def __init__(self, to: str, *, found: str) -> None:
        remedy = "Check the address and that the server runs, then enter the model again."
        super().__init__(f"The model was not entered into MLflow at '{to}': {found}. {remedy}")


class NotAllowedError(IcssnError, PermissionError):
    """The user's role does not permit the action."""

    def __init__(self, who: str, role: str, verb: str, needed: str) -> None:
        super().__init__(f"{who} is {role} and may not {verb}; the role {needed} is needed. Ask an admin.")
