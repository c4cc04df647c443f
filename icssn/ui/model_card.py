"""The card of a model as a page to read: what it is for, what it learned from, how well it does, where it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from icssn import actions
from icssn.records import Checkpoint, CheckpointState
from icssn.store.workspace import Workspace
from icssn.ui import frame, measures, results, wording
from icssn.ui.palette import SKY, YELLOW
from icssn.ui.wording import phrase

_REVIEWED = ("accepted", "rejected", "unsure")


def card(ws: Workspace, checkpoint: Checkpoint) -> None:
    """Show the card of a checkpoint whose weights are those the card speaks of."""
    facts = actions.model_card(ws, checkpoint.id)
    left, right = st.columns(2, gap="large")
    with left:
        _section("use", phrase("models.use_text"))
        _section("learned", _learned(ws, checkpoint, facts))
    with right:
        _section("quality", _quality(checkpoint, facts))
        _section("failures", _failures(actions.model_experience(ws, checkpoint.id)))
    lineage(actions.model_family(ws, checkpoint.id), chosen=checkpoint)
    shown = {name: str(facts[name]) for name in ("seed", "device", "code_version", "sha256") if name in facts}
    st.caption(" · ".join(f"{phrase(f'card.{name}')}: {frame.plain(value)}" for name, value in shown.items()))
    with st.expander(phrase("models.whole_card")):
        st.json({name: value for name, value in facts.items() if name != "validation"}, expanded=1)


def named(checkpoint: Checkpoint) -> str:
    """Name a model in one line."""
    when = measures.moment(checkpoint.created_at)
    if checkpoint.run_id == actions.IMPORTED:
        return phrase("models.name_imported", sha256=checkpoint.sha256[:8], when=when)
    return phrase("models.name", run=checkpoint.run_id[:4], round=checkpoint.round, when=when)


def lineage(family: list[Checkpoint], *, chosen: Checkpoint) -> None:
    """Draw which model went on from which, if there is more than one."""
    if len(family) > 1:
        st.markdown(f"**{phrase('models.lineage')}**")
        st.graphviz_chart(drawn(family, chosen=chosen))


def drawn(family: list[Checkpoint], *, chosen: Checkpoint) -> str:
    """Give the picture of a family in the DOT language: oldest on the left, the chosen one filled, the active bold."""
    lines = ['rankdir="LR"', 'node [shape="box", style="rounded,filled", fillcolor="white", fontname="sans-serif"]']
    known = {item.id for item in family}
    for item in family:
        label = f"{item.run_id[:4]} / {item.round}\\nF1 {results.with_interval(item.metrics, 'val_f1')}"
        fill = YELLOW if item.id == chosen.id else SKY if item.state is CheckpointState.active else "white"
        lines.append(f'"{item.id}" [label="{label}", fillcolor="{fill}"]')
        if item.parent in known:
            lines.append(f'"{item.parent}" -> "{item.id}"')
    return "digraph { " + "; ".join(lines) + " }"


def _section(word: str, text: str) -> None:
    st.markdown(f"**{phrase(f'models.{word}')}**  \n{text}")


def _learned(ws: Workspace, checkpoint: Checkpoint, facts: Mapping[str, Any]) -> str:
    known = (*actions.list_scenes(ws), *actions.list_scenes(ws, removed=True))
    names = {scene.id: scene.name for scene in known}
    sources = [
        phrase("models.source", scene=frame.plain(names.get(scene_id, phrase("models.elsewhere"))), revision=revision)
        for scene_id, revision in dict(facts.get("revisions") or {}).items()
    ]
    begun = []
    if checkpoint.parent:
        begun.append(phrase("models.went_on", model=named(actions.find_checkpoint(ws, checkpoint.parent))))
    elif not facts.get("parent_sha256") and facts["config"]["encoder"]["weights"] == "embedded":
        begun.append(phrase("models.from_start"))
    return "  \n".join([*sources, _sees(ws, checkpoint, facts), *begun])


def _sees(ws: Workspace, checkpoint: Checkpoint, facts: Mapping[str, Any]) -> str:
    bands = facts["config"]["encoder"]["bands"]
    layers = [phrase(f"map.terrain_{layer}") for layer in actions.terrain_of(ws, checkpoint.id)]
    return (
        phrase("models.sees_terrain", bands=bands, layers=", ".join(layers))
        if layers
        else phrase("models.sees", bands=bands)
    )


def _quality(checkpoint: Checkpoint, facts: Mapping[str, Any]) -> str:
    metrics = checkpoint.metrics
    squares = len(facts.get("validation") or [])
    interval = results.with_interval(metrics, "val_f1")
    lines = [results.summary(metrics)]
    if "val_f1_low" in metrics:
        lines.append(phrase("models.interval", interval=interval, squares=squares))
    elif "val_f1" in metrics:
        lines.append(phrase("crossval.no_interval"))
    if "val_landslides" in metrics:
        lines.append(_objects(checkpoint))
    if "min_object_px" in facts:
        lines.append(phrase("models.least", px=int(facts["min_object_px"])))
    return "  \n".join([*lines, phrase("models.caution")])


def _objects(checkpoint: Checkpoint) -> str:
    """Say how many held-out landslides were found, and from which probability on more would be."""
    metrics, usual = checkpoint.metrics, checkpoint.threshold
    lower = metrics.get("val_search_threshold", usual)
    text = phrase(
        "models.found",
        count=int(metrics["val_landslides"]),
        found=int(metrics["val_found"]),
        false=int(metrics["val_false"]),
        threshold=f"{usual:.2f}",
    )
    if lower >= usual:
        return text
    more, wrong = int(metrics["val_search_found"]), int(metrics["val_search_false"])
    return f"{text} {phrase('models.search', found=more, false=wrong, threshold=f'{lower:.2f}')}"


def _failures(said: Mapping[str, int]) -> str:
    """Say what reviews found of the model's candidates, most frequent mistakes first."""
    reviewed = sum(said.get(word, 0) for word in _REVIEWED)
    if not reviewed:
        return phrase("models.unreviewed")
    mistaken = {key.partition(":")[2]: count for key, count in said.items() if key.startswith("look_alike:")}
    kinds = wording.group("map")
    told = ", ".join(
        f"{kinds.get(f'look_{name}', frame.plain(name))} {count}"
        for name, count in sorted(mistaken.items(), key=lambda pair: -pair[1])
    )
    text = phrase("models.reviewed", reviewed=reviewed, accepted=said.get("accepted", 0))
    return f"{text}  \n{phrase('models.mistook', kinds=told)}" if told else text
