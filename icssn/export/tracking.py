"""A trained model in an MLflow tracking store, for offices that keep all their models there. MLflow is optional."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from icssn.errors import MissingPartError, TrackingError
from icssn.records import Checkpoint, Round

_ORIGIN = ("sha256", "parent_sha256", "manifest_fingerprint", "code_version", "device")  # on the card


def log_to_mlflow(
    checkpoint: Checkpoint, card: Mapping[str, Any], folder: Path, *, rounds: Sequence[Round], to: str, experiment: str
) -> str:
    """Enter a checkpoint as a finished MLflow run: settings, figures of every round, provenance, and its files.

    Args:
        checkpoint: What is entered; its name there is ``icssn-`` and the beginning of its id.
        card: Its card.
        folder: Its files.
        rounds: Of the run that made it; where there are none (it came from elsewhere) its own figures stand alone.
        to: Tracking URI, e.g. ``http://mlflow.office:5000`` or ``sqlite:///mlflow.db``.
        experiment: Made where it does not exist.

    Returns:
        The id of the MLflow run.

    Raises:
        MissingPartError: MLflow is not installed.
        TrackingError: The store cannot be reached or refuses; what was begun there stays unfinished.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nobody else is told anything
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # six seconds instead of minutes
    from alembic.util import CommandError  # here, because it is slow to load and seldom needed

    try:
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
    except ModuleNotFoundError as err:
        raise MissingPartError("MLflow", remedy="Run: pip install mlflow-skinny") from err
    at_ms = round(checkpoint.created_at.timestamp() * 1000)
    told = [(done.number, done.metrics) for done in rounds] or [(int(card.get("round", 1)), checkpoint.metrics)]
    metrics = [Metric(name, float(value), at_ms, number) for number, figures in told for name, value in figures.items()]
    params = [Param(name, str(value)) for name, value in flat(card.get("config", {}))]
    origin = {name: card[name] for name in _ORIGIN if name in card}
    tags = [RunTag(f"icssn.{name}", str(value)) for name, value in {"checkpoint": checkpoint.id, **origin}.items()]
    try:
        client = MlflowClient(tracking_uri=to)
        found = client.get_experiment_by_name(experiment)
        place = found.experiment_id if found else client.create_experiment(experiment)
        run = client.create_run(place, start_time=at_ms, run_name=f"icssn-{checkpoint.id[:8]}")
        run_id = str(run.info.run_id)
        client.log_batch(run_id, metrics=metrics, params=params, tags=tags)
        client.log_artifacts(run_id, str(folder))
        client.set_terminated(run_id)
    except (MlflowException, CommandError, SQLAlchemyError, OSError) as err:
        raise TrackingError(to, found=str(err).splitlines()[0]) from err
    return run_id


def sqlite_file(to: str) -> Path | None:
    """Give the file of a tracking URI that names an SQLite database, None for every other."""
    kind, _, rest = to.partition(":///")
    return Path(rest.partition("?")[0]) if kind.partition("+")[0] == "sqlite" and rest else None


def is_store(file: Path) -> bool:
    """Say whether an SQLite file is a tracking store of MLflow's."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as database:
            tables = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
    except sqlite3.Error:
        return False
    return {"experiments", "runs"} <= tables


def flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Give nested settings as dotted names and values, e.g. ``("segment.steps", 220)``."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
