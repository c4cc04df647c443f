"""Only known names reach the application, over HTTP and as a websocket."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from icssn.ui import hosts


def page(_: object) -> PlainTextResponse:
    return PlainTextResponse("the page")


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A page behind the check, with one name added by the setting."""
    monkeypatch.setenv("ICSSN_HOSTS", "maps.example.org, Desk7,")
    behind = [Middleware(hosts.KnownHosts, names=hosts.known())]
    return TestClient(Starlette(routes=[Route("/", page), WebSocketRoute("/echo", echo)], middleware=behind))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8501",
        "LOCALHOST:8501",
        "localhost.:8501",
        "127.0.0.1:8501",
        "[::1]:8501",
        "maps.example.org",
        "desk7:80",
    ],
)
def test_a_known_name_is_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).text == "the page"
    with client.websocket_connect("/echo", headers={"host": host}) as socket:
        assert socket.receive_text() == "hello"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8501",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "evil.example/localhost",
        "127.0.0.2",
        "[::1",
        "",
        ":8501",
    ],
)
def test_another_name_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"host": host})
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/plain; charset=utf-8")
    assert "ICSSN_HOSTS" in answer.text
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/echo", headers={"host": host}):
        pass


def test_two_names_must_both_be_known(client: TestClient) -> None:
    answer = client.get("/", headers=[("host", "localhost"), ("host", "evil.example")])  # type: ignore[arg-type]
    assert answer.status_code == 403
    assert "'evil.example'" in answer.text


def test_the_refusal_speaks_the_browsers_language(client: TestClient) -> None:
    asked = {"host": "evil.example", "accept-language": "zh-CN,zh;q=0.9"}
    assert "不以“evil.example”这一名称应答" in client.get("/", headers=asked).text
