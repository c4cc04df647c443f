"""The ledger of runs on the Train page: shown, compared, and what can be done again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from icssn import actions
from icssn.records import Checkpoint, CheckpointState, Job, JobKind, JobState, Run, Scene
from icssn.store import checkpoints, jobs, registry, runs, scenes
from icssn.store.workspace import Workspace
from icssn.ui.wording import phrase
from tests.ui.test_pages import opened, texts


@pytest.fixture
def two_runs(ws: Workspace, scene: Scene) -> list[Run]:
    """Two runs with models, the later one clearly better, and one that was cancelled; the last one first."""
    entered = []
    for name, wrong in (("a", [40, 30, 45, 35, 40]), ("b", [10, 12, 9, 11, 10])):
        squares = [
            {"scene": scene.id, "col": 0, "row": n, "tp_fp_fn_tn": [50 - w, 0, w, 50]} for n, w in enumerate(wrong)
        ]
        (ws.models / (name * 32)).mkdir(parents=True)
        (ws.models / (name * 32) / registry.CARD).write_text(json.dumps({"validation": squares}))
        checkpoints.add(ws.db, Checkpoint(id=name * 32, run_id=name * 32, round=1, sha256=name * 64))
        entered.append(_run(ws, scene, name, JobState.done, checkpoint=name * 32))
    return [_run(ws, scene, "c", JobState.cancelled), *reversed(entered)]


def _run(ws: Workspace, scene: Scene, name: str, state: JobState, *, checkpoint: str = "") -> Run:
    job = jobs.add(ws.db, Job(kind=JobKind.train, params={"run_id": name * 32}, state=state))
    summary = {"seconds": 61.0, "metrics": {"val_f1": 0.7, "val_f1_low": 0.6, "val_f1_high": 0.8}} if checkpoint else {}
    run = Run(id=name * 32, scene_ids=(scene.id,), revisions={scene.id: 3}, job_id=job.id, summary=summary)
    return runs.add(ws.db, run.model_copy(update={"checkpoint_id": checkpoint}))


def pressed(app: AppTest, label: str) -> AppTest:
    [button] = [item for item in app.button if item.label == label]
    return button.click().run()


def test_all_runs_are_listed_with_intervals_and_a_stopped_one_can_go_on(
    ws: Workspace, scene: Scene, two_runs: list[Run]
) -> None:
    app = opened("pages/3_Train.py")
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["Run"]) == ["cccc", "bbbb", "aaaa"]
    assert list(table["F1"]) == ["cancelled", "0.70 (0.60–0.80)", "0.70 (0.60–0.80)"]
    assert list(table["Learned from (scene · revision)"]) == ["hill · 3"] * 3
    pressed(app, "Go on from where it stopped")
    [job] = actions.active_jobs(ws)
    assert job.params == {"run_id": two_runs[0].id}


def test_a_finished_run_is_compared_with_the_one_before_and_its_model_put_in_use(
    ws: Workspace, scene: Scene, two_runs: list[Run]
) -> None:
    runs.update(ws.db, two_runs[0].id, tier="quick")
    app = opened("pages/3_Train.py")
    [kind] = [box for box in app.selectbox if box.label == "Kind"]
    kind.select("full").run()
    assert list(app.dataframe[0].value["Run"]) == ["bbbb", "aaaa"]
    assert "**Better** on the held-out ground" in texts(app)
    assert any(
        "5 held-out squares with the same labels: fewer wrong pixels on 5, more on 0" in item.value
        for item in app.caption
    )
    pressed(app, "Use this model again")
    assert actions.active_checkpoint(ws) is None  # its files are not whole, and the page says so
    assert "refused" in app.error[0].value
    assert actions.find_checkpoint(ws, two_runs[1].checkpoint_id).state is CheckpointState.candidate


def test_a_model_whose_folder_is_gone_leaves_the_rest_of_the_page_standing(
    ws: Workspace, scene: Scene, two_runs: list[Run]
) -> None:
    shutil.rmtree(ws.models / two_runs[2].checkpoint_id)
    runs.update(ws.db, two_runs[0].id, tier="quick")
    app = opened("pages/3_Train.py")
    [kind] = [box for box in app.selectbox if box.label == "Kind"]
    kind.select("full").run()
    assert "its card cannot be read" in app.error[0].value
    headings = [item.value for item in app.subheader]
    assert phrase("crossval.title", language="en") in headings


def test_a_run_that_cannot_be_repeated_is_told_with_every_image_that_is_gone(
    ws: Workspace, scene: Scene, two_runs: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(st.context), "locale", "zh-CN")
    other = scenes.add(ws.db, scene.model_copy(update={"id": "o" * 32, "name": "Mt. Hood"}))
    gone = {"hill": tmp_path / "hill_2019.tif", "Mt. Hood": tmp_path / "hood.tif"}
    for known in (scene, other):
        scenes.update(ws.db, known.id, original=str(gone[known.name]))
    done = two_runs[1].checkpoint_id
    runs.update(ws.db, two_runs[0].id, scene_ids=(scene.id, other.id), checkpoint_id=done)
    app = opened("pages/3_Train.py", language="zh")
    pressed(app, phrase("ledger.repeat", language="zh"))
    told = "".join(
        f"影像“{name}”的文件已不在原处（{path}）：请在影像页指出它现在的位置，或用 icssn scene move。"
        for name, path in gone.items()
    )
    assert f"无法开始训练。{told}" in [error.value.replace("\\", "") for error in app.error]
    assert actions.active_jobs(ws) == []


def test_the_page_opens_where_no_worker_can_stand_by(ws: Workspace, scene: Scene) -> None:
    (ws.folder / "worker.wanted").symlink_to("worker.wanted")
    app = opened("pages/3_Train.py")
    assert not app.exception
    assert not app.error
    assert "Retrain" in [item.label for item in app.button]
