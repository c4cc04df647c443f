"""The server itself: how soon it answers."""

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
