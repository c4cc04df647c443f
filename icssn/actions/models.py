"""Models: found, judged by their card and by what reviews said, put in use, sent and received."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from icssn.actions.permission import require
from icssn.actions.targets import require_apart, require_replaceable
from icssn.config import TerrainLayer
from icssn.durable import written_to
from icssn.errors import CheckpointRefusedError, DuplicateError, NotFoundError
from icssn.export.tracking import is_store, log_to_mlflow, sqlite_file
from icssn.records import CandidateStatus, Checkpoint, Role
from icssn.store import checkpoints, predictions, registry, runs, scenes, stac
from icssn.store.workspace import Workspace

IMPORTED = "imported"  # stands in place of the run of a checkpoint that came from elsewhere


def list_checkpoints(ws: Workspace) -> list[Checkpoint]:
    """Give all checkpoints, newest first."""
    return checkpoints.every(ws.db)


def active_checkpoint(ws: Workspace) -> Checkpoint | None:
    """Give the checkpoint that predictions use unless another is asked for."""
    return checkpoints.active(ws.db)


def find_checkpoint(ws: Workspace, checkpoint_id: str) -> Checkpoint:
    """Give one checkpoint."""
    return checkpoints.get(ws.db, checkpoint_id)


def model_card(ws: Workspace, checkpoint_id: str) -> dict[str, Any]:
    """Give the card of a checkpoint, after making sure that its weights are those the card speaks of.

    Raises:
        CheckpointRefusedError: Its files are missing, damaged or changed.
    """
    return registry.verify(ws.models / checkpoints.get(ws.db, checkpoint_id).id)


def terrain_of(ws: Workspace, checkpoint_id: str) -> tuple[TerrainLayer, ...]:
    """Give the layers of terrain that a checkpoint looks at beside the image.

    Raises:
        CheckpointRefusedError: Its weights are missing, or its card is or cannot be read.
    """
    return registry.settings(ws.models / checkpoints.get(ws.db, checkpoint_id).id).encoder.terrain


def is_usable(ws: Workspace, checkpoint_id: str) -> bool:
    """Say whether a checkpoint's weights are there and its card can be read; `model_card` looks closer."""
    try:
        terrain_of(ws, checkpoint_id)
    except CheckpointRefusedError:
        return False
    return True


def model_experience(ws: Workspace, checkpoint_id: str) -> Counter[str]:
    """Count what reviews said of a checkpoint's candidates.

    Returns:
        ``accepted``, ``rejected``, ``unsure`` and ``open``, and ``look_alike:terrace`` … for what the rejected
        were, ``look_alike:unsaid`` for those of which nobody said it.
    """
    said: Counter[str] = Counter()
    for scene in scenes.known(ws.db):
        for prediction in predictions.of_scene(ws.db, scene.id):
            if prediction.checkpoint_id == checkpoint_id:
                for candidate in predictions.candidates(ws.db, prediction.id):
                    said[candidate.status.value] += 1
                    if candidate.status is CandidateStatus.rejected:
                        said[f"look_alike:{candidate.look_alike or 'unsaid'}"] += 1
    return said


def model_family(ws: Workspace, checkpoint_id: str) -> list[Checkpoint]:
    """Give a checkpoint with all it descends from and all that descends from it, oldest first."""
    every = list(reversed(checkpoints.every(ws.db)))
    by_id = {item.id: item for item in every}
    wanted = {checkpoints.get(ws.db, checkpoint_id).id}
    above = by_id[checkpoint_id].parent
    while above in by_id:
        wanted.add(above)
        above = by_id[above].parent
    below = {checkpoint_id}
    for item in every:  # parents are older than their children
        if item.parent in below:
            below.add(item.id)
    return [item for item in every if item.id in wanted | below]


def promote(ws: Workspace, checkpoint_id: str) -> Checkpoint:
    """Make a checkpoint the active one; the former active one is retired.

    Raises:
        CheckpointRefusedError: Its files are missing, damaged or changed; the former one stays active.
    """
    require(ws, Role.reviewer, "promote a model")
    registry.verify(ws.models / checkpoints.get(ws.db, checkpoint_id).id)
    return checkpoints.promote(ws.db, checkpoint_id)


def export_model(ws: Workspace, checkpoint_id: str, target: Path) -> Path:
    """Pack a checkpoint into a zip file: weights, card and STAC Item.

    Args:
        ws: The workspace.
        checkpoint_id: The checkpoint.
        target: The file, or a folder for it.

    Raises:
        CheckpointRefusedError: Its files are missing, damaged or changed.
        UnwritableError: The file lies in the project, is a raster of a scene, or is there and is no checkpoint that
            ICSSN exported; or the folder cannot be made, or no file be written there.
        DiskFullError: The disk is full.
    """
    found = checkpoints.get(ws.db, checkpoint_id)
    with written_to(target):
        file = target / f"icssn_{found.id[:8]}.zip" if target.is_dir() else target
    require_apart(ws, [file])
    require_replaceable([file], known=registry.is_export)
    return registry.export(ws.models / found.id, file)


def track_model(ws: Workspace, checkpoint_id: str, *, to: str, experiment: str = "icssn") -> str:
    """Enter a model into an MLflow tracking store: settings, figures of every round, provenance, files.

    Args:
        ws: The workspace.
        checkpoint_id: The checkpoint.
        to: Tracking URI of the store.
        experiment: Made there where it does not exist.

    Returns:
        The id of the MLflow run.

    Raises:
        CheckpointRefusedError: Its files are missing, damaged or changed.
        MissingPartError: MLflow is not installed.
        UnwritableError: The store is an SQLite file that lies in the project, or is none of MLflow's.
        TrackingError: The store cannot be reached or refuses.
    """
    require(ws, Role.reviewer, "send a model elsewhere")
    if file := sqlite_file(to):
        require_apart(ws, [file])
        require_replaceable([file], known=is_store)
    found = checkpoints.get(ws.db, checkpoint_id)
    card = model_card(ws, checkpoint_id)
    rounds = [] if found.run_id == IMPORTED else runs.rounds(ws.db, found.run_id)
    return log_to_mlflow(found, card, ws.models / found.id, rounds=rounds, to=to, experiment=experiment)


def import_model(ws: Workspace, source: Path) -> Checkpoint:
    """Take up a checkpoint that ICSSN exported, here or elsewhere, as a candidate.

    Raises:
        NotFoundError: There is no such file.
        CheckpointRefusedError: It is no whole checkpoint.
        DuplicateError: The same weights are here already.
        UnwritableError: It cannot be written into the folder of models.
        DiskFullError: The disk is full.
    """
    require(ws, Role.reviewer, "import a model")
    if not source.exists():
        raise NotFoundError("file", str(source), remedy="Check the path.")
    if source.is_file() and source.suffix.lower() in (".pt", ".pth", ".pkl", ".ckpt", ".bin"):
        raise CheckpointRefusedError(
            source.name,
            found="files of this kind can run code when they are opened",
            remedy="Give a zip file with safetensors weights, as the Models page downloads it.",
        )
    with registry.unpacked(source, into=ws.models) as folder:
        card = registry.card(folder)
        sha256 = str(card["sha256"])
        if any(known.sha256 == sha256 for known in checkpoints.every(ws.db)):
            raise DuplicateError("model with these weights", source.name, remedy="It need not be imported again.")
        checkpoint = Checkpoint(
            id=uuid.uuid5(uuid.NAMESPACE_OID, sha256).hex,
            run_id=IMPORTED,
            round=int(card.get("round", 1)),
            sha256=sha256,
            metrics={name: float(value) for name, value in dict(card.get("metrics", {})).items()},
            threshold=float(card.get("threshold", 0.5)),
        )
        registry.enter(ws.models, checkpoint.id, folder, item=stac.item(checkpoint, card))
    return checkpoints.add(ws.db, checkpoint)
