"""``icssn demo``: make the demo project and, if asked, run the whole loop on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icssn import actions
from icssn.cli.console import JsonOption, WorkspaceOption, session


def demo(
    run: Annotated[bool, typer.Option("--run", help="Train, predict and judge against the known truth.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Make the demo project: a generated loess landscape with 8 of its old landslides labelled."""
    with session(workspace, json) as (ws, console):
        made = console.wait(ws, actions.load_demo(ws)).result
        scene_id = str(made["scene_id"])
        if not run:
            console.give(made, "The demo project is ready: scene 'demo'. Next: icssn train --scene demo")
            return
        _, job = actions.start_run(ws, [scene_id])
        trained = console.wait(ws, job).result
        predicted = console.wait(ws, actions.predict_scene(ws, scene_id)).result
        # The truth outside the label area: ground on which nothing was labelled.
        judged = console.wait(ws, actions.evaluate_scene(ws, scene_id, Path(made["truth"]))).result
        metrics = judged["metrics"]
        rows = [(key, f"{value:.4g}") for key, value in sorted(metrics.items())]
        console.table(("figure on unlabelled ground", "value"), rows, empty="")
        console.give(
            {
                "scene_id": scene_id,
                "checkpoint_id": trained["checkpoint_id"],
                "training_seconds": trained["seconds"],
                "candidates": predicted["candidates"],
                "metrics": metrics,
            }
        )
