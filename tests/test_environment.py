"""What the machine says is understood, or refused in one sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from icssn import environment
from icssn.errors import ConfigError


@pytest.mark.parametrize("setting", ["ICSSN_WORKSPACE", "ICSSN_MODELS"])
@pytest.mark.parametrize("place", ["~no-such-user/x", "loop/x"])
def test_a_path_that_leads_nowhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, place: str
) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(setting, place)
    with pytest.raises(ConfigError, match=f"Setting '{setting}' is '{place}', but must be the path of a folder"):
        environment.workspace_folder() if setting == "ICSSN_WORKSPACE" else environment.models_folder(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork") or os.getuid() != 0, reason="only root may become a user without a name")
def test_a_user_without_a_name_is_called_by_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ICSSN_PERSON", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(54_321)
            os.write(there, environment.person().encode())
        finally:
            os._exit(0)
    os.close(there)
    os.waitpid(child, 0)
    with os.fdopen(here) as answer:
        assert answer.read() == "uid 54321"
