"""``icssn predict``, ``evaluate`` and ``candidates …``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icssn import actions
from icssn.cli.console import JsonOption, WorkspaceOption, session
from icssn.cli.scenes import SceneOption
from icssn.durable import require_folder
from icssn.errors import BoundsError
from icssn.overrides import pairs
from icssn.records import Bounds, CandidateStatus, Decision, Prediction, Scene
from icssn.store.workspace import Workspace

candidates = typer.Typer(help="Objects that a model proposes.", no_args_is_help=True)

CheckpointOption = Annotated[str, typer.Option("--checkpoint", help="Its id; the active model by default.")]


def predict(
    scene: SceneOption,
    checkpoint: CheckpointOption = "",
    out: Annotated[Path | None, typer.Option(help="Folder for probability.tif, mask.tif, candidates.gpkg.")] = None,
    quality: Annotated[str, typer.Option(help="fast, or high: eight turned views and their spread.")] = "fast",
    bounds: Annotated[str, typer.Option(help="W,S,E,N in degrees: look at this part of the scene alone.")] = "",
    workers: Annotated[int, typer.Option(help="Processes of this machine that predict parts of the scene.")] = 1,
    settings: Annotated[list[str], typer.Option("--set", help="KEY=VALUE, e.g. backend=torch.")] = [],  # noqa: B006
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Apply a model to a scene."""
    with session(workspace, json) as (ws, console):
        wishes = {"quality": quality, "workers": workers, **pairs(settings)}
        known = actions.find_scene(ws, scene)
        part = _bounds(bounds, known) if bounds else None
        if out is not None:
            actions.require_prediction_place(ws, out)
            require_folder(out)
        job = actions.predict_scene(ws, known.id, checkpoint_id=checkpoint, settings=wishes, bounds_lonlat=part)
        result = console.wait(ws, job).result
        if out is not None:
            result["files"] = [str(path) for path in actions.export_prediction(ws, result["prediction_id"], out)]
        console.give(
            result, f"{result['candidates']} candidates in {result['seconds']:.1f} s ({result['computed_by']})."
        )


def _bounds(text: str, scene: Scene) -> Bounds:
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError as err:
        raise BoundsError(text, scene=scene.name, of_scene=scene.facts.bounds_lonlat) from err
    return west, south, east, north


def evaluate(
    scene: SceneOption,
    truth: Annotated[Path, typer.Option(help="A mask on the scene's grid (.tif: 0, 1, 255 unknown) or polygons.")],
    checkpoint: CheckpointOption = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Judge a model on a scene whose landslides are known; the scene's prediction and candidates stay as they are."""
    with session(workspace, json) as (ws, console):
        job = actions.evaluate_scene(ws, actions.find_scene(ws, scene).id, truth, checkpoint_id=checkpoint)
        result = console.wait(ws, job).result
        rows = [(key, f"{value:.4g}") for key, value in sorted(result["metrics"].items())]
        console.table(("figure", "value"), rows, empty="")
        of = result.get("truth")
        told = f"{of['landslides']} of {of['features']} features are landslides on ground that is judged." if of else ""
        console.give(result, told)


@candidates.command("list")
def candidates_list(scene: SceneOption, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the candidates of the latest prediction, highest score first."""
    with session(workspace, json) as (ws, console):
        prediction = _latest_prediction(ws, scene)
        found = actions.list_candidates(ws, prediction.id)
        rows = [(c.id, f"{c.score:.2f}", f"{c.area_m2 / 1e4:.2f} ha", c.status) for c in found]
        console.table(("candidate", "score", "area", "status"), rows, empty="The model proposed nothing.")
        answer = {"prediction_id": prediction.id, "candidates": [c.model_dump(mode="json") for c in found]}
        console.give(answer)


@candidates.command("accept")
def candidates_accept(
    scene: SceneOption, ids: list[str], workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """Make candidates landslide labels."""
    _decide(scene, ids, CandidateStatus.accepted, "", workspace, json)


@candidates.command("reject")
def candidates_reject(
    scene: SceneOption,
    ids: list[str],
    look_alike: Annotated[str, typer.Option(help="What it is: terrace, quarry, gully …; else it is not said.")] = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Make candidates hard negatives: the next run learns that they are no landslides."""
    _decide(scene, ids, CandidateStatus.rejected, look_alike, workspace, json)


def _decide(
    scene: str, ids: list[str], status: CandidateStatus, look_alike: str, workspace: Path | None, json: bool
) -> None:
    with session(workspace, json) as (ws, console):
        prediction = _latest_prediction(ws, scene)
        decisions = [Decision(candidate_id=item, status=status, look_alike=look_alike) for item in ids]
        saved = actions.review(ws, prediction.scene_id, decisions)
        answer = {"decided": len(ids), "status": status.value, "revision": saved.revision}
        console.give(answer, f"{len(ids)} {status.value}; label revision {saved.revision}.")


def _latest_prediction(ws: Workspace, scene: str) -> Prediction:
    return actions.latest_prediction(ws, actions.find_scene(ws, scene).id)
