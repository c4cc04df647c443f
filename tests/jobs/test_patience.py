"""A database that fails for a while is waited out."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from icssn.errors import DatabaseUnusableError
from icssn.jobs import patience
from icssn.jobs.patience import patiently


def fails_until(moment: float) -> Callable[[], str]:
    def act() -> str:
        if time.monotonic() < moment:
            raise DatabaseUnusableError("icssn.gpkg", found="it does not answer", remedy="Wait.")
        return "done"

    return act


def test_it_is_done_as_soon_as_it_can_be(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.01)
    assert patiently(fails_until(time.monotonic() + 0.3)) == "done"
    told = capsys.readouterr().err.splitlines()
    assert 2 < len(told) < 8  # the pauses grow
    assert all("it does not answer" in line for line in told)


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(patience, "PATIENCE_S", 0.2)
    begun = time.monotonic()
    with pytest.raises(DatabaseUnusableError):
        patiently(fails_until(float("inf")))
    assert time.monotonic() - begun >= 0.2


def test_whoever_is_told_to_stop_waits_no_longer() -> None:
    begun = time.monotonic()
    with pytest.raises(DatabaseUnusableError):
        patiently(fails_until(float("inf")), unless=lambda: True)
    assert time.monotonic() - begun < 5


def test_other_errors_pass_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        patiently(lambda: 1 // 0)
