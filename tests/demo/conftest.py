"""One small demo project, made once for all tests of the package."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest

from icssn.demo.noise import Field
from icssn.demo.project import DemoFiles, make_project
from icssn.demo.terrain import grow
from icssn.records import Progress

SIZE_PX = 512  # the same landscape at 4 m


@pytest.fixture(scope="session")
def told() -> list[Progress]:
    """What the making of the demo reported; filled by `files`."""
    return []


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, told: list[Progress]) -> DemoFiles:
    return make_project(tmp_path_factory.mktemp("demo"), report=told.append, size_px=SIZE_PX)


@pytest.fixture(scope="session")
def truth(files: DemoFiles) -> gpd.GeoDataFrame:
    return gpd.read_file(files.truth_labels, engine="pyogrio")


@pytest.fixture(scope="session")
def bare() -> Field:
    """Hills without landslides, on the 4 m grid."""
    return grow(np.random.default_rng(0))
