import threading
import time
from collections.abc import Iterator

import pytest

from icssn.ahead import ahead


def counted(taken: list[int], count: int = 20) -> Iterator[int]:
    for number in range(count):
        taken.append(number)
        yield number


def test_results_come_in_order_though_the_first_takes_longest() -> None:
    def slow(number: int) -> int:
        time.sleep(0.1 if number == 0 else 0)
        return number * number

    assert list(ahead(slow, range(9), threads=3)) == [number * number for number in range(9)]


def test_as_many_work_at_the_same_time_as_there_are_threads() -> None:
    together = threading.Barrier(3, timeout=20)  # breaks unless three are there at once
    assert list(ahead(lambda number: together.wait() >= 0 and number, range(6), threads=3)) == list(range(6))


def test_items_are_taken_no_further_ahead_than_there_are_threads_and_by_the_one_who_asks() -> None:
    taken: list[int] = []
    results = ahead(lambda _: threading.current_thread(), counted(taken), threads=2)
    assert not taken
    assert next(results) is not threading.current_thread()
    assert taken == [0, 1, 2]
    next(results)
    assert taken == [0, 1, 2, 3]
    results.close()


def test_what_the_work_raises_comes_where_its_result_was_asked_for_and_ends_it() -> None:
    taken: list[int] = []
    results = ahead(lambda number: 1 // (number - 2), counted(taken), threads=1)
    assert [next(results), next(results)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert list(results) == []
    assert len(taken) < 6


def test_closing_waits_for_what_is_under_way_and_begins_nothing_more() -> None:
    begun: list[int] = []
    finished: list[int] = []

    def slow(number: int) -> None:
        begun.append(number)
        time.sleep(0.05)
        finished.append(number)

    results = ahead(slow, range(20), threads=2)
    next(results)
    results.close()
    assert begun == finished
    assert len(begun) <= 4
    time.sleep(0.1)
    assert len(begun) == len(finished) <= 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_nothing_gives_nothing() -> None:
    assert list(ahead(str, [])) == []
