"""The honest figure on the Train page: why it cannot start, what it costs, what it says, and that it stays."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from icssn import actions
from icssn.config import train_config
from icssn.records import Dispute, Edits, Fold, Job, JobKind, JobState, Label, LabelClass, NewLabel, Scene, now
from icssn.store import jobs
from icssn.store.workspace import Workspace
from icssn.ui import fold_map
from icssn.ui.wording import phrase
from tests.ui.conftest import inside
from tests.ui.test_ledger import pressed
from tests.ui.test_pages import opened, texts

BLOCKS = {
    **{"f1": 0.41, "f1_low": 0.21, "f1_high": 0.6, "recall": 0.33, "recall_low": 0.2, "recall_high": 0.5},
    **{"object_recall_cov30": 0.625, "judged_px": 65536.0},
}
FOLDS = [
    {"rectangle_px": [0, 0, 128, 256], "val_f1": 0.5, "f1": 0.44},
    {"rectangle_px": [128, 0, 128, 256], "val_f1": 0.5, "f1": None},
]


@pytest.fixture
def labelled(ws: Workspace, scene: Scene) -> list[Label]:
    """Eight landslides in a label area that covers the scene."""
    slides = tuple(NewLabel(geometry_lonlat=inside(scene, 0.05 + 0.11 * n)) for n in range(8))
    area = NewLabel(geometry_lonlat=inside(scene, 0.01, 0.98), cls=LabelClass.label_area)
    actions.save_edits(ws, scene.id, Edits(created=(*slides, area)))
    return actions.list_labels(ws, scene.id, cls=LabelClass.landslide)


def judged(
    ws: Workspace,
    scene: Scene,
    *,
    disputes: list[Dispute],
    blocks: dict[str, float] = BLOCKS,
    seconds: float = 900,
    **params: Any,
) -> Job:
    """Enter a cross-validation that is done."""
    told = {"blocks": blocks, "folds": FOLDS, "random_split_f1": 0.73}
    told |= {"disputes": [dispute.model_dump(mode="json") for dispute in disputes]}
    whole = {"scene_id": scene.id, "revision": 1, "folds": 2, "config": {}} | params
    begun = now() - dt.timedelta(seconds=seconds)
    times = {"created_at": begun, "started_at": begun, "ended_at": begun + dt.timedelta(seconds=seconds)}
    return jobs.add(ws.db, Job(kind=JobKind.crossval, params=whole, state=JobState.done, result=told, **times))


def captions(app: AppTest) -> str:
    return "\n".join(item.value for item in app.caption)


def test_without_labels_it_says_why_it_cannot_start(ws: Workspace, scene: Scene) -> None:
    app = opened("pages/3_Train.py", language="zh")
    [button] = [item for item in app.button if item.label == phrase("crossval.start", language="zh")]
    assert button.disabled
    reasons = [item.value for item in app.warning]
    assert any("分成 4 块至少需要 8 个" in reason for reason in reasons)
    assert phrase("crossval.none", language="zh") in texts(app)


def test_it_starts_with_the_blocks_and_settings_chosen_and_only_once(
    ws: Workspace, scene: Scene, labelled: list[Label]
) -> None:
    app = opened("pages/3_Train.py")
    assert "5 trainings; no earlier run" in captions(app)
    config = train_config({"rounds": 1}).model_dump(mode="json")
    judged(ws, scene, disputes=[], seconds=600, config=config)  # three trainings in ten minutes
    app.slider(key="crossval_folds").set_value(3)
    app.text_area(key="crossval_settings").set_value("rounds=1").run()
    assert "4 trainings, about 13 min" in captions(app)
    pressed(app, "Cross-validate")
    [job] = actions.active_jobs(ws)
    assert (job.kind, job.params["folds"], job.params["config"]) == (JobKind.crossval, 3, config)
    assert (job.params["scene_id"], job.params["revision"]) == (scene.id, 1)
    assert not [item for item in app.button if item.label == "Cross-validate"]  # its bar stands there now
    assert any(item.label == "Cancel" for item in app.button)


def test_a_setting_that_nobody_knows_is_told_and_nothing_starts(
    ws: Workspace, scene: Scene, labelled: list[Label]
) -> None:
    app = opened("pages/3_Train.py")
    app.text_area(key="crossval_settings").set_value("colour=green").run()
    assert "colour" in app.error[0].value
    assert actions.active_jobs(ws) == []


def test_the_newest_result_is_there_whenever_the_page_is_opened(
    ws: Workspace, scene: Scene, labelled: list[Label]
) -> None:
    first = labelled[0]
    doubt = Dispute(uid=first.uid, version=1, geometry_lonlat=first.geometry_lonlat, probability=0.1, found=0.0)
    judged(ws, scene, disputes=[doubt])
    app = opened("pages/3_Train.py")
    assert [(item.label, item.value) for item in app.metric] == [
        ("F1 on ground never seen", "0.41"),
        ("F1 that a random split claims", "(0.73)"),
    ]
    told = captions(app)
    assert "hill · labels at revision 1 · 2 blocks" in told
    assert "15 min" in told
    assert "95 % interval 0.21 to 0.60" in told
    assert "Optimistic" in told
    assert "have changed since" not in told
    [table] = [item.value for item in app.table if "0.33 (0.20–0.50)" in item.value.to_string()]
    assert "0.62" in table.to_string()
    assert "**1 labels or places are disputed**" in texts(app)
    actions.save_edits(ws, scene.id, Edits(created=(NewLabel(geometry_lonlat=inside(scene, 0.9, 0.05)),)))
    assert "they are at revision 2 now" in captions(opened("pages/3_Train.py"))
    pressed(app, "Look at them on the Label page")
    assert app.title[0].value == phrase("label.title", language="en")


@pytest.mark.parametrize(
    ("blocks", "shown", "said"),
    [
        ({"f1": 0.41, "recall": 0.33}, "0.41", "crossval.no_interval"),
        ({"judged_px": 65536.0}, "–", "crossval.nothing"),
    ],
)
def test_what_was_not_measured_is_not_shown(
    ws: Workspace, scene: Scene, labelled: list[Label], *, blocks: dict[str, float], shown: str, said: str
) -> None:
    judged(ws, scene, disputes=[], blocks=blocks)
    app = opened("pages/3_Train.py")
    assert not app.exception
    assert app.metric[0].value == shown
    assert phrase(said, language="en") in captions(app)
    assert ("0.33" in "".join(item.value.to_string() for item in app.table)) == ("recall" in blocks)


def test_the_blocks_are_drawn_where_they_lie(ws: Workspace, scene: Scene) -> None:
    drawn = fold_map.drawn(ws, scene, [Fold.model_validate(fold) for fold in FOLDS])
    assert re.findall(r">(0\.44|–)</text>", drawn) == ["0.44", "–"]
    width, height = (float(value) for value in re.search(r'viewBox="0 0 (\d+) (\d+)"', drawn).groups())  # type: ignore[union-attr]
    centres = [(float(x) / width, float(y) / height) for x, y in re.findall(r'<text x="([\d.]+)" y="([\d.]+)"', drawn)]
    assert centres == [pytest.approx((0.25, 0.5), abs=0.03), pytest.approx((0.75, 0.5), abs=0.03)]
    assert drawn.count("<polygon") == 4
