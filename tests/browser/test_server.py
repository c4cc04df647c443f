"""The server itself: how soon it answers, and by which names."""

from __future__ import annotations

import http.client
import time

import pytest

from icssn.ui.wording import phrase
from tests.browser.conftest import Server, Visit

pytestmark = pytest.mark.browser


def test_an_answer_on_an_open_connection_leaves_at_once(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    seconds = []
    for _ in range(20):
        begun_s = time.monotonic()
        connection.request("GET", "/_stcore/health")
        assert connection.getresponse().read()
        seconds.append(time.monotonic() - begun_s)
    assert min(seconds[5:]) < 0.03  # each of them would wait 40 ms for a delayed confirmation


def test_by_a_foreign_name_nothing_is_answered(server: Server) -> None:
    own = ["/labels/7", "/deleted/7", "/drafts/7", "/evidence/7.json", "/tiles/scene/7/0/0/0.webp"]
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    socket = {**upgrade, "Sec-WebSocket-Key": "c2l4dGVlbiBsZXR0ZXJzLg=="}

    def asked(name: str, path: str, more: dict[str, str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        host = f"{name}:{server.port}"
        connection.request("GET", path, headers={"Host": host, "X-ICSSN": "1", "Origin": f"http://{host}", **more})
        status = connection.getresponse().status
        connection.close()
        return status

    for path, more in [*((path, {}) for path in ("/", "/_stcore/health", *own)), ("/_stcore/stream", socket)]:
        assert asked("evil.example", path, more) == 403, path
        assert asked("127.0.0.1", path, more) in ([101] if more else [200, 404]), path


def test_a_language_written_into_the_address_is_spoken_and_stays(server: Server, visit: Visit) -> None:
    titles = {language: phrase("models.title", language=language) for language in ("zh", "en")}
    for language, title in titles.items():
        visit.page.goto(f"{server.url}/Models?guide=false&lang={language}")
        visit.page.get_by_role("heading", name=title, exact=True).wait_for(timeout=60_000)
    visit.page.goto(f"{server.url}/Models?lang=zh")
    visit.page.get_by_role("heading", name=titles["zh"], exact=True).wait_for()
    visit.page.reload()
    visit.page.get_by_role("heading", name=titles["zh"], exact=True).wait_for()
    assert (visit.foreign, visit.errors) == ([], [])
