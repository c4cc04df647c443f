"""Review shared between people, as the map shows it: whose candidates, what is to be read again, how readers agree."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from icssn import actions
from icssn.errors import IcssnError
from icssn.records import CandidateStatus, Label, Prediction, ReadingOutcome, SecondReading
from icssn.store.workspace import Workspace
from icssn.ui import payload, wording
from icssn.ui.wording import phrase

EVENTS = ("assign", "draw")
"""What the map's panel may ask for, beside decisions."""


def contents(ws: Workspace, prediction: Prediction, waiting: SecondReading | None) -> dict[str, Any]:
    """Give what the panel shows: who is here, who is known, the reading that waits, how the readings stand.

    Args:
        ws: Where.
        prediction: Whose candidates.
        waiting: The reading that waits for the reader of the page; nothing decided of its candidates may reach them.
    """
    return {
        "me": ws.actor.name,
        "people": actions.people(ws),
        "again": None if waiting is None else {"id": waiting.id, "by": waiting.drawn_by, "count": len(waiting.items)},
        "outcomes": [_outcome(outcome) for outcome in actions.reading_outcomes(ws, prediction.id)],
    }


def items(
    ws: Workspace, prediction: Prediction, candidates: Iterable[dict[str, Any]], waiting: SecondReading | None
) -> list[dict[str, Any]]:
    """Give the candidates of the map with whose they are; those that wait as their reader may see them: blind.

    What waits in a later reading of the same reader is left out until its turn comes.
    """
    persons = actions.list_assignments(ws, prediction.id)
    said = actions.words_so_far(ws, waiting.id) if waiting else {}
    drawn = {word.candidate_id for word in waiting.items} if waiting else set()
    later = actions.kept_from(ws, prediction.scene_id) - drawn
    shown = []
    for item in candidates:
        if item["id"] in later:
            continue
        mine: dict[str, Any] = {"person": persons.get(item["id"], "")}
        if item["id"] in drawn:
            word = said.get(item["id"])
            mine |= {"again": True, "status": CandidateStatus.open, "look_alike": ""}
            mine |= {"status": word.status, "look_alike": word.look_alike} if word else {}
        shown.append(item | mine)
    return shown


def open_labels(ws: Workspace, scene_id: str) -> list[Label]:
    """Give the labels of a scene without those that tell the actor what was decided about what waits for them."""
    kept = actions.kept_from(ws, scene_id)
    return [label for label in actions.list_labels(ws, scene_id) if label.uid not in kept]


def blind(candidates: Iterable[dict[str, Any]], kept: Collection[str]) -> list[dict[str, Any]]:
    """Give candidates of which some look as if nobody had decided about them."""
    undecided = {"status": CandidateStatus.open, "look_alike": ""}
    return [item | undecided if item["id"] in kept else item for item in candidates]


def answer(event: Mapping[str, Any], work: Callable[[], str]) -> dict[str, Any]:
    """Give the answer to a message of the browser: what `work` says was done, or why it could not be."""
    try:
        text, ok = work(), True
    except IcssnError as err:
        text, ok = wording.told(str(err)), False
    return {"nonce": event.get("nonce"), "ok": ok, "text": text}


def done(ws: Workspace, prediction: Prediction, event: dict[str, Any]) -> str:
    """Give candidates away or draw a second reading, as the panel asks; gives what to tell the reader.

    Raises:
        IcssnError: It cannot be; nothing was changed.
    """
    if event["event"] == "assign":
        ids, person = payload.assignment(event)
        count = actions.assign(ws, prediction.scene_id, ids, person=person)
        word = "review.did_assign" if person.strip() else "review.did_give_back"
        return phrase(word, count=count, person=person.strip())
    reader, share, reading_id = payload.draw(event)
    drawn = actions.draw_second_reading(ws, prediction.id, reader=reader, share=share, reading_id=reading_id)
    return phrase("review.did_draw", count=len(drawn.items), person=drawn.reader)


def read(ws: Workspace, prediction: Prediction, event: dict[str, Any]) -> str:
    """Write down what the reader says again, ``{decisions: [{reading, …}]}``; gives what to tell the reader.

    Raises:
        IcssnError: It cannot be; nothing was written.
    """
    reading_id = str(event["decisions"][0]["reading"])
    actions.read_again(ws, reading_id, payload.decisions(event))
    outcomes = {outcome.reading.id: outcome for outcome in actions.reading_outcomes(ws, prediction.id)}
    left = outcomes[reading_id].left if reading_id in outcomes else 0
    return phrase("review.did_read", left=left) if left else phrase("review.did_read_all")


def _outcome(outcome: ReadingOutcome) -> dict[str, Any]:
    reading, found = outcome.reading, outcome.agreement
    values: dict[str, Any] = {"person": reading.reader, "count": len(reading.items), "left": outcome.left}
    if found is None:
        return {"text": phrase("review.reading_left", **values), "figures": "", "differ": []}
    figures = phrase(
        "review.agreement", share=f"{found.share:.0%}", low=f"{found.share_low:.0%}", high=f"{found.share_high:.0%}"
    )
    if found.kappa is None:
        figures += " " + phrase("review.no_kappa")
    elif found.kappa_low is None:
        figures += " " + phrase("review.kappa_alone", kappa=f"{found.kappa:.2f}")
    else:
        low, high = f"{found.kappa_low:.2f}", f"{found.kappa_high:.2f}"
        figures += " " + phrase("review.kappa", kappa=f"{found.kappa:.2f}", low=low, high=high)
    return {
        "text": phrase("review.reading_done", **values),
        "figures": figures,
        "differ": [
            {"id": item.candidate_id, "first": item.first, "second": item.second} for item in outcome.disagreements
        ],
    }
