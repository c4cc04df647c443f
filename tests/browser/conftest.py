"""The real server with the real worker, and a real Chromium that counts what it asks of whom."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Frame, FrameLocator, Page, sync_playwright

ROOT = Path(__file__).parents[2]
MAP = "iframe[title='streamlit_folium.st_folium']"
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_QUIET = [
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
]


@dataclass
class Server:
    """A running application."""

    url: str
    workspace: Path


@pytest.fixture
def serve() -> Iterator[Callable[[Path], Server]]:
    """Give a function that starts the application on a workspace; server and worker end with the test."""
    started: list[tuple[subprocess.Popen[bytes], Path]] = []

    def start(workspace: Path) -> Server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = (workspace.parent / "server.log").open("wb")
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
        environment = {**os.environ, "ICSSN_WORKSPACE": str(workspace)}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        started.append((process, workspace))
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        return Server(url=f"http://localhost:{port}", workspace=workspace)

    yield start
    for process, workspace in started:
        process.terminate()
        process.wait(20)
        for other in psutil.process_iter(["cmdline"]):  # the worker outlives the server on purpose
            if str(workspace) in (other.info["cmdline"] or []):
                other.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine, else the one Playwright brought."""
    executable = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, headless=True, args=_QUIET)
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """A page and what went wrong on it."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def map(self) -> tuple[Frame, FrameLocator]:
        """Wait for the map; gives its frame for JavaScript, and for clicking."""
        self.page.wait_for_selector(MAP, timeout=60_000)
        inside = self.page.frame_locator(MAP)
        inside.locator(".ic-panel").wait_for(timeout=60_000)
        frame = next(frame for frame in self.page.frames if "st_folium" in frame.url)
        frame.wait_for_function("window.icssn && icssn.ui")
        return frame, inside

    def point(self, lon: float, lat: float) -> tuple[float, float]:
        """Give where a place on the map lies in the window."""
        frame, _ = self.map()
        x, y = frame.evaluate(
            "([lon, lat]) => { const p = map.latLngToContainerPoint([lat, lon]),"
            " r = map.getContainer().getBoundingClientRect(); return [p.x + r.x, p.y + r.y] }",
            [lon, lat],
        )
        box = self.page.locator(MAP).bounding_box()
        assert box
        return box["x"] + x, box["y"] + y

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the mouse from one place (longitude, latitude) to another."""
        self.page.mouse.move(*self.point(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.point(*end), steps=6)
        self.page.mouse.up()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A fresh English browser of 1440 × 900; requests to other hosts and JavaScript errors are kept."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    visited = Visit(context.new_page())

    def asked(url: str) -> None:
        if not url.startswith(("http://localhost:", "data:", "blob:")):
            visited.foreign.append(url)

    visited.page.on("request", lambda request: asked(request.url))
    visited.page.on("websocket", lambda socket: asked(socket.url.replace("ws:", "http:")))
    visited.page.on("pageerror", lambda error: visited.errors.append(str(error)))
    yield visited
    context.close()
