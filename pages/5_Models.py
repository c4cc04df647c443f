"""Models: every checkpoint with its card; which one is active; downloads."""

from __future__ import annotations

import json

import streamlit as st

from icssn import actions
from icssn.records import CheckpointState
from icssn.ui import frame, measures, results
from icssn.ui.wording import phrase

with frame.page("models") as ws:
    checkpoints = actions.list_checkpoints(ws)
    if not checkpoints:
        frame.way(phrase("models.empty"), "train")
        st.stop()

    def named(index: int) -> str:
        item = checkpoints[index]
        return phrase("models.name", run=item.run_id[:4], round=item.round, when=measures.moment(item.created_at))

    st.table(
        [
            {
                phrase("models.model"): named(index),
                phrase("models.state"): phrase(f"models.{item.state}"),
                phrase("models.quality"): results.summary(item.metrics),
                phrase("models.threshold"): f"{item.threshold:.2f}",
            }
            for index, item in enumerate(checkpoints)
        ]
    )
    chosen = checkpoints[
        st.selectbox(phrase("models.choose"), range(len(checkpoints)), format_func=named, width=420) or 0
    ]
    with st.container(border=True):
        state, promote, weights, card_file = st.columns([3, 1, 1, 1], vertical_alignment="center")
        state.markdown(f"**{phrase(f'models.{chosen.state}')}** · {phrase(f'models.{chosen.state}_means')}")
        active = chosen.state is CheckpointState.active
        if promote.button(phrase("models.promote"), disabled=active, width="stretch"):
            with frame.told():
                actions.promote(ws, chosen.id)
                st.rerun()
        with frame.told():
            card = actions.model_card(ws, chosen.id)
            weights.download_button(
                phrase("models.weights"),
                (ws.models / chosen.id / "model.safetensors").read_bytes,
                file_name=f"icssn_{chosen.id[:8]}.safetensors",
                on_click="ignore",
                width="stretch",
            )
            card_file.download_button(
                phrase("models.card"),
                json.dumps(card, indent=1, ensure_ascii=False),
                file_name=f"icssn_{chosen.id[:8]}_card.json",
                mime="application/json",
                on_click="ignore",
                width="stretch",
            )
            st.markdown(results.summary(chosen.metrics))
            shown = {
                name: str(card[name]) for name in ("seed", "device", "code_version", "bands", "sha256") if name in card
            }
            st.caption(" · ".join(f"{phrase(f'card.{name}')}: {frame.plain(value)}" for name, value in shown.items()))
            with st.expander(phrase("models.whole_card")):
                st.json(card, expanded=1)
