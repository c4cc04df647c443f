"""Real databases, a file and a PostgreSQL with PostGIS, and processes that share them."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from icssn.records import Scene
from icssn.store import scenes
from icssn.store.database import Database, open_database
from tests.store.cluster import Cluster
from tests.store.samples import a_scene


@pytest.fixture(params=["sqlite", "postgis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database is, or may be made; every test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'icssn.gpkg'}"
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.emptied()


@pytest.fixture(params=["sqlite", "postgis"])
def empty_urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Iterator[str]]:
    """Where databases may be made that have nothing in them yet; runs on both kinds."""
    with contextlib.ExitStack() as made:
        if request.param == "sqlite":
            yield (f"sqlite:///{tmp_path / f'empty{number}.gpkg'}" for number in itertools.count())
        else:
            cluster: Cluster = request.getfixturevalue("cluster")
            yield (made.enter_context(cluster.database()) for _ in itertools.count())


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
