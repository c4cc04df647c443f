"""The catalogue: both languages hold the same phrases, and every phrase that the code asks for is there."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from icssn import actions
from icssn.errors import DatabaseUnusableError, DiskFullError
from icssn.records import CandidateStatus, CheckpointState, JobKind, LabelClass, LabelSource, LabelStatus, Scene
from icssn.store import geopackage, postgis
from icssn.store.workspace import Workspace
from icssn.ui import label_map, next_step, outline_verbs, payload, progress, wording

ROOT = Path(__file__).parents[2]
MORE_TROUBLES = [("it does not answer", postgis._UNREACHABLE)]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_hold_the_same_keys() -> None:
    assert wording.catalogue("en").keys() == wording.catalogue("zh").keys()


def test_both_languages_have_the_same_placeholders() -> None:
    english, chinese = wording.catalogue("en"), wording.catalogue("zh")
    assert [key for key in english if placeholders(english[key]) != placeholders(chinese[key])] == []


def test_no_phrase_is_empty_and_none_holds_an_emoji() -> None:
    for language in wording.LANGUAGES:
        for key, text in wording.catalogue(language).items():
            assert text.strip(), key
            assert not re.search(r"[\U0001F000-\U0001FAFF\u2600-\u27BF]|:material/|:\w+:", text), key


def test_every_phrase_in_the_code_is_in_the_catalogue() -> None:
    known = set(wording.catalogue("en"))
    sources = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "icssn" / "ui").glob("*.py")]
    asked = {key for path in sources for key in re.findall(r'phrase\(\s*"([\w.]+)"', path.read_text("utf-8"))}
    asked |= {
        f"map.{key}"
        for path in (ROOT / "icssn" / "ui" / "browser").glob("*.js")
        for key in re.findall(r'say\("(\w+)"', path.read_text("utf-8"))
    }
    assert len(asked) > 100
    assert asked <= known


def test_every_phrase_that_is_put_together_is_in_the_catalogue() -> None:
    known = set(wording.catalogue("en"))
    made = {f"map.look_{kind}" for kind in payload.LOOK_ALIKES}
    made |= {f"map.status_{status}" for status in CandidateStatus}
    made |= {f"map.{cls}" for cls in LabelClass} | {f"map.draw_{cls}" for cls in LabelClass}
    made |= {f"map.source_{source}" for source in LabelSource}
    made |= {f"job.{kind}" for kind in JobKind}
    made |= {f"models.{state}" for state in CheckpointState} | {f"models.{state}_means" for state in CheckpointState}
    made |= {f"figure.{name}" for name in (*progress.LOSSES, *progress.SCORES)}
    made |= {f"next.{step}" for step in next_step.STEPS}
    made |= {f"map.refused_{verb}" for verb in outline_verbs.VERBS} | {f"map.{verb}" for verb in outline_verbs.VERBS}
    made |= {f"map.status_{status}" for status in LabelStatus}
    made |= {f"map.did_{operation}" for operation in ("create", "update", "delete", "restore")}
    scripts = "".join(path.read_text("utf-8") for path in (ROOT / "icssn" / "ui" / "browser").glob("*.js"))
    made |= {f"map.{key}" for key in re.findall(r"\b(?:sort|hint|conflict|keep|take)_\w+\b", scripts)}
    made |= {f"map.{word}" for word in re.findall(r'button\(\w+, "(\w+)"', scripts)}
    made |= {f"map.{word}" for _, word in label_map.KEYS} | {f"map.{word}" for word, _ in label_map.LEGEND}
    [scopes] = re.findall(r'"give", \[(.+?)\]', scripts)
    made |= {f"map.give_{scope}" for scope in re.findall(r'"(\w+)"', scopes)}
    made |= {f"map.filter_{which}" for which in ("all", "open", "decided", "mine", "nobody", "again")}
    assert made <= known


def test_placeholders_are_filled() -> None:
    assert wording.phrase("time.seconds", language="zh", seconds=5) == "5 秒"


def test_a_stage_of_training_is_told_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": "zh"})
    assert wording.told("round 1 of 2 · segment · step 30 of 220") == "第 1 / 2 轮 · 分割 · 第 30 / 220 步"


def test_an_unknown_stage_is_shown_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": "zh"})
    assert wording.told("polishing the lens") == "polishing the lens"


@pytest.mark.parametrize(
    ("locale", "language"), [("zh-CN", "zh"), ("zh", "zh"), ("ZH-hans", "zh"), ("de-DE", "en"), (None, "en")]
)
def test_the_browsers_locale_chooses_the_language(locale: str | None, language: str) -> None:
    assert wording.preferred(locale) == language


def test_why_training_cannot_start_is_told_in_chinese(
    ws: Workspace, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamlit.session_state", {"lang": "zh"})
    reasons = [wording.told(reason) for reason in actions.readiness(ws, [scene.id]).reasons]
    assert len(reasons) == 2
    assert all(reason.isascii() is False for reason in reasons)


@pytest.mark.parametrize(
    ("found", "remedy"),
    [*geopackage._TROUBLES.values(), *postgis._TROUBLES.values(), *MORE_TROUBLES],
    ids=lambda text: text,
)
def test_what_is_wrong_with_a_database_is_told_in_chinese(found: str, remedy: str) -> None:
    told = wording.told(str(DatabaseUnusableError("/data/icssn.gpkg", found=found, remedy=remedy)), language="zh")
    assert told.startswith("数据库“/data/icssn.gpkg”无法使用：")
    assert found not in told
    assert remedy not in told


def test_a_full_disk_is_told_in_chinese() -> None:
    for err in (DiskFullError("/data"), DiskFullError("/data", needed_mb=70)):
        assert "“/data”" in wording.told(str(err), language="zh")
    assert wording.told(str(DiskFullError("/data")), language="en") == str(DiskFullError("/data"))
