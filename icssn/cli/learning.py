"""``icssn train``, ``runs`` and ``run …``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from icssn import actions
from icssn.cli.console import JsonOption, WorkspaceOption, session
from icssn.cli.scenes import SceneOption
from icssn.overrides import pairs

run = typer.Typer(help="One training run.", no_args_is_help=True)


def train(
    scene: Annotated[list[str], typer.Option("--scene", help="Name of a scene; may be repeated.")],
    quick: Annotated[bool, typer.Option("--quick", help="Warm start from the active model, few steps.")] = False,
    from_active: Annotated[
        bool, typer.Option("--from-active", help="All steps, but from the active model instead of ImageNet.")
    ] = False,
    predict: Annotated[bool, typer.Option("--predict", help="Then look at the same scenes with the result.")] = False,
    rounds: Annotated[int | None, typer.Option(help="Classify + segment pairs.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all random choices.")] = None,
    steps: Annotated[int | None, typer.Option(help="Segmentation steps a round.")] = None,
    settings: Annotated[list[str], typer.Option("--set", help="KEY=VALUE, e.g. segment.learning_rate=5e-4.")] = [],  # noqa: B006
    config: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Queue it and return.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Retrain on the labels as they stand and make the result the active model."""
    with session(workspace, json) as (ws, console):
        wishes: dict[str, Any] = {"rounds": rounds, "seed": seed, "segment.steps": steps}
        overrides = {key: value for key, value in wishes.items() if value is not None} | pairs(settings)
        ids = [actions.find_scene(ws, name).id for name in scene]
        looks = ids if predict else []
        started, job = actions.start_run(
            ws,
            ids,
            quick=quick,
            from_active=from_active,
            then_predict=looks,
            overrides=overrides,
            config_file=config,
        )
        if detach:
            console.give({"run_id": started.id, "job_id": job.id}, f"Run {started.id} is queued (job {job.id}).")
            return
        result = console.wait(ws, job).result
        validation = ", ".join(f"{key} {value:.3f}" for key, value in sorted(result["metrics"].items()))
        console.give(result, f"Model {result['checkpoint_id']} after {result['seconds']:.0f} s.\n{validation}")


def crossval(
    scene: SceneOption,
    folds: Annotated[int, typer.Option(help="Blocks; as many trainings, and one more.")] = 4,
    settings: Annotated[list[str], typer.Option("--set", help="KEY=VALUE, e.g. rounds=1.")] = [],  # noqa: B006
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Judge the method on every block of a scene by models that never saw it; beside it, a random split's claim."""
    with session(workspace, json) as (ws, console):
        chosen = actions.find_scene(ws, scene).id
        job = actions.cross_validate(ws, chosen, folds=folds, overrides=pairs(settings))
        result = console.wait(ws, job).result
        rows = [(key, f"{value:.4g}") for key, value in sorted(result["blocks"].items())]
        console.table(("figure over all blocks", "value"), rows, empty="")
        disputes = actions.disputed_labels(ws, chosen)
        looks = [
            (
                f"label {item.uid}" if item.uid else "ground without a label",
                " ".join(f"{degrees:.5f}" for degrees in item.geometry_lonlat.representative_point().coords[0]),
                f"{item.probability:.0%}",
                f"{item.found:.0%}",
            )
            for item in disputes
        ]
        columns = ("look again at", "where (lon lat)", "mean probability", "found")
        console.table(columns, looks, empty="No label is disputed.")
        claimed = f"{result['random_split_f1']:.3f}"
        console.give(result, f"A random split of the same chips claims an F1 of {claimed}: too good to be true.")


def runs(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the runs, newest first."""
    with session(workspace, json) as (ws, console):
        found = actions.list_runs(ws)
        actions.active_jobs(ws)  # wakes a worker where one is missing
        rows = [(r.id, f"{r.created_at:%Y-%m-%d %H:%M}", r.tier, r.device, r.checkpoint_id or "–") for r in found]
        console.table(("run", "begun", "tier", "device", "model"), rows, empty="No runs yet: icssn train --scene NAME")
        console.give({"runs": [r.model_dump(mode="json") for r in found]})


@run.command("show")
def run_show(run_id: str, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Show a run, its rounds and its job."""
    with session(workspace, json) as (ws, console):
        found = actions.find_run(ws, run_id)
        job = actions.find_job(ws, found.job_id)
        rounds = actions.list_rounds(ws, run_id)
        console.give(
            {
                "run": found.model_dump(mode="json"),
                "job": job.model_dump(mode="json"),
                "rounds": [item.model_dump(mode="json") for item in rounds],
            },
            f"Run {found.id} ({found.tier}) on {found.device or '–'}: {job.state}. {job.error or job.progress.message}",
        )
        keys = sorted({key for item in rounds for key in item.metrics})
        rows = [(item.number, *(f"{item.metrics.get(key, float('nan')):.3f}" for key in keys)) for item in rounds]
        console.table(("round", *keys), rows, empty="No finished round yet.")


@run.command("cancel")
def run_cancel(run_id: str, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Stop a run (or any job, by its id); what was finished stands."""
    with session(workspace, json) as (ws, console):
        known = {item.id: item.job_id for item in actions.list_runs(ws)}
        job = actions.cancel_job(ws, known.get(run_id, run_id))
        console.give({"job": job.model_dump(mode="json")}, f"Job {job.id}: asked to stop.")
