"""The Models page: a card to read, the family drawn, a model taken up from elsewhere and sent on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from icssn import actions
from icssn.config import train_config
from icssn.errors import CheckpointRefusedError
from icssn.records import Candidate, CandidateStatus, Checkpoint, Prediction, Scene
from icssn.store import checkpoints, predictions, registry, stac
from icssn.store.workspace import Workspace
from icssn.ui import model_card
from icssn.ui.wording import phrase
from tests.ui.conftest import inside
from tests.ui.test_pages import opened, texts


def a_model(
    ws: Workspace,
    scene: Scene,
    name: str,
    *,
    parent: str = "",
    terrain: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> Checkpoint:
    """Enter a checkpoint of one small tensor, as a run would; `without` some of its figures."""
    source = ws.folder / "runs" / name
    source.mkdir(parents=True)
    weights = save({"encoder.weight": np.full((4, 3), ord(name), np.float32)})
    (source / registry.WEIGHTS).write_bytes(weights)
    metrics = {"val_f1": 0.7, "val_f1_low": 0.6, "val_f1_high": 0.8, "val_precision": 0.75, "val_recall": 0.66}
    metrics |= {"val_landslides": 16, "val_found": 12, "val_false": 7}
    metrics |= {"val_search_threshold": 0.15, "val_search_found": 15, "val_search_false": 14}
    metrics = {name_of: value for name_of, value in metrics.items() if name_of not in without}
    card = {
        "config": train_config({"encoder.terrain": terrain}).model_dump(mode="json"),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "metrics": metrics,
        "revisions": {scene.id: 4},
        "min_object_px": 476,
        "validation": [{"scene": scene.id, "col": 0, "row": 0, "tp_fp_fn_tn": [1, 2, 3, 4]}] * 9,
    }
    (source / registry.CARD).write_text(json.dumps(card))
    row = Checkpoint(
        id=name * 32, run_id=name * 32, round=1, sha256=str(card["sha256"]), metrics=metrics, parent=parent
    )
    registry.enter(ws.models, row.id, source, item=stac.item(row, card))
    return checkpoints.add(ws.db, row)


def reviewed(ws: Workspace, scene: Scene, model: Checkpoint) -> None:
    made = Prediction(scene_id=scene.id, checkpoint_id=model.id, probability="p", mask="m", threshold=0.4)
    said = [
        ("accepted", ""),
        ("rejected", "terrace"),
        ("rejected", "quarry"),
        ("rejected", "terrace"),
        ("rejected", ""),
    ]
    found = [
        Candidate(
            id=f"c{number}",
            prediction_id=made.id,
            scene_id=scene.id,
            geometry_lonlat=inside(scene, 0.1),
            score=0.9,
            mask_score=0.9,
            classifier_score=0.9,
            area_m2=500,
            status=CandidateStatus(status),
            look_alike=look_alike,
        )
        for number, (status, look_alike) in enumerate(said)
    ]
    predictions.add(ws.db, made, found)


def test_a_card_says_what_a_model_is_for_learned_from_reaches_and_mistakes(ws: Workspace, scene: Scene) -> None:
    model = a_model(ws, scene, "a")
    reviewed(ws, scene, model)
    app = opened("pages/5_Models.py")
    assert not app.exception
    told = texts(app)
    assert "not for counting landslides without a review" in told
    assert "Held-out landslides found: 12 of 16; false alarms: 7" in told
    assert "From 0.15 on: 15 and 14." in told
    assert "Scene hill, labels at revision 4" in told
    assert "0.70 (0.60–0.80), over 9 held-out squares" in told
    assert "fewer than 476 pixels" in told
    assert "Of 5 candidates that were reviewed, 1 were accepted." in told
    assert "terrace 2, quarry 1, not said 1" in told


@pytest.mark.parametrize(
    ("language", "alone", "with_terrain"),
    [
        ("en", "Looks at the image alone; bands: 3", "at terrain: Slope, Curvature"),
        ("zh", "仅观察影像，3 个波段", "与地形：坡度, 曲率"),
    ],
)
def test_a_card_says_what_the_model_looks_at(
    ws: Workspace, scene: Scene, language: str, alone: str, with_terrain: str
) -> None:
    a_model(ws, scene, "a")
    assert alone in texts(opened("pages/5_Models.py", language=language))
    a_model(ws, scene, "b", terrain=("slope", "curvature"))
    assert with_terrain in texts(opened("pages/5_Models.py", language=language))


def test_where_too_little_ground_was_judged_the_card_says_why_it_has_no_interval(ws: Workspace, scene: Scene) -> None:
    said = phrase("crossval.no_interval", language="en")
    a_model(ws, scene, "a")
    assert said not in texts(opened("pages/5_Models.py"))
    a_model(ws, scene, "b", without=("val_f1_low", "val_f1_high"))
    assert said in texts(opened("pages/5_Models.py"))


def test_a_damaged_model_is_told_of_and_the_page_goes_on(ws: Workspace, scene: Scene) -> None:
    model = a_model(ws, scene, "a")
    (ws.models / model.id / registry.WEIGHTS).write_bytes(b"half")
    app = opened("pages/5_Models.py")
    assert not app.exception
    assert "no safetensors file" in app.error[0].value


def test_the_family_is_drawn_from_parent_to_child_with_the_chosen_one_marked(ws: Workspace, scene: Scene) -> None:
    first = a_model(ws, scene, "a")
    second = a_model(ws, scene, "b", parent=first.id)
    assert f"Went on from: {model_card.named(first)}" in texts(opened("pages/5_Models.py"))
    dot = model_card.drawn(actions.model_family(ws, second.id), chosen=second)
    assert f'"{first.id}" -> "{second.id}"' in dot
    [line] = [part for part in dot.split("; ") if part.startswith(f'"{second.id}" [')]
    assert "F1 0.70 (0.60–0.80)" in line
    assert 'fillcolor="white"' not in line


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_downloaded_model_can_be_taken_up_elsewhere(
    ws: Workspace, scene: Scene, tmp_path: Path, language: str
) -> None:
    sent = actions.export_model(ws, a_model(ws, scene, "a").id, tmp_path)
    with ws.db.write() as connection:
        connection.exec_driver_sql("DELETE FROM checkpoint")
    app = opened("pages/5_Models.py", language=language)
    app.file_uploader[0].set_value((sent.name, sent.read_bytes(), "application/zip")).run()
    app.button[0].click().run()
    assert not app.exception
    [taken] = actions.list_checkpoints(ws)
    assert taken.sha256[:8] in app.success[0].value
    assert len(app.table) == 1, "it stands in the list at once"
    for script, told in (("app.py", "next.activate"), ("pages/4_Review.py", "review.none_active")):
        assert phrase(told, language=language) in texts(opened(script, language=language))


def test_a_model_is_entered_into_mlflow_after_its_files_were_checked(
    ws: Workspace, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracking = pytest.importorskip("mlflow.tracking", reason="MLflow is optional")
    monkeypatch.chdir(tmp_path)  # a database of MLflow's puts files beside where it is opened
    model, store = a_model(ws, scene, "a"), f"sqlite:///{tmp_path / 'mlflow.db'}"
    entered = actions.track_model(ws, model.id, to=store)
    client = tracking.MlflowClient(tracking_uri=store)
    assert client.get_run(entered).data.metrics["val_f1"] == 0.7
    assert {item.path for item in client.list_artifacts(entered)} == {registry.WEIGHTS, registry.CARD, stac.ITEM}
    (ws.models / model.id / registry.WEIGHTS).write_bytes(b"half")
    with pytest.raises(CheckpointRefusedError):
        actions.track_model(ws, model.id, to=store)
