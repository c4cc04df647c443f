"""The draft route: keeps what only our own pages send, gives it back exactly, and tells who else is there."""

from __future__ import annotations

from typing import Any

import pytest

from icssn.records import Actor, Role, Scene
from icssn.store import scenes
from icssn.store.workspace import Workspace
from icssn.ui import drafts, posted, session
from tests.store.samples import a_scene
from tests.ui import routes
from tests.ui.routes import OURS


@pytest.fixture
def scene(ws: Workspace) -> Scene:
    """A scene in the catalogue; its image does not matter here."""
    return scenes.add(ws.db, a_scene())


def ask(method: str, path: str, body: bytes | object = b"", headers: dict[str, str] = OURS) -> tuple[int, Any]:
    """Send one request to the draft routes; gives status and the JSON of the answer."""
    return routes.ask(drafts.routes(), method, path, body, headers)


def test_a_draft_comes_back_as_it_was_given_until_it_is_dropped(ws: Workspace, scene: Scene) -> None:
    path, text = f"/drafts/{scene.id}", '{"名": "</script>", "x": 105.12345678901234, "half": "\\ud800"}'
    assert ask("POST", path, {"session": "tab-1", "draft": text}) == (200, {"revision": 0, "others": []})
    status, answer = ask("GET", path)
    assert status == 200
    [kept] = answer["drafts"]
    assert (kept["session"], kept["draft"], kept["open"]) == ("tab-1", text, True)
    ask("POST", path, {"session": "tab-1"})
    assert ask("GET", path)[1]["drafts"][0]["draft"] == text
    ask("POST", path, {"session": "tab-1", "draft": None})
    assert ask("GET", path) == (200, {"drafts": []})


def test_another_tab_is_seen_and_may_take_over_a_draft(ws: Workspace, scene: Scene) -> None:
    path = f"/drafts/{scene.id}"
    ask("POST", path, {"session": "old", "draft": "a"})
    status, answer = ask("POST", path, {"session": "new", "draft": "a+b", "drop": ["old"]})
    assert status == 200
    assert [other["tabs"] for other in answer["others"]] == [1]
    assert [(kept["session"], kept["draft"]) for kept in ask("GET", path)[1]["drafts"]] == [("new", "a+b")]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:8501"},
        {**OURS, "origin": "http://evil.example"},
        {**OURS, "origin": "null"},
        {**OURS, "sec-fetch-site": "same-site"},
        {**OURS, "sec-fetch-site": "cross-site"},
    ],
)
def test_a_page_of_another_site_may_neither_keep_nor_read(ws: Workspace, scene: Scene, headers: dict[str, str]) -> None:
    assert ask("POST", f"/drafts/{scene.id}", {"session": "tab", "draft": "x"}, headers)[0] == 403
    assert ask("GET", f"/drafts/{scene.id}", headers=headers)[0] == 403
    assert ask("GET", f"/drafts/{scene.id}") == (200, {"drafts": []})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        [],
        {"session": "../etc", "draft": "x"},
        {"session": "", "draft": "x"},
        {"session": "tab", "draft": {"a": 1}},
        {"session": "tab", "draft": "x", "path": "x"},
        {"draft": "x"},
    ],
)
def test_another_form_is_refused(ws: Workspace, scene: Scene, body: Any) -> None:
    status, answer = ask("POST", f"/drafts/{scene.id}", body)
    assert (status, answer) == (400, {"error": "The message cannot be read. Reload the page."})
    assert ask("GET", f"/drafts/{scene.id}") == (200, {"drafts": []})


@pytest.mark.parametrize(
    "draft", ["x" * (4 << 20) + "x", "滑" * (2 << 20), "a\0b", "half a character: \ud800", "x" * (17 << 20)]
)
def test_what_is_too_large_or_no_text_is_refused_and_the_earlier_draft_stays(
    ws: Workspace, scene: Scene, draft: str
) -> None:
    path = f"/drafts/{scene.id}"
    ask("POST", path, {"session": "tab", "draft": "before"})
    status, answer = ask("POST", path, {"session": "tab", "draft": draft})
    assert status == 413
    assert "Save now" in answer["error"]
    if len(draft) > posted.LIMIT_BYTES:
        chinese = {**OURS, "accept-language": "zh"}
        told = {"error": "草稿过大。请立即保存。"}
        assert ask("POST", path, {"session": "tab", "draft": draft}, chinese) == (413, told)
    assert ask("GET", path)[1]["drafts"][0]["draft"] == "before"


def test_the_unknown_and_the_forbidden_get_the_same_answer(
    ws: Workspace, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = ask("POST", "/drafts/ffff", {"session": "tab", "draft": "x"})
    monkeypatch.setattr(session.workspace(), "actor", Actor(name="Wang", role=Role.viewer))
    forbidden = ask("POST", f"/drafts/{scene.id}", {"session": "tab", "draft": "x"})
    assert unknown == forbidden == (404, {"error": "No such scene."})
    assert ask("POST", f"/drafts/{scene.id}", {"session": "tab"}) == (200, {"revision": 0, "others": []})
