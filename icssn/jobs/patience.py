"""Wait out a database that cannot be used for a while: its server is started anew, another program keeps it locked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from icssn.errors import DatabaseUnusableError

PATIENCE_S = 300.0  # a server that is not back by then needs its administrator
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0

Answer = TypeVar("Answer")


def patiently(act: Callable[[], Answer], *, unless: Callable[[], bool] = lambda: False) -> Answer:
    """Do something with the database; while it cannot be used, do it again and again with growing pauses.

    Args:
        act: What to do. It must bear being done twice: of a transaction that broke off nobody knows whether it stands.
        unless: Asked after each failure; when true, it is not tried again.

    Raises:
        DatabaseUnusableError: It could not be used for `PATIENCE_S`, or `unless` was true.
    """
    begun, pause_s = time.monotonic(), FIRST_PAUSE_S
    while True:
        try:
            return act()
        except DatabaseUnusableError as err:
            if unless() or time.monotonic() - begun > PATIENCE_S:
                raise
            print(f"{err} It is tried again in {pause_s:g} s.", file=sys.stderr, flush=True)
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
