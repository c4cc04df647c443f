"""Fixtures that several packages' tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real landslide imagery; skips the test where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real landslide imagery does not stand beside this checkout (shared/data)")
    return SHARED_DATA
