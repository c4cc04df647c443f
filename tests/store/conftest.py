"""A real database in a temporary folder, and processes that share it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from icssn.records import Scene
from icssn.store import scenes
from icssn.store.database import Database, open_database
from tests.store.samples import a_scene


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where a database may be made."""
    return f"sqlite:///{tmp_path / 'icssn.gpkg'}"


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    """An empty database."""
    database = open_database(url)
    yield database
    database.close()


@pytest.fixture
def scene(db: Database) -> Scene:
    """A scene in the database."""
    return scenes.add(db, a_scene())


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Processes that start in milliseconds and inherit nothing from pytest."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.store.children"])
    return context
