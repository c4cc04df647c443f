"""The real server with the real worker, and a real Chromium that counts what it asks of whom."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
import rasterio
from playwright.sync_api import Browser, Frame, FrameLocator, Page, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from icssn import actions, handlers
from icssn.records import Edits, Job, JobKind, LabelClass, NewLabel, Scene
from icssn.store.workspace import Workspace
from tests.ui.conftest import inside

if TYPE_CHECKING:
    from tests.browser.desk import Desk

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

LONG_MS = 600_000  # for work of the worker, on a busy machine with two cores

# Most servers are forked from one process that has loaded what they all load: half of the time of most tests here.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        *("streamlit.web.bootstrap", "streamlit.web.cli", "uvicorn", "alembic.command", "pandas", "leafmap.foliumap"),
        *("icssn.handlers", "icssn.ui.server", "icssn.ui.overview", "icssn.ui.label_map", "icssn.ui.review_map"),
    ]
)


@dataclass
class Server:
    """The application on one workspace, always on the same port.

    It is started as people start it, or in a process that has loaded its modules already.
    """

    workspace: Path
    port: int
    forked: bool = False
    process: psutil.Process | None = None

    @property
    def url(self) -> str:
        """Where it is found."""
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        environment = {**os.environ, "ICSSN_WORKSPACE": str(self.workspace)}
        log = self.workspace.parent / "server.log"
        if self.forked:
            fork = _FORKS.Process(target=_serve, args=(self.port, environment, log), daemon=True)
            fork.start()
            self.process = psutil.Process(fork.pid)
        else:
            with log.open("ab") as out:
                command = [sys.executable, "-m", *_command(self.port)]
                self.process = psutil.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=1).close()
                return
            time.sleep(0.1)
        raise TimeoutError("the server did not answer within a minute")

    def stop(self) -> None:
        """Stop it; its worker goes on."""
        if self.process:
            self.process.terminate()
            self.process.wait(20)


def _command(port: int) -> list[str]:
    return ["streamlit", "run", "app.py", "--server.port", str(port)]


def _serve(port: int, environment: dict[str, str], log: Path) -> None:
    """Do what ``streamlit run app.py`` does, in this process."""
    from streamlit.web.cli import main

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.argv = _command(port)
    main()


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def launch(playwright: Playwright) -> Browser:
    """Start the Chromium of this machine, else the one Playwright brought."""
    executable = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    return playwright.chromium.launch(executable_path=executable, headless=True, args=_QUIET)


@contextlib.contextmanager
def serving(workspace: Path, *, forked: bool = False) -> Iterator[Server]:
    """Run the application on a workspace; server and worker end with the block."""
    running = Server(workspace, free_port(), forked)
    running.start()
    try:
        yield running
    finally:
        running.stop()
        for other in psutil.process_iter(["cmdline"]):
            if str(workspace) in (other.info["cmdline"] or []):
                other.kill()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running application on the workspace ``tmp_path / "workspace"``; server and worker end with the test."""
    with serving(tmp_path / "workspace", forked=True) as running:
        yield running


@pytest.fixture(scope="module")  # not longer: Playwright's event loop would stand in the way of other tests
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module."""
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    """The workspace that the server works on, opened beside it."""
    workspace = actions.open_workspace(tmp_path / "workspace")
    yield workspace
    workspace.close()


@pytest.fixture
def scene(ws: Workspace, tmp_path: Path) -> Scene:
    """A scene of 512 × 512 px of 1 m, ready for the map, with two landslides in a label area."""
    known = a_hill(ws, tmp_path)
    actions.save_edits(ws, known.id, Edits(created=three_labels(known)))
    return known


def a_hill(ws: Workspace, folder: Path, *, name: str = "hill", elevation: bool = False) -> Scene:
    """Register a scene of 512 × 512 px of 1 m and make it ready for the map; its elevation model falls to the south."""
    path, dem = folder / "hill.tif", folder / "hill_dem.tif"
    profile = {"driver": "GTiff", "width": 512, "height": 512, "crs": "EPSG:32648"}
    place = rasterio.transform.from_origin(600_000, 3_800_000, 1, 1)
    with rasterio.open(path, "w", count=3, dtype="uint8", transform=place, **profile) as out:
        out.write(np.random.default_rng(0).integers(0, 255, (3, 512, 512), dtype=np.uint8))
    if elevation:
        with rasterio.open(dem, "w", count=1, dtype="float32", transform=place, **profile) as out:
            out.write(np.repeat(1500 - np.arange(512.0)[:, None], 512, axis=1), 1)
    known = actions.register_scene(ws, path, name=name, dem=dem if elevation else None, again=True)
    job = Job(kind=JobKind.import_scene, params={"scene_id": known.id})
    handlers.perform(ws, job, report=lambda _: None, stop=lambda: False)
    return actions.find_scene(ws, name)


def three_labels(scene: Scene) -> tuple[NewLabel, ...]:
    """Two landslides, ``slide0`` and ``slide1``, in a label area, ``area``."""
    slides = tuple(NewLabel(uid=f"slide{i}", geometry_lonlat=inside(scene, 0.2 + 0.3 * i)) for i in range(2))
    return *slides, NewLabel(uid="area", geometry_lonlat=inside(scene, 0.05, 0.9), cls=LabelClass.label_area)


def place(scene: Scene, across: float, up: float) -> tuple[float, float]:
    """Give longitude and latitude at shares of the scene's sides from its lower left corner."""
    west, south, east, north = scene.facts.bounds_lonlat
    return west + across * (east - west), south + up * (north - south)


@dataclass
class Visit:
    """A page and what went wrong on it."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def map(self) -> tuple[Frame, FrameLocator]:
        """Wait for the map; gives its frame for JavaScript, and for clicking."""
        self.page.wait_for_selector(MAP, timeout=60_000)
        # While a page runs again, the map before stands beside the new one for a moment.
        self.page.wait_for_function("selector => document.querySelectorAll(selector).length === 1", arg=MAP)
        inside = self.page.frame_locator(MAP)
        inside.locator(".ic-panel").wait_for(timeout=60_000)
        frame = self.page.locator(MAP).element_handle().content_frame()
        assert frame
        frame.wait_for_function("window.icssn && icssn.ui")
        return frame, inside

    def map_when(self, condition: str, *, timeout_s: float) -> tuple[Frame, FrameLocator]:
        """Wait for a map on which a JavaScript condition holds; the page may put new maps in the place of old ones."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with contextlib.suppress(PlaywrightError):  # a map that went while it was asked
                frame, inside = self.map()
                if frame.evaluate(condition):
                    return frame, inside
            self.page.wait_for_timeout(500)
        raise TimeoutError(f"no map on which {condition}")

    def point(self, lon: float, lat: float) -> tuple[float, float]:
        """Give where a place on the map lies in the window."""
        [found] = self.points((lon, lat))
        return found

    def points(self, *places: tuple[float, float]) -> list[tuple[float, float]]:
        """Give where places on the map, longitude and latitude, lie in the window."""
        frame, _ = self.map()
        inside = frame.evaluate(
            "places => { const r = map.getContainer().getBoundingClientRect(); return places.map(([lon, lat]) =>"
            " { const p = map.latLngToContainerPoint([lat, lon]); return [p.x + r.x, p.y + r.y] }) }",
            places,
        )
        left, top = self.page.locator(MAP).evaluate(  # of what lies inside its border
            "e => { const b = e.getBoundingClientRect(); return [b.x + e.clientLeft, b.y + e.clientTop] }"
        )
        return [(left + x, top + y) for x, y in inside]

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the mouse from one place (longitude, latitude) to another."""
        self.page.mouse.move(*self.point(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.point(*end), steps=6)
        self.page.mouse.up()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A fresh English browser of 1440 × 900; requests to other hosts and JavaScript errors are kept."""
    with visiting(browser) as visited:
        yield visited


@contextlib.contextmanager
def visiting(browser: Browser) -> Iterator[Visit]:
    """Open a fresh English browser of 1440 × 900 with a memory of its own."""
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


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Workspace, Scene]]:
    """One server on one scene for all tests of the editor; each lays its own labels on it."""
    folder = tmp_path_factory.mktemp("desk")
    workspace = actions.open_workspace(folder / "workspace")
    scene = a_hill(workspace, folder)
    with serving(folder / "workspace", forked=True) as running:
        yield running, workspace, scene
    workspace.close()


@pytest.fixture
def desk(shared: tuple[Server, Workspace, Scene], visit: Visit) -> Iterator[Desk]:
    """The Label page with its three labels loaded; nothing may go wrong in the browser, nor ask another host."""
    from tests.browser.desk import Desk, lay

    server, workspace, scene = shared
    lay(workspace, scene)
    sitting = Desk(visit, server, workspace, scene)
    sitting.open()
    yield sitting
    assert (visit.foreign, visit.errors) == ([], [])
