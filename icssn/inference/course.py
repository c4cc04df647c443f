"""How far one prediction is."""

from __future__ import annotations

import time
from collections.abc import Callable

from icssn.errors import CancelledError
from icssn.records import Progress

_REPORT_EVERY_S = 0.2


class Course:
    """How far one prediction is: asks whether to stop, and reports at most a few times a second."""

    def __init__(self, report: Callable[[Progress], None], stop: Callable[[], bool]) -> None:
        self._report = report
        self._stop = stop
        self._started = time.monotonic()
        self._reported = -_REPORT_EVERY_S

    @property
    def elapsed_s(self) -> float:
        """Seconds since its begin."""
        return time.monotonic() - self._started

    def stage(self, message: str, begin: float, end: float) -> Callable[[float], None]:
        """Give the `tell` of a stage that covers the fractions from `begin` to `end`."""

        def tell(share: float) -> None:
            if self._stop():
                raise CancelledError("The prediction")
            elapsed_s = self.elapsed_s
            if elapsed_s - self._reported < _REPORT_EVERY_S:
                return
            self._reported = elapsed_s
            fraction = begin + share * (end - begin)
            remaining_s = elapsed_s * (1 - fraction) / fraction if fraction > 0 else None
            self._report(Progress(fraction=fraction, message=message, remaining_s=remaining_s))

        return tell
