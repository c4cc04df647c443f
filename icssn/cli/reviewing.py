"""``icssn review …``: candidates shared between mappers, and second readings."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from icssn import actions
from icssn.cli.console import JsonOption, WorkspaceOption, session
from icssn.cli.scenes import SceneOption
from icssn.errors import ConfigError
from icssn.records import CandidateStatus, Prediction, ReadingOutcome
from icssn.store.workspace import Workspace

review = typer.Typer(help="Candidates shared between mappers, and second readings.", no_args_is_help=True)

_NOBODY = "nobody"


@review.command("assign")
def review_assign(
    scene: SceneOption,
    to: Annotated[str, typer.Option("--to", help="Name of the mapper, as ICSSN_PERSON says it.")],
    ids: Annotated[list[str] | None, typer.Argument(help="Candidates; or --next.")] = None,
    following: Annotated[
        int, typer.Option("--next", help="So many open ones of nobody's, in the order of the queue.")
    ] = 0,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Give candidates of the latest prediction to a mapper."""
    with session(workspace, json) as (ws, console):
        prediction = _latest_prediction(ws, scene)
        if bool(ids) == (following > 0):
            raise ConfigError("--next", following, "a number above 0, or 0 and the ids of candidates")
        if not to.strip():
            raise ConfigError("--to", to, "a name; `icssn review release` takes candidates back")
        chosen = ids or _next_of_nobody(ws, prediction, following)
        count = actions.assign(ws, prediction.scene_id, chosen, person=to)
        console.give({"person": to.strip(), "candidates": chosen, "changed": count}, f"{count} changed hands.")


@review.command("release")
def review_release(
    scene: SceneOption, ids: list[str], workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """Take candidates back: they are nobody's again."""
    with session(workspace, json) as (ws, console):
        count = actions.assign(ws, actions.find_scene(ws, scene).id, ids, person="")
        console.give({"candidates": ids, "changed": count}, f"{count} changed hands.")


@review.command("assignments")
def review_assignments(scene: SceneOption, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Say who has how many candidates of the latest prediction, and how many of them are open."""
    with session(workspace, json) as (ws, console):
        prediction = _latest_prediction(ws, scene)
        held = actions.list_assignments(ws, prediction.id)
        everyone: Counter[str] = Counter()
        left: Counter[str] = Counter()
        for candidate in actions.list_candidates(ws, prediction.id):
            person = held.get(candidate.id, "")
            everyone[person] += 1
            left[person] += candidate.status is CandidateStatus.open
        people = [{"person": name, "open": left[name], "all": everyone[name]} for name in sorted(everyone)]
        rows = [(item["person"] or _NOBODY, item["open"], item["all"]) for item in people]
        console.table(("mapper", "open", "all"), rows, empty="The model proposed nothing.")
        console.give({"prediction_id": prediction.id, "people": people, "assignments": held})


@review.command("second")
def review_second(
    scene: SceneOption,
    reader: Annotated[str, typer.Option(help="Who shall read again, as ICSSN_PERSON says it.")],
    share: Annotated[float, typer.Option(help="Of the candidates that others decided, above 0 and at most 1.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Put a share of the decided candidates before a second reader, who reads them blind on the Review page."""
    with session(workspace, json) as (ws, console):
        prediction = _latest_prediction(ws, scene)
        drawn = actions.draw_second_reading(ws, prediction.id, reader=reader, share=share, seed=seed)
        waiting = [word.candidate_id for word in drawn.items]
        console.give(
            {"reading_id": drawn.id, "reader": drawn.reader, "seed": drawn.seed, "candidates": waiting},
            f"{len(waiting)} candidates wait for {drawn.reader} on the Review page.",
        )


@review.command("agreement")
def review_agreement(scene: SceneOption, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Say how far second readers agree with the first decisions; figures come when all of a reading is read."""
    with session(workspace, json) as (ws, console):
        prediction = _latest_prediction(ws, scene)
        outcomes = actions.reading_outcomes(ws, prediction.id)
        columns = ("reader", "read", "agreement (95 %)", "Cohen's kappa (95 %)")
        console.table(columns, [_row(item) for item in outcomes], empty="No second reading: icssn review second")
        differ = [
            (item.reading.reader, one.candidate_id, one.first, one.second)
            for item in outcomes
            for one in item.disagreements
        ]
        if differ:
            console.table(("reader", "candidate", "first", "second"), differ, empty="")
        console.give({"prediction_id": prediction.id, "readings": [_told(item) for item in outcomes]})


def _next_of_nobody(ws: Workspace, prediction: Prediction, count: int) -> list[str]:
    held = actions.list_assignments(ws, prediction.id)
    queue = [place.candidate for place in actions.review_queue(ws, prediction.id)]
    free = [item.id for item in queue if item.status is CandidateStatus.open and item.id not in held]
    return free[:count]


def _row(outcome: ReadingOutcome) -> tuple[str, str, str, str]:
    count, found = len(outcome.reading.items), outcome.agreement
    read = f"{count - outcome.left} of {count}"
    if found is None:
        return outcome.reading.reader, read, "–", "–"
    kappa = "not defined" if found.kappa is None else f"{found.kappa:.2f}"
    if found.kappa_low is not None:
        kappa += f" ({found.kappa_low:.2f} to {found.kappa_high:.2f})"
    return outcome.reading.reader, read, f"{found.share:.0%} ({found.share_low:.0%} to {found.share_high:.0%})", kappa


def _told(outcome: ReadingOutcome) -> dict[str, Any]:
    """Give an outcome without the first decisions, which its reader may not know until all is read."""
    reading = outcome.reading
    return {
        "reading_id": reading.id,
        "reader": reading.reader,
        "drawn_by": reading.drawn_by,
        "count": len(reading.items),
        "left": outcome.left,
        "agreement": outcome.agreement.model_dump(mode="json") if outcome.agreement else None,
        "disagreements": [item.model_dump(mode="json") for item in outcome.disagreements],
    }


def _latest_prediction(ws: Workspace, scene: str) -> Prediction:
    return actions.latest_prediction(ws, actions.find_scene(ws, scene).id)
