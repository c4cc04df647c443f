"""ICSSN in the browser: the home page, and the server around all pages.

``streamlit run app.py`` imports this file once for the server and runs it for every look at the home page.
"""

from __future__ import annotations

import streamlit as st

if __name__ == "__main__":
    from icssn import actions
    from icssn.ui import frame, progress
    from icssn.ui.next_step import advise, standing
    from icssn.ui.overview import overview
    from icssn.ui.wording import phrase

    with frame.page("home") as ws:
        now = standing(ws)
        if not now.scenes and not progress.watch(ws):
            st.subheader(phrase("home.begin"), anchor=False)
            demo, own = st.columns(2)
            with demo.container(border=True, height="stretch"):
                st.markdown(phrase("home.demo_text"))
                if st.button(phrase("home.demo_button"), type="primary"):
                    actions.load_demo(ws)
                    st.rerun()
            with own.container(border=True, height="stretch"):
                st.markdown(phrase("home.own_text"))
                if st.button(phrase("home.own_button")):
                    frame.go("scenes")
        elif now.scenes:
            slides = phrase("home.and_points", landslides=now.landslides, points=now.points)
            counts = {
                "scenes": str(now.scenes),
                "landslides": slides if now.points else str(now.landslides),
                "hard_negatives": str(now.hard_negatives),
                "models": str(now.models),
                "open_candidates": str(now.open_candidates),
            }
            for column, (word, count) in zip(st.columns(5), counts.items(), strict=True):
                column.metric(phrase(f"home.{word}"), count, border=True, height="stretch")
            running = progress.watch(ws)
            step, page = advise(now)
            with st.container(border=True):
                st.caption(phrase("home.next" if not running else "home.meanwhile"))
                st.markdown(phrase(f"next.{step}", candidates=now.open_candidates, landslides=now.landslides))
                if st.button(phrase(f"{page}.open"), type="secondary" if running else "primary", key="next"):
                    frame.go(page)
            overview(ws)
else:
    from icssn.ui import addresses, frame, hosts, server

    # Streamlit finds the server by these very words, "app = st.App(", without running the file.
    app = st.App(
        __file__,
        routes=server.routes(),
        middleware=[*hosts.middleware(), *addresses.middleware()],
        lifespan=server.lifespan,
        on_script_error=frame.explain,
    )
