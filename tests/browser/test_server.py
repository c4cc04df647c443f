"""The server itself: how soon it answers."""

from __future__ import annotations

import http.client
import time

import pytest

from tests.browser.conftest import Server

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
