"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import object_stores
from tests.object_stores import S3, Web
from tests.store.cluster import Cluster, NoPostgisError, throwaway

TESTS = Path(__file__).resolve().parent
SHARED_DATA = TESTS.parents[1] / "shared" / "data"

settings.register_profile("icssn", deadline=None)  # two tests at once on two cores: time by the clock says nothing
settings.load_profile("icssn")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one process, and all that drive a browser in one: two cores have no room for two."""
    for item in items:
        file = item.path.relative_to(TESTS)
        item.add_marker(pytest.mark.xdist_group("browser" if file.parts[0] == "browser" else str(file)))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real landslide imagery; skips the test where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real landslide imagery does not stand beside this checkout (shared/data)")
    return SHARED_DATA


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server with PostGIS; without one its tests are skipped, but never on the build machine."""
    try:
        with throwaway() as running:
            yield running
    except NoPostgisError as err:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostGIS on this machine: {err}")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute on one thread: nets this small only wait for a second one, and very long on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    """An S3 server on this machine."""
    with object_stores.s3_server() as running:
        yield running


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """That server, and all that ICSSN needs from the environment to reach it, but for ICSSN_STORES."""
    for name, value in {**object_stores.CREDENTIALS, "AWS_ENDPOINT_URL": s3_server.endpoint}.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A web server of a folder, named in ICSSN_STORES."""
    folder = tmp_path / "served"
    folder.mkdir()
    with object_stores.web_server(folder) as running:
        monkeypatch.setenv("ICSSN_STORES", running.url)
        yield running
