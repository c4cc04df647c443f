/* The label editor: what is chosen, keys, saving; it puts the other parts together. The labels themselves live in the ledger. */
icssn.editor = function (map, options) {
  "use strict";
  const { node, button } = icssn, ui = icssn.stage(map, options), { say } = ui, labelsRoute = `labels/${options.scene}`;
  const CLASSES = ["landslide", "hard_negative", "label_area"], KINDS = [...CLASSES, "landslide_point"];
  let chosen = [], compared = false, saving = false, fetching = false, lastLookAlike = "";
  const only = () => (chosen.length === 1 ? chosen[0] : null);

  const ledger = icssn.ledger((uids, own) => {
    uids.forEach((uid) => outlines.draw(uid, ledger.get(uid), chosen.includes(uid)));
    chosen = chosen.filter(ledger.get);
    drafts.keep();
    warnings.check();
    refresh();
    if (own) ui.hush();
  });
  const outlines = icssn.outlines(map, ui, {
    clicked: (uid, event) => (pen.job() ? pen.point(event.latlng) : event.originalEvent.shiftKey ? toggle(uid) : select([uid])),
    doubled: () => pen.finish(),
  });
  const snap = icssn.snap(map, ui, { labels: ledger.all });
  const handles = icssn.handles(map, ui, {
    follow: (geometry) => outlines.follow(only(), geometry),
    commit: (geometry) => {
      snap.hide();
      ledger.change([[only(), { ...ledger.get(only()), geometry, area: icssn.area(geometry) }]]);
    },
    snap: (latlng) => snap.place(latlng, only()),
  });
  const verbs = icssn.verbs(map, ui, { ledger, select, title: (state) => titleOf(state) });

  // ---- choosing
  function select(uids) {
    const before = chosen;
    chosen = uids.filter(ledger.get);
    for (const uid of new Set([...before, ...chosen])) outlines.draw(uid, ledger.get(uid), chosen.includes(uid));
    handles.clear();
    showHandles();
    refreshChosen(); // first, as the record takes room from the list
    if (chosen.length) table.reveal(chosen.at(-1));
    ui.hush();
  }
  const toggle = (uid) => select(chosen.includes(uid) ? chosen.filter((other) => other !== uid) : [...chosen, uid]);
  const isCompared = () => Boolean(only()) && versions.isShown(only()); // handles would hide what differs
  function showHandles() {
    compared = isCompared();
    if (only() && !pen.job() && !compared) handles.show(ledger.get(only()).geometry);
    else handles.clear();
    ui.hint.textContent = pen.job() ? ui.hint.textContent : compared ? "" : outlined() ? say("hint_edit") : only() ? say("hint_edit_point") : chosen.length ? say("hint_several", { count: chosen.length }) : "";
  }
  function go(uid, event) {
    if (event && event.shiftKey) return toggle(uid);
    select([uid]);
    return outlines.fly(ledger.get(uid).geometry);
  }
  function step(by, wanted) {
    const uid = table.beside(chosen.at(-1), by, wanted);
    if (uid) go(uid);
  }

  // ---- changing what is chosen
  const edit = (make) => ledger.change(chosen.map((uid) => [uid, make(ledger.get(uid))]));
  function remove() {
    if (pen.job() || !chosen.length || handles.removeCorner()) return;
    const uids = chosen;
    select([]);
    ledger.change(uids.map((uid) => [uid, null]));
  }
  const kindOf = (said) => (said || lastLookAlike ? { look_alike: said || lastLookAlike } : {}); // nothing: not said
  function classify(cls) {
    if (!chosen.length) return;
    if (chosen.some((uid) => ledger.get(uid).cls === "landslide_point")) return void ui.tell(say("point_class"), { bad: true });
    edit((state) => {
      const { look_alike, ...attributes } = state.attributes; // belongs to hard negatives only
      return { ...state, cls, attributes: cls === "hard_negative" ? { ...attributes, ...kindOf(look_alike) } : attributes };
    });
  }
  function judge(status) {
    if (!chosen.length || pen.job()) return;
    const was = ledger.get(chosen.at(-1)).status;
    edit((state) => ({ ...state, status }));
    if (was === "proposed" && chosen.length === 1) step(1, (state) => state.status === "proposed");
  }
  // ---- the pen and its jobs
  const line = { color: "#fff", weight: 2.5 };
  const JOBS = {
    ...Object.fromEntries(CLASSES.map((cls) => [cls, { kind: cls, style: ui.styles[cls], hint: "hint_draw" }])),
    landslide_point: { kind: "landslide_point", style: ui.styles.landslide_point, point: true, hint: "hint_point" },
    reshape: { kind: "reshape", style: line, open: true, hint: "hint_reshape" },
    split: { kind: "split", style: line, open: true, hint: "hint_split" },
    cut: { kind: "cut", style: line, hint: "hint_cut" },
  };
  const pen = icssn.pen(map, ui, {
    snap: (latlng) => (pen.kind() === "reshape" && !outlined() ? latlng : snap.place(latlng, pen.job() && JOBS[pen.kind()].open ? only() : null)),
    changed: () => {
      if (!pen.job()) snap.hide();
      drafts.keep();
      toolbar.update();
    },
    finished: (job, points, places) => {
      if (verbs[job.kind]) return void shape(job, points, places);
      const uid = icssn.newId(), geometry = job.point ? { type: "Point", coordinates: points[0] } : { type: "Polygon", coordinates: [points] };
      ledger.change([[uid, { uid, geometry, cls: job.kind, status: "accepted", source: "drawn", version: 0, area: icssn.area(geometry), attributes: begun(job.kind) }]]);
      return select([uid]);
    },
  });
  /** What a label has from the start: the defaults of its record, and how far the map was zoomed in. */
  function begun(cls) {
    const fields = options.forms[cls] || [], known = { display_scale: Math.round(verbs.reach(1) / 0.00028) }; // a screen pixel has 0.28 mm in OGC's standards
    for (const field of fields) if (field.default) known[field.key] = field.default;
    if (cls === "hard_negative") Object.assign(known, kindOf());
    return Object.fromEntries(Object.entries(known).filter(([key]) => fields.some((field) => field.key === key)));
  }
  function draw(cls) {
    select([]);
    pen.start(JOBS[cls]);
  }
  const outlined = () => (only() && ledger.get(only()).cls !== "landslide_point" ? only() : null);
  function cutWith(kind) {
    if (!outlined() && kind !== "reshape") return void ui.tell(say("choose_one"), { bad: true, over: outlined });
    handles.clear();
    return pen.start(JOBS[kind]);
  }
  /** Change the chosen label, or the one that is meant, by what was drawn; a line that is of no use stays on the pen. */
  async function shape(job, points, places) {
    const done = await verbs[job.kind](outlined(), points);
    if (!done && !pen.job()) pen.start(job, places);
    showHandles();
  }
  function escape() {
    if (pen.job()) pen.escape();
    else if (versions.isOpen()) versions.close();
    else select([]);
    showHandles();
    ui.hush();
  }
  map.on("click", (event) => (pen.job() ? pen.point(event.latlng) : event.originalEvent.shiftKey || select([])));

  // ---- undo: places of the pen while drawing, whole steps otherwise
  function travel(forth) {
    if (pen.job()) return forth ? pen.forth() : pen.back();
    const uids = forth ? ledger.redo() : ledger.undo();
    if (uids === false) return ui.tell(say("undo_gone"), { bad: true });
    return uids && select(uids);
  }

  const clipboard = icssn.clipboard(map, ui, { ledger, outlines, select, chosen: () => chosen, isDrawing: pen.job });
  const toolbar = icssn.toolbar(ui, { kinds: KINDS, ledger, pen, verbs, only, chosen: () => chosen, isSaving: () => saving, draw, cutWith, escape, travel, save });

  // ---- the panel beside the map
  const others = node("div", "ic-others"), rows = node("section", "ic-list ic-labels"), card = node("section", "ic-details ic-record");
  const titleOf = (state) => `${state.attributes.name || say(state.attributes.look_alike ? `look_${state.attributes.look_alike}` : state.cls)} ${state.uid.slice(0, 4)}`;
  const versions = icssn.versions(ui, options, { ledger, outlines, title: titleOf, select, shown: () => { details(); compared === isCompared() || showHandles(); } });
  const warnings = icssn.warnings(ui, options, { ledger, outlines, select, title: titleOf });
  const deleted = icssn.deleted(ui, options, { ledger, outlines, select, title: titleOf });
  ui.panel.prepend(others, versions.card, rows, deleted.card, card, warnings.card);
  /** Say who else is here: [{person, tabs}]. */
  function present(people) {
    const mine = people.find(({ person }) => person === options.me), rest = people.filter((one) => one !== mine).map(({ person }) => person);
    others.textContent = [rest.length && say("others_here", { names: rest.join(", ") }), mine && say("me_elsewhere", { count: mine.tabs })].filter(Boolean).join(" · ");
  }
  const sizeOf = (state) => (state.geometry.type === "Point" ? "" : state.area < 1e4 ? "below" : state.area < 1e5 ? "ha1" : state.area < 1e6 ? "ha10" : "ha100");
  const words = (key, values) => values.map((value) => [value, say(`${key}${value}`)]);
  const table = icssn.table(ui, rows, {
    labels: ledger.all, title: titleOf, isChosen: (uid) => chosen.includes(uid), isPending: ledger.isPending, go,
    facets: [
      ["cls", "class", (state) => state.cls, KINDS.map((cls) => [cls, say(cls)])],
      ["confidence", "confidence", (state) => state.attributes.confidence || "none", [...["high", "moderate", "low"].map((value) => [value, options.record.codes[`confidence.${value}`]]), ["none", say("confidence_none")]]],
      ["status", "status", (state) => state.status, words("status_", ["accepted", "proposed", "rejected"])],
      ["source", "source", (state) => state.source, words("source_", ["drawn", "imported", "predicted"])],
      ["area", "area", sizeOf, words("area_", ["below", "ha1", "ha10", "ha100"])],
    ],
  });
  const form = icssn.form(ui, options, {
    edit: (key, value) => {
      if (key === "look_alike") lastLookAlike = value;
      edit(({ attributes: { [key]: _, ...attributes }, ...old }) => ({ ...old, attributes: value === undefined ? attributes : { ...attributes, [key]: value } }));
    },
    leave: () => window.focus(),
  });
  const title = node("h2", "", card), classRow = node("dl", "ic-pairs", card), buttons = node("div", "ic-buttons ic-judge");
  card.append(form.box, buttons);
  node("dt", "", classRow, say("class"));
  const classPick = node("select", "", node("dd", "", classRow));
  classPick.addEventListener("change", () => { classify(classPick.value); classPick.blur(); });
  for (const cls of CLASSES) node("option", "", classPick, say(cls)).value = cls;
  const judgeButtons = [["accepted", "accept", "A"], ["rejected", "reject", "X"], ["proposed", "unsure", "U"]].map(([status, word, key]) =>
    [status, button(buttons, say(word), () => judge(status), { key, id: `ic-${word}` })]);
  const historyButton = button(buttons, say("history"), () => versions.open(only()), { id: "ic-history" });
  button(buttons, say("delete"), remove, { key: "Del", id: "ic-delete" });
  function details() {
    const state = only() && ledger.get(only());
    card.style.display = chosen.length && !versions.isOpen() && !ledger.conflicts().length ? "" : "none";
    title.textContent = state ? titleOf(state) : say("chosen_count", { count: chosen.length });
    classRow.style.display = state && state.cls !== "landslide_point" ? "" : "none";
    historyButton.style.display = state && state.version ? "" : "none";
    for (const [status, made] of judgeButtons) made.setAttribute("aria-pressed", Boolean(state) && state.status === status);
    if (state) classPick.value = state.cls;
    form.show(state, state ? measures(state) : {});
  }
  const measured = new WeakMap(); // geometry → {volume_m3, fields}
  /** The measured and recorded fields of the record as far as they are known now; the server is asked for the rest. */
  function measures({ uid, geometry, area, version, attributes: { volume_m3 } }) {
    const known = measured.get(geometry);
    if (known && known.volume_m3 === volume_m3) return known.fields;
    const asked = { volume_m3, fields: known ? known.fields : { area_m2: area || undefined } };
    const drawn = version ? {} : { mapper: options.me, mapped_on: new Date().toLocaleDateString("sv"), source_image: options.sceneName, method: "manual" };
    measured.set(geometry, asked);
    icssn.server.ask(`${labelsRoute}/measures`, { geometry, volume_m3, uid: version ? uid : null }).then((fields) => {
      asked.fields = { ...drawn, ...fields };
      if (only() === uid) form.show(ledger.get(uid), measures(ledger.get(uid)));
    }, () => undefined); // the fields stay empty
    return asked.fields;
  }
  function refreshChosen() {
    toolbar.update();
    versions.update();
  }
  function refresh() {
    table.update();
    deleted.update();
    refreshChosen();
    showHandles();
  }

  // ---- saving, and what others saved
  const isSettled = () => !fetching && !ledger.conflicts().length;
  async function save() {
    if (ledger.conflicts().length) return void ui.tell(say("conflict_first"), { bad: true, over: isSettled });
    const message = saving ? null : ledger.message();
    if (!message) return;
    saving = true;
    toolbar.update();
    try {
      const answer = await icssn.server.insist(labelsRoute, message.parts, () => ui.tell(say("unreachable"), { bad: true }));
      const gap = ledger.saved(message, answer.labels, answer.revision);
      const { created, changed, deleted } = message.parts;
      ui.tell(say("did_save", { created: created.length, changed: changed.length, deleted: deleted.length, revision: answer.revision }));
      if (gap) fetchLabels();
    } catch (err) {
      if (err.status === 409) await fetchLabels();
      ui.tell(err.status === 409 ? say("conflict_told") : err.message, { bad: true, over: isSettled });
    }
    saving = false;
    refresh();
  }
  async function fetchLabels() {
    if (fetching) return;
    fetching = true;
    try {
      const found = await icssn.server.insist(labelsRoute);
      ledger.fetched(found.labels, found.revision);
    } catch (err) {
      ui.tell(err.message, { bad: true });
    }
    fetching = false;
  }
  const drafts = icssn.drafts(ui, options.scene, {
    pack: (extra) => ledger.pack({ ...extra, pen: pen.state(), chosen }),
    isEmpty: () => !ledger.pending().length && !ledger.canUndo() && !ledger.canRedo() && !pen.corners(),
    heard: (answer) => {
      present(answer.others);
      if (answer.revision > ledger.revision() && !saving) fetchLabels();
    },
  });
  /** Take back what the draft brought back; a new outline on the pen is none of it, a line through a label is. */
  const discard = () => { if (verbs[pen.kind()]) pen.stop(); select([]); ledger.discard(); };
  async function open() {
    await fetchLabels();
    const draft = await drafts.find();
    if (draft) {
      const count = ledger.unpack(draft);
      if (count) ui.tell(say("draft_back", { count }), { action: say("discard"), onaction: discard, over: () => !ledger.hasReturned() });
      select(draft.chosen || []);
      if (draft.pen && JOBS[draft.pen.kind]) {
        handles.clear();
        pen.start(JOBS[draft.pen.kind], draft.pen.points, draft.pen.undone);
      }
    }
    icssn.opened = true;
  }

  if (ui.terrain.length) {
    const image = { name: "image", text: say("bare_image"), panes: [], resting: () => true };
    icssn.swipe(map, ui, { layers: [...ui.terrain, image], left: ui.terrain[0].name, right: "image", parent: ui.layers.querySelector("h2") });
  } else ui.actions.s = () => ui.tell(say("no_terrain"));

  const hide = ui.actions[" "], nudge = icssn.nudge(map, { ledger, handles, chosen: () => chosen, isDrawing: pen.job });
  Object.assign(ui.actions, { d: () => draw("landslide"), t: () => draw("landslide_point"), r: () => cutWith("reshape"), k: () => cutWith("split"), o: () => cutWith("cut"), m: () => verbs.merge(chosen),
    e: showHandles, g: snap.toggle, f: () => only() && outlines.fly(ledger.get(only()).geometry), n: () => step(1), p: () => step(-1),
    a: () => judge("accepted"), x: () => judge("rejected"), u: () => judge("proposed"),
    Delete: remove, Enter: () => (pen.job() ? pen.finish() : form.focus()), Escape: escape, Backspace: pen.back, " ": (event) => (pen.job() ? pen.pan(true) : event.repeat || hide()),
    "ctrl+z": () => travel(false), "ctrl+y": () => travel(true), "ctrl+shift+z": () => travel(true), "ctrl+s": save, "ctrl+c": clipboard.copy, "ctrl+v": clipboard.paste, ...nudge.actions });
  CLASSES.forEach((cls, i) => (ui.actions[String(i + 1)] = () => classify(cls)));
  refresh();
  Object.assign(icssn, { ui, show: ({ revision }) => icssn.opened && revision > ledger.revision() && fetchLabels(),
    labels: ledger.all, pending: ledger.pending, chosen: () => chosen, isKept: drafts.isKept, settled: ui.settled });
  open();
};
