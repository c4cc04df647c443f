/* The label editor. `base` is what Python holds, `work` what the geologist sees; a Save sends their difference once.
   A label is an object that is never changed in place: {uid, geometry, cls, status, source, attributes, version, area}. */
icssn.editor = function (map, options) {
  "use strict";
  const { node, button } = icssn, ui = icssn.stage(map, options), { say } = ui;
  const LIST_ROWS = 400; // more would make the page slow
  let base = new Map(), work = new Map(), based = new Map(), gone = new Set(), revision = null, sent = null;
  let undone = [], done = [], selected = null, lastLookAlike = "other";

  // ---- the difference between what Python holds and what is drawn
  const rounded = (geometry) => JSON.stringify(geometry.coordinates, (_, v) => (typeof v === "number" ? +v.toFixed(8) : v));
  const same = (a, b) => a === b || (a.cls === b.cls && JSON.stringify(a.attributes) === JSON.stringify(b.attributes) &&
    rounded(a.geometry) === rounded(b.geometry));
  const isPending = (uid) => {
    const [old, now] = [base.get(uid), work.get(uid)];
    return old && now ? !same(old, now) : Boolean(old) !== Boolean(now);
  };
  const pendingUids = () => [...new Set([...based.keys(), ...work.keys()])].filter(isPending);
  const isConflict = (uid) => based.has(uid) && base.has(uid) && based.get(uid) !== base.get(uid).version;

  function put(uid, state) {
    if (base.has(uid) && !based.has(uid)) based.set(uid, base.get(uid).version);
    if (state) work.set(uid, state);
    else work.delete(uid);
    if (!isPending(uid)) based.delete(uid);
    shape(uid);
  }

  function change(uid, after) {
    done.push({ uid, before: work.get(uid) || null, after });
    undone = [];
    put(uid, after);
    refresh();
  }

  function step(from, to, side) {
    if (pen.cls()) return side === "before" ? pen.unpoint() : undefined;
    const entry = from.pop();
    if (!entry) return undefined;
    // A label whose deletion was saved comes back as a new one: the old id belongs to history.
    if (entry[side] && gone.has(entry.uid)) {
      const fresh = icssn.newId(), stale = entry.uid;
      for (const e of [entry, ...done, ...undone]) if (e.uid === stale) e.uid = fresh;
    }
    to.push(entry);
    put(entry.uid, entry[side] && { ...entry[side], uid: entry.uid });
    select(entry[side] ? entry.uid : null);
    return refresh();
  }
  const undo = () => step(done, undone, "before"), redo = () => step(undone, done, "after");

  // ---- drafts: what is unsaved survives a reload
  const draftKey = `icssn.draft.${options.scene}`;
  function keepDraft() {
    const entries = pendingUids().map((uid) => [uid, work.get(uid) || null, based.get(uid) ?? null]);
    if (entries.length) localStorage.setItem(draftKey, JSON.stringify({ revision, entries }));
    else localStorage.removeItem(draftKey);
  }
  function bringBack() {
    const draft = JSON.parse(localStorage.getItem(draftKey) || "null");
    if (!draft) return;
    for (const [uid, state, version] of draft.entries) {
      if (version === null && base.has(uid)) continue; // it was saved; only the answer was lost
      if (version !== null && !base.has(uid) && !state) continue; // its deletion was saved
      put(uid, state);
      if (version !== null && based.has(uid)) based.set(uid, version);
    }
    const count = pendingUids().length;
    if (count) ui.tell(say("draft_back", { count }), { action: say("discard"), onaction: discard });
  }
  function discard() {
    work = new Map(base);
    based.clear();
    done = undone = [];
    [done, undone] = [[], []];
    select(null);
    redraw();
    refresh();
  }

  // ---- drawing of labels
  ui.pane("ic-casing", 390, true);
  const casings = L.canvas({ pane: "ic-casing" }), shapes = new Map();
  function shape(uid) {
    const old = shapes.get(uid), state = work.get(uid);
    if (old) old.forEach((layer) => layer.remove());
    shapes.delete(uid);
    if (!state) return;
    const style = { ...ui.styles[state.cls] };
    if (uid === selected) Object.assign(style, { weight: style.weight + 1.5, color: "#fff", dashArray: null });
    const points = icssn.latLngs(state.geometry);
    const casing = L.polygon(points, { renderer: casings, pane: "ic-casing", color: "#000", opacity: 0.45, weight: style.weight + 2, fill: false, interactive: false });
    const line = L.polygon(points, { ...style, fillColor: style.color, bubblingMouseEvents: false });
    line.on("click", (event) => (pen.cls() ? pen.point(event.latlng) : select(uid)));
    line.on("dblclick", (event) => { pen.finish(); L.DomEvent.stop(event); });
    shapes.set(uid, [casing.addTo(map), line.addTo(map)]);
    if (state.cls === "label_area") line.bringToBack();
  }
  function redraw() {
    for (const uid of [...shapes.keys()]) shape(uid);
    for (const uid of work.keys()) if (!shapes.has(uid)) shape(uid);
  }

  // ---- one selected polygon gets handles
  const handles = icssn.handles(map, ui, {
    follow: (geometry) => shapes.get(selected).forEach((layer) => layer.setLatLngs(icssn.latLngs(geometry))),
    commit: (geometry) => change(selected, { ...work.get(selected), geometry, area: icssn.area(geometry) }),
  });
  function showHandles() {
    if (selected && !pen.cls()) handles.show(work.get(selected).geometry);
    else handles.clear();
  }
  function select(uid) {
    const before = selected;
    selected = uid && work.has(uid) ? uid : null;
    if (before) shape(before);
    if (selected) shape(selected);
    ui.hint.textContent = selected ? say("hint_edit") : "";
    showHandles();
    list();
    details();
  }
  function remove() {
    if (pen.cls() || !selected || handles.removeCorner()) return;
    const uid = selected;
    select(null);
    change(uid, null);
  }

  // ---- the pen
  const pen = icssn.pen(map, ui, {
    changed: () => toolbar(),
    finished: (cls, ring) => {
      const uid = icssn.newId(), geometry = { type: "Polygon", coordinates: [ring] };
      change(uid, { uid, geometry, cls, status: "accepted", source: "drawn", version: 0, area: icssn.area(geometry),
                    attributes: cls === "hard_negative" ? { look_alike: lastLookAlike } : {} });
      select(uid);
    },
  });
  function startPen(cls) {
    select(null);
    pen.start(cls);
  }
  const escape = () => (pen.cls() ? pen.escape() : select(null));
  map.on("click", (event) => (pen.cls() ? pen.point(event.latlng) : select(null)));

  // ---- the bar above the map
  const tools = node("div", "ic-group"), steps = node("div", "ic-group"), keep = node("div", "ic-group");
  ui.bar.prepend(tools, steps, keep);
  const penButtons = ["landslide", "label_area", "hard_negative"].map((cls) =>
    [cls, button(tools, say(`draw_${cls}`), () => (pen.cls() === cls ? escape() : startPen(cls)), { key: cls === "landslide" ? "D" : "", id: `ic-draw-${cls}` })]);
  const undoButton = button(steps, say("undo"), undo), redoButton = button(steps, say("redo"), redo);
  undoButton.title = "Ctrl+Z";
  redoButton.title = "Ctrl+Y";
  const saveButton = button(keep, say("save"), save, { className: "ic-primary", id: "ic-save" });
  saveButton.title = "Ctrl+S";
  function toolbar() {
    for (const [cls, made] of penButtons) made.setAttribute("aria-pressed", pen.cls() === cls);
    undoButton.disabled = pen.cls() ? !pen.corners() : !done.length;
    redoButton.disabled = Boolean(pen.cls()) || !undone.length;
    const count = pendingUids().length;
    saveButton.textContent = sent ? say("saving") : count ? say("save_count", { count }) : say("saved");
    saveButton.disabled = Boolean(sent) || !count;
  }

  // ---- the list beside the map
  const rows = node("section", "ic-list"), card = node("section", "ic-details");
  ui.panel.prepend(rows, card);
  const titleOf = (state) => state.cls === "hard_negative" ? say(`look_${state.attributes.look_alike || "other"}`) : say(state.cls);
  function list() {
    rows.replaceChildren();
    const head = node("h2", "", rows, say("labels"));
    node("span", "", head, String(work.size));
    if (!work.size) node("div", "ic-empty", rows, say("labels_empty"));
    const order = ["landslide", "hard_negative", "label_area"];
    const sorted = [...work.values()].sort((a, b) => order.indexOf(a.cls) - order.indexOf(b.cls) || b.area - a.area);
    for (const state of sorted.slice(0, LIST_ROWS)) {
      const row = node("div", `ic-row${state.uid === selected ? " ic-chosen" : ""}`, rows);
      row.tabIndex = 0;
      row.setAttribute("role", "button");
      icssn.swatch(row, ui.styles[state.cls]);
      node("span", "ic-what", row, `${titleOf(state)} ${state.uid.slice(0, 4)}${isPending(state.uid) ? " •" : ""}`);
      node("span", "ic-area", row, icssn.areaText(state.area));
      const go = () => { select(state.uid); map.fitBounds(L.polygon(icssn.latLngs(state.geometry)).getBounds().pad(0.6), { maxZoom: 19 }); };
      row.addEventListener("click", go);
      row.addEventListener("keydown", (event) => event.key === "Enter" && go());
      if (state.uid === selected) setTimeout(() => row.scrollIntoView({ block: "nearest" }));
    }
    if (work.size > LIST_ROWS) node("div", "ic-empty", rows, say("more_rows", { count: work.size - LIST_ROWS }));
  }
  function choice(parent, word, values, now, onchange) {
    node("dt", "", parent, say(word));
    const pick = node("select", "", node("dd", "", parent));
    for (const [value, text] of values) node("option", "", pick, text).value = value;
    pick.value = now;
    pick.addEventListener("change", () => { onchange(pick.value); pick.blur(); });
  }
  function details() {
    card.replaceChildren();
    const state = selected && work.get(selected);
    card.style.display = state ? "" : "none";
    if (!state) return;
    node("h2", "", card, `${titleOf(state)} ${state.uid.slice(0, 4)}`);
    const pairs = node("dl", "ic-pairs", card);
    choice(pairs, "class", ["landslide", "label_area", "hard_negative"].map((c) => [c, say(c)]), state.cls, (cls) =>
      {
      const { look_alike, ...attributes } = state.attributes; // belongs to hard negatives only
      change(state.uid, { ...state, cls, attributes: cls === "hard_negative" ? { ...attributes, look_alike: lastLookAlike } : attributes });
    });
    if (state.cls === "hard_negative")
      choice(pairs, "look_alike", options.lookAlikes.map((kind) => [kind, say(`look_${kind}`)]), state.attributes.look_alike || "other", (kind) => {
        lastLookAlike = kind;
        change(state.uid, { ...state, attributes: { ...state.attributes, look_alike: kind } });
      });
    for (const [word, text] of [["area", icssn.areaText(state.area)], ["corners", String(icssn.rings(state.geometry).reduce((n, ring) => n + ring.length - 1, 0))],
                                ["source", say(`source_${state.source}`)]]) {
      node("dt", "", pairs, say(word));
      node("dd", "", pairs, text);
    }
    if (isConflict(state.uid)) {
      node("p", "", card, say("conflict"));
      const two = node("div", "ic-buttons", card);
      button(two, say("keep_mine"), () => { based.set(state.uid, base.get(state.uid).version); refresh(); });
      button(two, say("take_newer"), () => { based.delete(state.uid); work.set(state.uid, base.get(state.uid)); shape(state.uid); refresh(); });
    }
    button(node("div", "ic-buttons", card), say("delete"), remove, { key: "Del", id: "ic-delete" });
  }
  function refresh() {
    keepDraft();
    toolbar();
    list();
    details();
    showHandles();
  }

  // ---- saving
  function save() {
    pen.stop();
    const uids = pendingUids();
    if (!uids.length || sent) return;
    const message = { event: "save", created: [], changed: [], deleted: [] };
    for (const uid of uids) {
      const now = work.get(uid), old = base.get(uid), expected_version = based.get(uid) ?? 0;
      if (!now) message.deleted.push({ uid, expected_version });
      else if (!old && !based.has(uid)) message.created.push({ uid, geometry: now.geometry, cls: now.cls, attributes: now.attributes });
      else message.changed.push({ uid, expected_version, cls: now.cls, attributes: now.attributes,
                                  geometry: old && rounded(old.geometry) === rounded(now.geometry) ? null : now.geometry });
    }
    sent = new Map(uids.map((uid) => [uid, work.get(uid) || null]));
    ui.send(message);
    toolbar();
  }
  function show(contents) {
    const first = revision === null, answer = ui.answered(contents.answer), mine = new Map();
    for (const uid of pendingUids()) mine.set(uid, work.get(uid) || null);
    if (answer && answer.ok) {
      for (const [uid, state] of sent) {
        if (mine.get(uid) === state) mine.delete(uid); // as saved; Python's own copy replaces it
        based.delete(uid);
      }
    }
    if (answer) sent = null;
    if (!first && !answer && contents.revision === revision) return;
    revision = contents.revision;
    const fresh = new Map(contents.labels.map((label) => [label.uid, label]));
    for (const uid of base.keys()) if (!fresh.has(uid)) gone.add(uid);
    base = fresh;
    work = new Map(base);
    for (const [uid, state] of mine) {
      if (state && based.has(uid) && !base.has(uid)) { // deleted by somebody else meanwhile: kept as a new label
        const again = icssn.newId();
        based.delete(uid);
        work.set(again, { ...state, uid: again });
        continue;
      }
      if (state) work.set(uid, state);
      else work.delete(uid);
      if (base.has(uid) && !based.has(uid)) based.set(uid, base.get(uid).version);
    }
    for (const uid of [...based.keys()]) if (!isPending(uid)) based.delete(uid);
    if (first) bringBack();
    redraw();
    if (selected && !work.has(selected)) select(null);
    refresh();
  }

  Object.assign(ui.actions, { d: () => startPen("landslide"), e: showHandles, Delete: remove, Enter: pen.finish, Escape: escape,
    Backspace: pen.unpoint, "ctrl+z": undo, "ctrl+y": redo, "ctrl+Z": redo, "ctrl+s": save });
  list();
  details();
  toolbar();
  icssn.show = show;
  icssn.ui = ui;
  icssn.labels = () => [...work.values()];
  icssn.pending = pendingUids;
};
