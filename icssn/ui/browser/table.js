/* The list of labels beside the map: sorted, filtered, linked to the map. Only rows in sight are built, so its length
   costs nothing. `on`: labels(), title(state), isChosen(uid), isPending(uid), go(uid, event), facets [[key, word, of(state),
   values [[value, text]]]]. */
icssn.table = function (ui, parent, on) {
  "use strict";
  const { node, button } = icssn, { say } = ui;
  const ROW_PX = 29, SPARE = 8; // rows built beyond those in sight
  const CLASSES = ["landslide", "landslide_point", "hard_negative", "label_area"], CONFIDENCE = ["low", "moderate", "high"];
  const rank = (list, value) => { const place = list.indexOf(value); return place < 0 ? list.length : place; };
  const byArea = (a, b) => b.area - a.area, text = (a, b) => a.localeCompare(b);
  const SORTS = {
    sort_class: (a, b) => rank(CLASSES, a.cls) - rank(CLASSES, b.cls) || byArea(a, b),
    sort_large: byArea,
    sort_small: (a, b) => byArea(b, a),
    sort_new: (a, b) => text(b.at || "9", a.at || "9"),
    sort_doubtful: (a, b) => rank(CONFIDENCE, a.attributes.confidence) - rank(CONFIDENCE, b.attributes.confidence) || byArea(a, b),
    sort_name: (a, b) => text(on.title(a), on.title(b)),
  };
  let shown = [], sort = "sort_class", revealed = null;
  const chosen = {}; // facet → value
  const head = node("h2", "", parent, say("labels")), count = node("span", "", head);
  const tools = node("div", "ic-list-tools", parent), order = node("select", "", tools);
  order.setAttribute("aria-label", say("sort"));
  for (const key of Object.keys(SORTS)) node("option", "", order, say(key)).value = key;
  order.addEventListener("change", () => { sort = order.value; order.blur(); update(); });
  const opener = button(tools, say("filter_labels"), () => { filters.hidden = !filters.hidden; reset(); }, { id: "ic-filter" });
  const filters = node("div", "ic-filters", parent);
  filters.hidden = true;
  const picks = on.facets.map(([key, word, , values]) => {
    const pick = node("select", "", filters);
    pick.setAttribute("aria-label", say(word));
    pick.dataset.facet = key;
    node("option", "", pick, `${say(word)}: ${say("all")}`).value = "";
    for (const [value, label] of values) node("option", "", pick, `${say(word)}: ${label}`).value = value;
    pick.addEventListener("change", () => { chosen[key] = pick.value; pick.blur(); reset(); update(); });
    return pick;
  });
  function reset() {
    const active = Object.values(chosen).filter(Boolean).length;
    opener.textContent = active ? say("filter_count", { count: active }) : say("filter_labels");
    opener.setAttribute("aria-pressed", !filters.hidden);
  }
  button(filters, say("filter_none"), () => {
    picks.forEach((pick) => { pick.value = ""; chosen[pick.dataset.facet] = ""; });
    reset();
    update();
  });
  const empty = node("div", "ic-empty", parent), window_ = node("div", "ic-rows", parent), spacer = node("div", "ic-spacer", window_);

  function update() {
    const all = on.labels();
    shown = all.filter((state) => on.facets.every(([key, , of]) => !chosen[key] || of(state) === chosen[key])).sort(SORTS[sort]);
    count.textContent = shown.length === all.length ? String(all.length) : say("count_of", { shown: shown.length, all: all.length });
    empty.textContent = all.length ? (shown.length ? "" : say("filter_empty")) : say("labels_empty");
    tools.style.display = all.length ? "" : "none";
    spacer.style.height = `${shown.length * ROW_PX}px`;
    paint();
  }
  function paint() {
    const from = Math.max(0, Math.floor(window_.scrollTop / ROW_PX) - SPARE);
    const slice = shown.slice(from, from + Math.ceil((window_.clientHeight || 400) / ROW_PX) + 2 * SPARE);
    spacer.replaceChildren(...slice.map((state, k) => {
      const row = node("div", `ic-row${on.isChosen(state.uid) ? " ic-chosen" : ""}`);
      row.style.top = `${(from + k) * ROW_PX}px`;
      row.tabIndex = 0;
      row.dataset.uid = state.uid;
      row.setAttribute("role", "button");
      icssn.swatch(row, icssn.styleOf(ui, state));
      node("span", "ic-what", row, `${on.title(state)}${on.isPending(state.uid) ? " •" : ""}`);
      if (state.status !== "accepted") node("span", "ic-tag", row, say(`status_${state.status}`));
      node("span", "ic-area", row, icssn.sizeText(state));
      row.addEventListener("click", (event) => on.go(state.uid, event));
      row.addEventListener("keydown", (event) => event.key === "Enter" && on.go(state.uid, event));
      return row;
    }));
  }
  /** Bring a label's row into sight. */
  function reveal(uid) {
    revealed = uid;
    const place = shown.findIndex((state) => state.uid === uid);
    if (place >= 0 && (place * ROW_PX < window_.scrollTop || (place + 1) * ROW_PX > window_.scrollTop + window_.clientHeight))
      window_.scrollTop = Math.max(0, place * ROW_PX - window_.clientHeight / 2);
    paint();
  }
  window_.addEventListener("scroll", paint);
  new ResizeObserver(() => (on.isChosen(revealed) ? reveal(revealed) : paint())).observe(window_); // the record grew or shrank
  /** The label after (or before) another one in the list as it is shown, round and round. */
  function beside(uid, by, wanted = () => true) {
    const here = shown.findIndex((state) => state.uid === uid), n = shown.length;
    for (let k = 1; k <= n; k++) {
      const state = shown[(((here < 0 && by < 0 ? 0 : here) + by * k) % n + n) % n];
      if (wanted(state)) return state.uid;
    }
    return null;
  }
  return { update, reveal, beside, shown: () => shown.map((state) => state.uid) };
};
