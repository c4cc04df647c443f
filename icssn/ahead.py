"""Work that a few threads do ahead of the one who asks for its results."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = min(16, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
"""Threads that pay for pieces of a raster; memory holds as many pieces, and one more."""


def ahead(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int = AT_ONCE
) -> Generator[Result, None, None]:
    """Give the result of every item, in order; as many items as there are threads are worked on ahead.

    Items are taken in the thread of the one who asks, so that they may come from what only one thread may read. What
    `work` raises is raised where its result is asked for; then, and when the iterator is closed, nothing further is
    begun, and what is under way ends first.

    Args:
        work: Called in another thread.
        items: Taken one by one, `threads` ahead.
        threads: That work at the same time.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="ahead") as pool:
        pending: deque[Future[Result]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                if len(pending) > threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
