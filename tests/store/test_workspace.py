"""A workspace that has lost its database is no new project."""

from __future__ import annotations

from pathlib import Path

import pytest

from icssn.errors import DatabaseUnusableError
from icssn.records import Actor
from icssn.store.workspace import Workspace

LI = Actor(name="Li")


@pytest.mark.parametrize("left", [None, b"", b"\0"])
@pytest.mark.parametrize("lived_in", ["scenes", "runs", "models"])
def test_a_full_workspace_without_a_database_is_refused(tmp_path: Path, lived_in: str, left: bytes | None) -> None:
    (tmp_path / lived_in / "a").mkdir(parents=True)
    if left is not None:
        (tmp_path / "icssn.gpkg").write_bytes(left)
    with pytest.raises(DatabaseUnusableError, match=r"it is gone.*icssn restore FILE"):
        Workspace(tmp_path, actor=LI)
    assert (tmp_path / "icssn.gpkg").exists() == (left is not None)


def test_empty_folders_make_no_project(tmp_path: Path) -> None:
    (tmp_path / "scenes").mkdir()
    Workspace(tmp_path, actor=LI).close()
    (tmp_path / "scenes" / "a").mkdir()
    Workspace(tmp_path, actor=LI).close()


def test_the_database_of_a_full_workspace_may_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scenes" / "a").mkdir(parents=True)
    monkeypatch.setenv("ICSSN_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.gpkg'}")
    Workspace(tmp_path, actor=LI).close()
    assert not (tmp_path / "icssn.gpkg").exists()


def test_a_database_lies_in_its_workspace_whatever_that_is_called(tmp_path: Path) -> None:
    for name in ("a?b", "a#b", "a%20b"):
        Workspace(tmp_path / name, actor=LI).close()
        assert [path.name for path in (tmp_path / name).iterdir()] == ["icssn.gpkg"]
    assert len(list(tmp_path.iterdir())) == 3
