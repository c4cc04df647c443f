"""How a handler tells how far it is, and asks whether to stop."""

from __future__ import annotations

from collections.abc import Callable

from icssn.errors import CancelledError
from icssn.records import Progress

Report = Callable[[Progress], None]
Stop = Callable[[], bool]


def stoppable(report: Report, stop: Stop, what: str) -> Report:
    """Give a report that ends the work, by CancelledError, once `stop` is true."""

    def told(progress: Progress) -> None:
        if stop():
            raise CancelledError(what)
        report(progress)

    return told


def within(report: Report, start: float, end: float) -> Report:
    """Give a report whose 0–1 is a part of the whole."""
    return lambda p: report(p.model_copy(update={"fraction": start + (end - start) * p.fraction}))
