/* The review map: a queue of candidates, the doubtful first, each decided by one key; overlays, swipe, evidence
   and correction stand in files of their own. A decision is kept in this browser until Python has acknowledged it. */
icssn.review = function (map, options) {
  "use strict";
  const { node, button } = icssn, ui = icssn.stage(map, options), { say } = ui;
  icssn.part(map, ui, options.bounds, options.main, "ic-part");
  icssn.part(map, ui, options.bounds, options.other, "ic-other-part");
  const overlays = icssn.overlays(map, ui, options), evidence = icssn.evidence(map, ui);
  const suggest = options.main && icssn.suggest(map, ui);
  const share = options.main && icssn.share(map, ui, {
    items: () => candidates,
    current: () => current,
    number: (id) => candidates.findIndex((item) => item.id === id) + 1,
    choose: (id) => { if (!scope().some((item) => item.id === id)) filter("all"); choose(id, true); },
    readAgain: () => { filter("again"); list(); move(1); },
  });
  const prediction = options.main ? options.main.id : "", QUICK_MS = 700, MOST_ROWS = 400;
  let candidates = [], others = [], labels = [], again = null, me = "", current = null, order = "priority", shown = "all";
  let moved = 0, sentAs = null; // when the queue last moved on; the nonce of what was sent
  const undos = [], sent = new Map();
  const unsaved = icssn.kept(`icssn.decisions.${prediction}`); // candidate id → decision not yet acknowledged
  const correction = icssn.correction(map, ui, prediction, { current: () => find(current), draw: (item) => draw(item), changed: () => { list(); details(); } });
  const corrected = correction.kept;

  // ---- outlines
  ui.pane("ic-casing", 390, true);
  ui.pane("ic-other-outlines", 395, true);
  ui.pane("ic-main-casing", 415, true);
  ui.pane("ic-outlines", 420, false);
  const canvas = { casing: L.canvas({ pane: "ic-casing" }), mainCasing: L.canvas({ pane: "ic-main-casing" }), other: L.canvas({ pane: "ic-other-outlines" }), main: L.canvas({ pane: "ic-outlines" }) };
  const drawn = L.layerGroup().addTo(map), background = L.layerGroup().addTo(map), shapes = new Map();
  function line(geometry, style, where, into, pane) {
    return L.polygon(icssn.latLngs(geometry), { ...style, fillColor: style.color, renderer: where, pane, bubblingMouseEvents: false,
                                                interactive: where === canvas.main }).addTo(into);
  }
  const casing = (geometry, weight, where, into, pane) =>
    line(geometry, { color: "#000", opacity: 0.45, weight: weight + 2, fill: false }, where, into, pane);
  function redraw() {
    drawn.clearLayers();
    background.clearLayers();
    shapes.clear();
    const still = labels.map((label) => [label.geometry, ui.styles[label.cls === "label_area" && label.status === "proposed" ? "proposed_area" : label.cls]]);
    if (options.heldOut) still.push([options.heldOut, ui.styles.held_out]);
    for (const [geometry, style] of still) {
      casing(geometry, style.weight, canvas.casing, background, "ic-casing");
      line(geometry, { ...style, fillOpacity: 0 }, canvas.casing, background, "ic-casing");
    }
    for (const item of others) {
      casing(item.geometry, ui.styles.other.weight, canvas.other, drawn, "ic-other-outlines");
      line(item.geometry, ui.styles.other, canvas.other, drawn, "ic-other-outlines");
    }
    for (const item of candidates) draw(item);
  }
  function draw(item) {
    for (const old of shapes.get(item.id) || []) drawn.removeLayer(old);
    if (item.again && shown !== "again") return; // what is to be read again shows only there
    const chosen = item.id === current, draft = chosen && correction.draft(), geometry = draft || item.geometry, style = { ...styleOf(item) };
    if (chosen) Object.assign(style, { color: "#fff", weight: 4, fill: !draft });
    const outline = line(geometry, { fill: true, ...style }, canvas.main, drawn, "ic-outlines");
    outline.on("click", () => choose(item.id, false));
    shapes.set(item.id, [casing(geometry, style.weight, canvas.mainCasing, drawn, "ic-main-casing"), outline]);
  }
  const styleOf = (item) => ui.styles[item.status === "open" && item.faint ? "faint" : item.status];

  // ---- the queue
  const card = node("section", "ic-details ic-card"), rows = node("section", "ic-list");
  ui.panel.prepend(card, rows);
  const find = (id) => candidates.find((item) => item.id === id);
  /** What the filter is about: the reader's own, nobody's, what is to be read again, else everything but that. */
  const scope = () => candidates.filter((item) => (shown === "again" ? item.again : !item.again && (shown === "mine" ? item.person === me : shown !== "nobody" || !item.person)));
  const openOnes = () => scope().filter((item) => item.status === "open");
  const visible = () => scope().filter((item) => !["open", "decided"].includes(shown) || item.id === current || (shown === "open") === (item.status === "open"));
  const sort = () => candidates.sort((a, b) => (order === "priority" ? b.priority - a.priority : b.score - a.score));
  const picker = (parent, name, values, value, onchange) => {
    const pick = node("select", "", parent);
    pick.setAttribute("aria-label", say(name));
    for (const one of values) node("option", "", pick, say(`${name}_${one}`)).value = one;
    pick.value = value;
    pick.addEventListener("change", () => { onchange(pick.value); list(); });
  };
  function filter(value) {
    const blind = [shown, value].includes("again");
    shown = value;
    if (blind) choose(null, false);
    if (blind) redraw();
  }
  function list() {
    rows.replaceChildren();
    const left = openOnes().length, all = scope().length, head = node("header", "", rows), title = node("h2", "", head, say("candidates"));
    node("span", "", title, say("open_count", { open: left, all }));
    if (!candidates.length) return void node("div", "ic-empty", rows, say(options.main ? "candidates_empty" : "prediction_none"));
    node("i", "", node("div", "ic-done", head)).style.width = `${(100 * (all - left)) / Math.max(all, 1)}%`;
    const ways = node("div", "ic-two", head);
    picker(ways, "order", ["priority", "score"], order, (value) => { order = value; sort(); });
    picker(ways, "filter", ["all", "open", "decided", "mine", "nobody", ...(again ? ["again"] : [])], shown, filter);
    if (!all) node("div", "ic-empty", rows, say("filter_empty_queue"));
    const wanted = visible(), here = wanted.findIndex((item) => item.id === current), from = Math.max(0, Math.min(here - MOST_ROWS / 2, wanted.length - MOST_ROWS));
    for (const item of wanted.slice(from, from + MOST_ROWS)) {
      const row = node("div", `ic-row${item.id === current ? " ic-chosen" : ""}`, rows);
      row.tabIndex = 0;
      row.setAttribute("role", "button");
      row.dataset.id = item.id;
      icssn.swatch(row, styleOf(item));
      const word = say(item.status === "rejected" && item.look_alike ? `look_${item.look_alike}` : item.status === "open" && item.faint ? "status_faint" : `status_${item.status}`);
      node("span", "ic-what", row, `${candidates.indexOf(item) + 1}  ${word}${corrected.has(item.id) ? " ✎" : ""}${unsaved.has(item.id) ? " •" : ""}`);
      if (item.person && shown !== "mine") node("span", "ic-tag ic-person", row, item.person).title = item.person;
      node("span", "ic-area", row, `${(order === "priority" ? item.priority : item.score).toFixed(2)} · ${icssn.areaText(item.area)}`);
      row.addEventListener("click", () => choose(item.id, true));
      row.addEventListener("keydown", (event) => event.key === "Enter" && choose(item.id, true));
      if (item.id === current) setTimeout(() => row.scrollIntoView({ block: "nearest" }));
    }
    if (wanted.length > MOST_ROWS) node("div", "ic-empty", rows, say("more_rows", { count: wanted.length - MOST_ROWS }));
    if (share) share.refresh();
  }
  function details() {
    card.replaceChildren();
    const item = find(current);
    card.style.display = candidates.length ? "" : "none";
    evidence.show(item);
    if (!item) {
      if (openOnes().length) button(node("div", "ic-buttons", card), say("begin"), () => move(1), { className: "ic-primary", key: "N", id: "ic-begin" });
      else node("span", "ic-quiet", card, candidates.length ? say("all_decided") : "");
      return;
    }
    const title = node("h2", "", card, say("candidate", { number: candidates.indexOf(item) + 1 }));
    node("span", "", title, say(item.again && item.status === "open" ? "second_reading" : `status_${item.status}`));
    const why = node("p", "ic-why", card);
    item.reasons.forEach((reason) => node("span", "", why, say(`why_${reason}`)));
    const buttons = node("div", "ic-three", card), instead = node("div", "ic-instead", card), ways = node("div", "ic-four", card);
    button(buttons, say(correction.draft() ? "accept_edited" : "accept"), () => decide("accepted"), { className: "ic-primary", key: "A", id: "ic-accept" });
    button(buttons, say("reject"), () => decide("rejected"), { key: "X", id: "ic-reject" });
    button(buttons, say("unsure"), () => decide("unsure"), { key: "U", id: "ic-unsure" });
    node("span", "ic-quiet", instead, say("reject_as"));
    options.lookAlikes.forEach((kind, i) => button(instead, say(`look_${kind}`), () => decide("rejected", kind), { key: String(i + 1) })
      .setAttribute("aria-pressed", item.status === "rejected" && item.look_alike === kind));
    button(ways, say("correct"), correction.toggle, { key: "E", id: "ic-correct" }).setAttribute("aria-pressed", Boolean(correction.draft()));
    ways.firstChild.disabled = Boolean(item.again);
    button(ways, say("undo"), undo, { key: "Z", id: "ic-undo" }).disabled = !undos.length;
    button(ways, say("previous"), () => move(-1), { key: "P", id: "ic-previous" });
    button(ways, say("next"), () => move(1), { key: "N", id: "ic-next" });
  }
  function choose(id, go) {
    const before = find(current);
    current = id;
    correction.stop();
    if (before) draw(before);
    const item = find(id);
    if (item) {
      if (corrected.has(id) && !item.again && !(unsaved.get(id) || {}).geometry) correction.begin(corrected.get(id));
      draw(item);
      if (go) fly(item);
    }
    list();
    details();
  }
  const frame = (item) => L.polygon(icssn.latLngs(item.geometry)).getBounds().pad(0.8);
  function fly(item) { // who types quickly is not made to watch a flight
    const slow = Date.now() - moved > QUICK_MS;
    moved = Date.now();
    const view = { maxZoom: 19, paddingTopLeft: [evidence.room(), 0], paddingBottomRight: [share.room(), 0] };
    if (slow) map.flyToBounds(frame(item), { ...view, duration: 0.4 });
    else map.fitBounds(frame(item), { ...view, animate: false });
  }
  /** Give the next candidate to look at from the current one on, or none. */
  function following(by) {
    const wanted = openOnes().length ? openOnes() : scope(), n = candidates.length;
    const here = candidates.findIndex((item) => item.id === current), from = here < 0 && by < 0 ? 0 : here;
    for (let k = 1; k <= n; k++) {
      const item = candidates[(((from + by * k) % n) + n) % n];
      if (wanted.includes(item) && item.id !== current) return item;
    }
    return wanted.find((item) => item.id === current);
  }
  function move(by) {
    const item = following(by);
    if (!item) return;
    choose(item.id, true);
    const next = following(by);
    if (next && next !== item) ahead(next);
  }
  /** Fetch what the next candidate will show, so that it is there before it is asked for. */
  function ahead(item) {
    evidence.prepare(item);
    const bounds = frame(item), zoom = Math.min(map.getBoundsZoom(bounds), 19), centre = map.project(bounds.getCenter(), zoom), half = map.getSize().divideBy(2);
    map.eachLayer((layer) => {
      const { url = layer._url, maxNativeZoom = zoom } = layer.options;
      if (!(layer instanceof L.GridLayer) || !url) return;
      const z = Math.min(zoom, maxNativeZoom), scale = 256 * 2 ** (zoom - z), low = centre.subtract(half).divideBy(scale).floor(), high = centre.add(half).divideBy(scale).floor();
      for (let x = low.x; x <= high.x; x++) for (let y = low.y; y <= high.y; y++) new Image().src = L.Util.template(url, { x, y, z });
    });
  }

  // ---- deciding
  function record(item, status, look_alike, geometry) {
    Object.assign(item, { status, look_alike });
    unsaved.set(item.id, { candidate_id: item.id, status, look_alike, geometry, ...(item.again && { reading: again.id }) });
    dispatch();
  }
  function dispatch() {
    sent.clear();
    for (const [id, decision] of unsaved) sent.set(id, decision);
    sentAs = ui.send({ event: "decide", decisions: [...unsaved.values()] });
  }
  function decide(status, look_alike = "") {
    const item = find(current);
    if (!item) return;
    const { id, look_alike: kind, again: reading, geometry } = item, mine = status === "accepted" ? correction.draft() : null;
    undos.push({ id, status: item.status, look_alike: kind, again: reading, geometry, mine });
    record(item, status, look_alike, mine);
    if (mine) item.geometry = mine;
    correction.stop();
    draw(item);
    if (openOnes().length) move(1);
    else choose(item.id, false);
  }
  function undo() {
    const last = undos.pop(), item = last && find(last.id);
    if (!item || item.again !== last.again) return details(); // a reading that is over stands
    if (item.again && shown !== "again") filter("again");
    else if (!item.again && shown === "again") filter("all");
    record(item, last.status, last.look_alike, null);
    item.geometry = last.geometry;
    if (last.mine) corrected.set(item.id, last.mine);
    choose(item.id, true);
  }

  // ---- swipe; outlines stay on both sides unless there are two predictions' to tell apart
  const layers = [{ name: "image", text: say("bare_image"), panes: [], resting: () => true }, ...ui.terrain];
  if (options.other) layers.unshift({ name: "other", text: options.other.name, panes: ["ic-other", "ic-other-part", "ic-other-outlines"], resting: () => false });
  if (options.main) layers.unshift({ name: "main", text: options.main.name, panes: ["ic-values", "ic-part", ...(options.other ? ["ic-main-casing", "ic-outlines"] : [])], resting: () => true });
  if (layers.length > 1) icssn.swipe(map, ui, { layers, left: layers[0].name, right: options.other ? "other" : "image" }).turn(Boolean(options.other));

  // ---- from Python
  function show(contents) {
    const answer = ui.answered(contents.answer);
    if (answer && answer.nonce === sentAs) { // saved, or refused with a sentence: either way Python's word counts
      for (const [id, decision] of sent) {
        if (unsaved.get(id) !== decision) continue;
        unsaved.delete(id);
        if (answer.ok && decision.geometry && JSON.stringify(corrected.get(id)) === JSON.stringify(decision.geometry)) corrected.delete(id);
      }
    }
    again = contents.share && contents.share.again;
    me = contents.share ? contents.share.me : "";
    if (shown === "again" && !again) shown = "all";
    candidates = contents.candidates.map((item) => {
      const mine = unsaved.get(item.id);
      if (mine && Boolean(mine.reading) !== Boolean(item.again)) unsaved.delete(item.id); // said when it was the other
      else if (mine) return { ...item, status: mine.status, look_alike: mine.look_alike };
      return { ...item };
    });
    sort();
    ({ others, labels } = contents);
    if (suggest) suggest.show(contents.next);
    overlays.compareWith(labels.filter((label) => label.cls === "landslide" && label.status === "accepted").map((label) => label.geometry));
    if (unsaved.size && !ui.isWaiting()) dispatch(); // from before a reload
    redraw();
    list();
    details();
    if (share) share.show(contents.share, contents.answer);
  }
  Object.assign(ui.actions, { a: () => decide("accepted"), x: () => decide("rejected"), u: () => decide("unsure"), e: correction.toggle, z: undo, "ctrl+z": undo,
    n: () => move(1), p: () => move(-1), Delete: correction.removeCorner, Escape: () => (correction.draft() ? correction.toggle() : choose(null, false)) });
  options.lookAlikes.forEach((kind, i) => (ui.actions[String(i + 1)] = () => decide("rejected", kind)));
  list();
  details();
  Object.assign(icssn, { show, ui, candidates: () => candidates, current: () => current, painted: overlays.painted, unsaved: () => unsaved.size, settled: ui.settled });
};
