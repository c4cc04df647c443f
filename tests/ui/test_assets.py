"""Every file of the map comes from this machine, and a missing one is named."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from icssn.errors import MissingPartError
from icssn.ui import assets
from icssn.ui import map as maps


def test_all_urls_are_relative_and_carry_a_fingerprint() -> None:
    urls = [url for _, url in (*assets.script_urls(*maps.SCRIPTS), *assets.style_urls())]
    assert len(urls) > 10
    for url in urls:
        assert url.startswith("../icssn.ui.assets.")
        assert "?v=" in url
        assert "//" not in url


def test_every_script_of_the_folder_is_served() -> None:
    folder = Path(assets.__file__).parent / "browser"
    assert {path.stem for path in folder.glob("*.js")} == set(maps.SCRIPTS)


def test_a_missing_wheel_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assets.leaflet_folder.cache_clear()
    with pytest.raises(MissingPartError, match="pip install"):
        assets.leaflet_folder()


def test_a_missing_script_is_told() -> None:
    with pytest.raises(MissingPartError, match=r"nowhere\.js"):
        assets.script_urls("nowhere")
