"""A model entered into a real MLflow store, and read there by MLflow's own client."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from icssn.errors import TrackingError
from icssn.export.tracking import log_to_mlflow
from icssn.records import Checkpoint, Round
from icssn.store import registry

pytest.importorskip("mlflow", reason="MLflow is optional")


@pytest.fixture
def model(tmp_path: Path) -> tuple[Checkpoint, Path]:
    """A checkpoint with its files."""
    made = Checkpoint(id="a" * 32, run_id="b" * 32, round=2, sha256="5" * 64, metrics={"val_f1": 0.7}, parent="")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / registry.WEIGHTS).write_bytes(b"weights")
    (folder / registry.CARD).write_text(json.dumps(CARD))
    return made, folder


CARD = {"config": {"segment": {"steps": 220}, "course": ["classify", "segment"]}, "sha256": "5" * 64, "round": 2}


def test_settings_figures_of_every_round_and_files_are_found_by_mlflow(
    model: tuple[Checkpoint, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient

    monkeypatch.chdir(tmp_path)  # a database of MLflow's puts files beside where it is opened
    made, folder = model
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    rounds = [Round(run_id=made.run_id, number=number, metrics={"val_f1": 0.5 + number / 10}) for number in (1, 2)]
    entered = [
        log_to_mlflow(made, CARD, folder, rounds=told, to=store, experiment="old landslides") for told in (rounds, [])
    ]
    client = MlflowClient(tracking_uri=store)
    run = client.get_run(entered[0])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "icssn-aaaaaaaa")
    assert run.data.params == {"segment.steps": "220", "course": "['classify', 'segment']"}
    assert [(seen.step, seen.value) for seen in client.get_metric_history(entered[0], "val_f1")] == [(1, 0.6), (2, 0.7)]
    assert run.data.tags["icssn.sha256"] == "5" * 64
    assert {item.path for item in client.list_artifacts(entered[0])} == {registry.WEIGHTS, registry.CARD}
    alone = client.get_metric_history(entered[1], "val_f1")
    assert [(seen.step, seen.value) for seen in alone] == [(2, 0.7)]
    experiment = client.get_experiment_by_name("old landslides")
    assert experiment is not None
    assert len(client.search_runs([experiment.experiment_id])) == 2


def test_a_store_that_does_not_answer_is_told_in_one_sentence(model: tuple[Checkpoint, Path]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(TrackingError, match=r"was not entered into MLflow at 'http://127.0.0.1:\d+': .+ Check the add"):
        log_to_mlflow(model[0], CARD, model[1], rounds=[], to=address, experiment="icssn")
