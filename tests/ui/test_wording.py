"""The catalogue: both languages hold the same phrases, and every phrase that the code asks for is there."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import rasterio

from icssn import actions
from icssn.config import inference_config, train_config
from icssn.datasets import bijie
from icssn.durable import require_folder
from icssn.errors import (
    BusyError,
    CancelledError,
    CheckpointRefusedError,
    ConfigError,
    DatabaseUnusableError,
    DiskFullError,
    DuplicateError,
    IcssnError,
    NotFoundError,
    NotTrainableError,
    RasterRefusedError,
    UnwritableError,
    WorkersError,
)
from icssn.imagery.open import inspect
from icssn.jobs import engine
from icssn.records import CandidateStatus, CheckpointState, Job, JobKind, LabelClass, LabelSource, LabelStatus, Scene
from icssn.store import geopackage, jobs, postgis
from icssn.store.workspace import Workspace
from icssn.ui import label_map, next_step, outline_verbs, payload, progress, wording
from tests.ui import spoken

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
    made |= {f"review.did_{status}" for status in CandidateStatus} | {"review.did_rejected_as", "map.look_unsaid"}
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
    reasons = [wording.told(reason) for reason in actions.readiness(ws, [scene.id], terrain=["slope"]).reasons]
    assert len(reasons) == 3
    assert all(reason.isascii() is False for reason in reasons)
    assert not any(ENGLISH.search(reason) for reason in reasons)


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


@pytest.mark.parametrize("case", ["text", "no CRS", "no place", "folder", "name", "none", "small", "nodata"])
def test_why_a_raster_is_refused_is_told_in_chinese(tmp_path: Path, case: str) -> None:
    path = tmp_path / ("hill.png" if case == "name" else "hill.tif")
    if case == "folder":
        path.mkdir()
    elif case in ("text", "name"):
        path.write_text("not a raster")
    elif case != "none":
        side = 8 if case == "small" else 32
        profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": "uint8"}
        if case != "no place":
            profile["transform"] = rasterio.transform.from_origin(600_000, 3_800_000, 1, 1)
        if case in ("small", "nodata"):
            profile["crs"] = "EPSG:32648"
        if case == "nodata":
            profile["nodata"] = 1
        with rasterio.open(path, "w", **profile) as out:
            out.write(np.ones((1, side, side), np.uint8))
    with pytest.raises(RasterRefusedError) as caught:
        inspect(path)
    told = wording.told(str(caught.value), language="zh")
    assert told.startswith(f"栅格“{path.name}”被拒绝：")
    assert ("8 × 8" in told, "其像元全部无数据" in told) == (case == "small", case == "nodata")
    assert [part for key, part in caught.value.parts.items() if key != "name" and part in told] == []


@pytest.mark.parametrize(
    ("err", "told"),
    [
        (bijie.samples, "数据集“nowhere”被拒绝：没有这个文件夹；需要"),
        (WorkersError("no Dask scheduler answers at tcp://a:8786"), "tcp://a:8786 处没有 Dask 调度器应答。请再次预测"),
        (BusyError("crossval", "j1", "running"), "已有“交叉验证”任务在运行（任务 j1）。"),
        (DuplicateError("scene", "train"), "此工作区中已有影像“train”。请换一个名称。"),
        (NotFoundError("scene", "demo"), "此工作区中没有影像“demo”。"),
        (
            NotTrainableError(["For 4 folds at least 8 labelled landslides are needed, but there are 3."]),
            "无法开始训练。分成 4 块",
        ),
        (CancelledError("The cross-validation"), "交叉验证已取消"),
    ],
    ids=lambda one: getattr(one, "__name__", type(one).__name__),
)
def test_a_refusal_with_free_parts_is_told_in_chinese(tmp_path: Path, err: object, told: str) -> None:
    if callable(err):
        with pytest.raises(IcssnError) as caught:
            list(err(tmp_path / "nowhere"))
        err = caught.value
    found = wording.told(str(err), language="zh")
    assert told in found
    assert re.search(r"[a-z]+ [a-z]+ [a-z]+", found) is None  # no English sentence is left in it


ENGLISH = re.compile(r"[a-z]+ [a-z]+")  # two words beside each other: a piece of a sentence
SAMPLES = {
    "str": "7",
    "object": "7",
    "int": 7,
    "float | None": 7.0,
    "Iterable[str]": ["7"],
    "Iterable[Any]": [],
    "tuple[float, float, float, float]": (1.0, 2.0, 3.0, 4.0),
}


@pytest.mark.parametrize("leaf", spoken.LEAVES.values(), ids=spoken.LEAVES)
def test_the_sentence_of_every_refusal_has_a_chinese_form(leaf: type[IcssnError]) -> None:
    wanted = signature(leaf.__init__).parameters.values()
    given = {one.name: SAMPLES[str(one.annotation)] for one in wanted if one.name != "self"}
    told = wording.told(str(leaf(**given)), language="zh")
    assert re.search(r"[\u4e00-\u9fff]", told)
    assert not ENGLISH.search(told)


def test_whatever_the_packages_below_can_say_has_a_chinese_form() -> None:
    said = spoken.spoken()
    assert len(said) > 400
    assert len(set(said.values())) > 200
    sentences = [text for text in said if ENGLISH.search(text.replace(spoken.HOLE, ""))]
    known = wording.group("word", language="zh")
    assert [f"{said[t]}: {t}" for t in sentences if t not in known and wording.told(t, language="zh") == t] == []


def test_no_template_is_taken_for_another() -> None:
    chinese = wording.group("told", language="zh")
    for key, template in wording.group("told", language="en").items():
        filled = dict.fromkeys(placeholders(template), "7")
        assert wording.told(template.format(**filled), language="zh") == chinese[key].format(**filled), key


FOREIGN = "TIFFReadEncodedStrip() failed. Read error at row 0; got 12 bytes, is needed. 40 (of 64)"


@pytest.mark.parametrize("cut", [len(FOREIGN), 22, 84])
def test_what_gdal_said_is_quoted_within_a_chinese_sentence(cut: int) -> None:
    said = FOREIGN[:cut]
    refused = [
        RasterRefusedError(
            "a; b. C (1).tif",
            found=f"it could not be read ({said})",
            needed="an undamaged GeoTIFF",
            remedy="Copy it again from its source, or export it again.",
        ),
        CheckpointRefusedError(
            "m1",
            found=f"model.safetensors cannot be read ({said})",
            remedy="Restore the file from a backup, or choose another checkpoint.",
        ),
    ]
    for err in refused:
        told = wording.told(str(err), language="zh")
        assert f"（{said}）" in told
        assert not ENGLISH.search(told.replace(said, ""))


def test_several_reasons_are_told_one_after_the_other() -> None:
    reasons = [
        "No landslide is left to train on outside the held-out rectangle: label more of them away from it.",
        "The scenes have 3 and 4 bands, but must all have the same number: train on each kind by itself.",
    ]
    told = wording.told(str(NotTrainableError(reasons)), language="zh")
    assert told == "无法开始训练。" + "".join(wording.told(reason, language="zh") for reason in reasons)
    assert not ENGLISH.search(told)


NAMES = ["valley 2019", "Mt. Rainier", "slope (old", "hill' is not there any more (it was x"]
SIGHT = [
    "The image of scene '{}' is not there",
    "Scene '{}' has no elevation",
    "The elevation model of scene '{}' is not",
]


@pytest.mark.parametrize("language", sorted(wording.LANGUAGES))
def test_reasons_of_one_kind_are_told_one_after_the_other_whatever_names_are_in_them(language: str) -> None:
    written = [text.replace(spoken.HOLE, "{}") for text in spoken.spoken()]
    kinds = [next(text for text in written if text.startswith(begin)) for begin in SIGHT]
    each = [[kind.format(*[name, f"/data/{name}.tif"][: kind.count("{}")]) for kind in kinds] for name in NAMES]
    for several in itertools.permutations(each, 2):
        err = NotTrainableError(itertools.chain(*several))
        reasons = [wording.told(reason, language=language) for reason in err.reasons]
        told = wording.explained(err, language=language)
        assert told == ("无法开始训练。" + "".join(reasons) if language == "zh" else str(err))
        assert language == "en" or not any(kind.partition("{}")[0] in told for kind in kinds)


def test_a_refusal_without_a_list_is_explained_as_its_text_is_told() -> None:
    for err in (DiskFullError("/data"), BusyError("train", "j1", "running"), CancelledError("The export")):
        assert wording.explained(err, language="zh") == wording.told(str(err), language="zh")


def test_sentences_that_nobody_knows_stay_as_they_came() -> None:
    foreign = "Something broke. Nobody knows why… The lens (made of glass) is gone."
    assert wording.told(foreign, language="zh") == foreign


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": 0},
        {"rounds": "x"},
        {"rounds": 1.5},
        {"segment.steps": "many"},
        {"segment.learning_rate": "fast"},
        {"ema_decay": 1},
        {"paste_share": 2},
        {"encoder_rate": -1},
        {"course": ["segment", "classify"]},
        {"course": ["plant"]},
        {"course": 3},
        {"encoder": 3},
        {"encoder.terrain": ["aspect"]},
        {"encoder.terrain": ["slope", "slope"]},
        {"encoder.name": 3},
        {"device": "abacus"},
        {"rounds.deep": 1},
        {"no_such": 1},
    ],
    ids=str,
)
def test_why_a_setting_is_refused_is_told_in_chinese(wrong: dict[str, object]) -> None:
    for build in (train_config, inference_config):
        with pytest.raises(ConfigError) as caught:
            build(wrong)
        told = wording.told(str(caught.value), language="zh")
        assert told.startswith("设置“")
        assert not ENGLISH.search(told)


@pytest.mark.parametrize("look", [actions.find_job, actions.find_run, actions.find_checkpoint, actions.find_candidate])
def test_what_is_not_there_is_named_in_chinese(ws: Workspace, look: Callable[[Workspace, str], object]) -> None:
    with pytest.raises(NotFoundError) as caught:
        look(ws, "7")
    told = wording.told(str(caught.value), language="zh")
    assert told.startswith("此工作区中没有")
    assert not re.search("[a-z]", told)


@pytest.mark.parametrize("status", [1, -9])
def test_why_a_job_was_given_up_is_told_in_chinese(ws: Workspace, status: int) -> None:
    job = jobs.add(ws.db, Job(kind=JobKind.export))
    for _ in range(engine.MAX_FRUITLESS):
        claimed = jobs.claim(ws.db, worker="w")
        assert claimed
        engine._settle(ws, claimed, status)
    error = actions.find_job(ws, job.id).error
    assert f"(exit status {status})" in error
    told = wording.told(error, language="zh")
    assert f"其进程意外结束（退出状态 {status}），连续 {engine.MAX_FRUITLESS} 次没有进展" in told


def test_a_place_that_cannot_be_written_to_is_told_in_chinese(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UnwritableError) as caught:
        require_folder(tmp_path / "note.txt")
    told = wording.told(str(caught.value), language="zh")
    assert told == f"无法写入“{tmp_path / 'note.txt'}”：那里有一个同名文件，不能作为文件夹。请选择其他位置。"


def test_a_full_disk_is_told_in_chinese() -> None:
    for err in (DiskFullError("/data"), DiskFullError("/data", needed_mb=70)):
        assert "“/data”" in wording.told(str(err), language="zh")
    assert wording.told(str(DiskFullError("/data")), language="en") == str(DiskFullError("/data"))
