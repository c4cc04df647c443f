/* The review map: probability over the image, candidates to decide on, and a swipe between two predictions.
   Threshold and opacity act on tiles that are already here: no request, no rerun. */
icssn.review = function (map, options) {
  "use strict";
  const { node, button } = icssn, ui = icssn.stage(map, options), { say } = ui, home = L.latLngBounds(options.bounds);
  let candidates = [], others = [], labels = [], current = null, choosing = false, threshold = options.main ? options.main.threshold : 0.5;
  let mode = "mask";
  const unsaved = new Map(); // candidate id → decision not yet acknowledged

  // ---- probabilities: tiles of values (0–254; transparent where there is none), coloured here
  const colour = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  function ramp(t) { // between the stops of `options.ramp`
    const stops = options.ramp.map(colour), at = t * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
    return stops[i].map((v, c) => Math.round(v + (stops[i + 1][c] - v) * (at - i)));
  }
  function table() { // one 32-bit colour (little-endian ABGR) per stored value
    const out = new Uint32Array(256), mask = colour(options.mask);
    for (let v = 0; v < 255; v++) {
      const p = v / 254;
      if (p < threshold && (mode === "mask" || threshold > 0)) continue;
      const [r, g, b] = mode === "mask" ? mask : ramp(p), alpha = mode === "mask" ? 255 : Math.round(255 * Math.min(1, p * 2));
      out[v] = ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
    }
    return out;
  }
  let colours = table();
  const Values = L.GridLayer.extend({
    createTile(at, done) {
      const tile = document.createElement("canvas"), image = new Image();
      tile.width = tile.height = 256;
      image.onload = () => {
        const pen = tile.getContext("2d", { willReadFrequently: true });
        pen.drawImage(image, 0, 0, 256, 256);
        const pixels = pen.getImageData(0, 0, 256, 256).data;
        tile.values = Uint8Array.from({ length: 65536 }, (_, i) => (pixels[4 * i + 3] > 127 ? pixels[4 * i] : 255));
        this.paint(tile);
        done(null, tile);
      };
      image.onerror = () => done(null, tile); // nothing there
      image.src = L.Util.template(this.options.url, at);
      return tile;
    },
    paint(tile) {
      if (!tile.values) return;
      const pen = tile.getContext("2d"), picture = pen.createImageData(256, 256), out = new Uint32Array(picture.data.buffer);
      for (let i = 0; i < 65536; i++) out[i] = colours[tile.values[i]];
      pen.putImageData(picture, 0, 0);
    },
    repaint() { for (const { el } of Object.values(this._tiles)) this.paint(el); },
  });
  function values(prediction, pane, zIndex) {
    ui.pane(pane, zIndex, true);
    return new Values({ url: prediction.url, pane, bounds: home, maxNativeZoom: prediction.zoom, maxZoom: 24, opacity: 0.55 });
  }
  const mainLayer = options.main && values(options.main, "ic-values", 350);
  const otherLayer = options.other && values(options.other, "ic-other", 351);
  const recolour = () => {
    colours = table();
    for (const layer of [mainLayer, otherLayer]) if (layer) layer.repaint();
  };

  // ---- layer rows: overlay, its kind, opacity, threshold
  let overlay = null;
  if (mainLayer) {
    overlay = ui.layerRow(say("overlay"), mainLayer, { opacity: 0.55 });
    overlay.box.addEventListener("change", () => otherLayer && (overlay.box.checked ? otherLayer.addTo(map) : otherLayer.remove()));
    overlay.slider.addEventListener("input", () => otherLayer && otherLayer.setOpacity(+overlay.slider.value));
    if (otherLayer) otherLayer.addTo(map);
    const kind = node("div", "ic-slider"), pick = node("select", "");
    node("span", "", kind, say("show_as"));
    kind.appendChild(pick);
    pick.setAttribute("aria-label", say("show_as"));
    for (const value of ["mask", "probability"]) node("option", "", pick, say(value)).value = value;
    pick.addEventListener("change", () => { mode = pick.value; scale.style.display = mode === "mask" ? "none" : ""; recolour(); pick.blur(); });
    const row = node("div", "ic-slider"), text = node("span", "", row), slider = node("input", "", row);
    Object.assign(slider, { type: "range", min: 0, max: 1, step: 0.01, value: threshold, id: "ic-threshold" });
    slider.setAttribute("aria-label", say("threshold"));
    const showValue = () => (text.textContent = `${say("threshold")} ${threshold.toFixed(2)}`);
    const setThreshold = (value) => {
      threshold = Math.max(0, Math.min(1, value));
      slider.value = threshold;
      showValue();
      recolour();
    };
    slider.addEventListener("input", () => setThreshold(+slider.value));
    showValue();
    const scale = node("div", "");
    scale.style.display = "none";
    node("div", "ic-ramp", scale).style.background = `linear-gradient(to right, ${options.ramp.join(", ")})`;
    const ends = node("div", "ic-ramp-ends", scale);
    for (const end of ["0", say("probability"), "1"]) node("span", "", ends, end);
    ui.legend.before(kind, row, scale);
    Object.assign(ui.actions, { "[": () => setThreshold(threshold - 0.02), "]": () => setThreshold(threshold + 0.02) });
  }

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
    for (const label of labels) {
      const style = ui.styles[label.cls];
      casing(label.geometry, style.weight, canvas.casing, background, "ic-casing");
      line(label.geometry, { ...style, fillOpacity: 0 }, canvas.casing, background, "ic-casing");
    }
    for (const item of others) {
      casing(item.geometry, ui.styles.other.weight, canvas.other, drawn, "ic-other-outlines");
      line(item.geometry, ui.styles.other, canvas.other, drawn, "ic-other-outlines");
    }
    for (const item of candidates) draw(item);
  }
  function draw(item) {
    for (const old of shapes.get(item.id) || []) drawn.removeLayer(old);
    const style = { ...ui.styles[item.status] };
    if (item.id === current) Object.assign(style, { color: "#fff", weight: 4 });
    const outline = line(item.geometry, { ...style, fill: true }, canvas.main, drawn, "ic-outlines");
    outline.on("click", () => choose(item.id, false));
    shapes.set(item.id, [casing(item.geometry, style.weight, canvas.mainCasing, drawn, "ic-main-casing"), outline]);
  }

  // ---- the queue
  const card = node("section", "ic-details"), rows = node("section", "ic-list");
  ui.panel.prepend(card, rows);
  const find = (id) => candidates.find((item) => item.id === id);
  const openOnes = () => candidates.filter((item) => item.status === "open");
  function list() {
    rows.replaceChildren();
    const head = node("h2", "", rows, say("candidates"));
    node("span", "", head, say("open_count", { open: openOnes().length, all: candidates.length }));
    if (!candidates.length) node("div", "ic-empty", rows, say(options.main ? "candidates_empty" : "prediction_none"));
    candidates.forEach((item, index) => {
      const row = node("div", `ic-row${item.id === current ? " ic-chosen" : ""}`, rows);
      row.tabIndex = 0;
      row.setAttribute("role", "button");
      row.dataset.id = item.id;
      icssn.swatch(row, ui.styles[item.status]);
      const word = item.status === "rejected" ? say(`look_${item.look_alike || "other"}`) : say(`status_${item.status}`);
      node("span", "ic-what", row, `${index + 1}  ${word}${unsaved.has(item.id) ? " •" : ""}`);
      node("span", "ic-area", row, `${item.score.toFixed(2)} · ${icssn.areaText(item.area)}`);
      row.addEventListener("click", () => choose(item.id, true));
      row.addEventListener("keydown", (event) => event.key === "Enter" && choose(item.id, true));
      if (item.id === current) setTimeout(() => row.scrollIntoView({ block: "nearest" }));
    });
  }
  function details() {
    card.replaceChildren();
    const item = find(current);
    card.style.display = candidates.length ? "" : "none";
    if (!item) {
      if (openOnes().length) button(node("div", "ic-buttons", card), say("begin"), () => move(1), { className: "ic-primary", key: "N", id: "ic-begin" });
      else node("span", "ic-quiet", card, candidates.length ? say("all_decided") : "");
      return;
    }
    const title = node("h2", "", card, say("candidate", { number: candidates.indexOf(item) + 1 }));
    node("span", "", title, say(`status_${item.status}`));
    const pairs = node("dl", "ic-pairs", card);
    for (const [word, text] of [["score", item.score.toFixed(2)], ["mask_score", item.mask_score.toFixed(2)],
                                ["classifier_score", item.classifier_score.toFixed(2)], ["area", icssn.areaText(item.area)]]) {
      node("dt", "", pairs, say(word));
      node("dd", "", pairs, text);
    }
    if (choosing) {
      node("h2", "", card, say("what_is_it"));
      const kinds = node("div", "ic-buttons", card);
      options.lookAlikes.forEach((kind, i) => button(kinds, say(`look_${kind}`), () => decide("rejected", kind), { key: String(i + 1) }));
      button(kinds, say("back"), () => { choosing = false; details(); }, { key: "Esc" });
      return;
    }
    const buttons = node("div", "ic-three", card), ways = node("div", "ic-two", card);
    button(buttons, say("accept"), () => decide("accepted"), { className: "ic-primary", key: "A", id: "ic-accept" });
    button(buttons, say("reject"), reject, { key: "X", id: "ic-reject" });
    button(buttons, say("unsure"), () => decide("unsure"), { key: "U", id: "ic-unsure" });
    button(ways, say("previous"), () => move(-1), { key: "P", id: "ic-previous" });
    button(ways, say("next"), () => move(1), { key: "N", id: "ic-next" });
  }
  function choose(id, fly) {
    const before = find(current);
    current = id;
    choosing = false;
    if (before) draw(before);
    const item = find(id);
    if (item) {
      draw(item);
      if (fly) map.flyToBounds(L.polygon(icssn.latLngs(item.geometry)).getBounds().pad(0.8), { duration: 0.4, maxZoom: 19 });
    }
    list();
    details();
  }
  function move(by) {
    const wanted = openOnes().length ? openOnes() : candidates;
    if (!wanted.length) return;
    const here = candidates.findIndex((item) => item.id === current), n = candidates.length;
    for (let k = 1; k <= n; k++) {
      const item = candidates[(((here < 0 && by < 0 ? 0 : here) + by * k) % n + n) % n];
      if (wanted.includes(item)) { choose(item.id, true); return; }
    }
  }
  function reject() {
    if (!find(current)) return;
    choosing = true;
    details();
  }
  function decide(status, look_alike = "") {
    const item = find(current);
    if (!item) return;
    Object.assign(item, { status, look_alike });
    unsaved.set(item.id, { candidate_id: item.id, status, look_alike });
    draw(item);
    ui.send({ event: "decide", decisions: [...unsaved.values()] });
    choosing = false;
    if (openOnes().length) move(1);
    else choose(item.id, false);
  }

  // ---- swipe: the main prediction left of the bar, the other one (or the bare image) right of it
  let at = 0.5, swiping = false;
  const bar = node("div", "ic-swipe"), left = node("div", "ic-side"), right = node("div", "ic-side");
  function clip() {
    const size = map.getSize(), x = size.x * at, corner = map.containerPointToLayerPoint([0, 0]), end = map.containerPointToLayerPoint(size);
    const middle = corner.x + x, put = (name, from, to) => {
      const pane = map.getPane(name);
      if (pane) pane.style.clip = swiping ? `rect(${corner.y}px, ${to}px, ${end.y}px, ${from}px)` : "";
    };
    for (const name of ["ic-values", "ic-main-casing", "ic-outlines"]) put(name, corner.x, middle);
    for (const name of ["ic-other", "ic-other-outlines"]) put(name, middle, end.x);
    bar.style.left = `${x}px`;
    left.style.right = `${size.x - x + 16}px`;
    right.style.left = `${x + 16}px`;
  }
  function swipe(on) {
    swiping = on;
    for (const name of ["ic-other", "ic-other-outlines"]) if (map.getPane(name)) map.getPane(name).style.visibility = on ? "" : "hidden";
    if (on) [bar, left, right].forEach((part) => map.getContainer().appendChild(part));
    else [bar, left, right].forEach((part) => part.remove());
    swipeButton.setAttribute("aria-pressed", on);
    clip();
  }
  L.DomEvent.disableClickPropagation(bar);
  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  bar.addEventListener("pointermove", (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    at = Math.max(0.02, Math.min(0.98, (event.clientX - map.getContainer().getBoundingClientRect().left) / map.getSize().x));
    clip();
  });
  map.on("move zoom viewreset resize", clip);
  const group = node("div", "ic-group");
  ui.bar.prepend(group);
  const swipeButton = button(group, say("swipe"), () => swipe(!swiping), { key: "S", id: "ic-swipe" });
  group.style.display = options.main ? "" : "none";
  left.textContent = options.main ? options.main.name : "";
  right.textContent = options.other ? options.other.name : say("bare_image");
  swipe(Boolean(options.other));

  // ---- from Python
  function show(contents) {
    const answer = ui.answered(contents.answer);
    if (answer) unsaved.clear(); // saved, or refused with a sentence: either way Python's word counts
    candidates = contents.candidates.map((item) => {
      const mine = unsaved.get(item.id);
      return mine ? { ...item, status: mine.status, look_alike: mine.look_alike } : { ...item };
    });
    others = contents.others;
    labels = contents.labels;
    redraw();
    list();
    details();
  }
  Object.assign(ui.actions, { a: () => !choosing && decide("accepted"), x: reject, u: () => !choosing && decide("unsure"), n: () => move(1), p: () => move(-1),
    s: () => options.main && swipe(!swiping), Escape: () => (choosing ? ((choosing = false), details()) : choose(null, false)) });
  options.lookAlikes.forEach((kind, i) => (ui.actions[String(i + 1)] = () => choosing && decide("rejected", kind)));
  list();
  details();
  icssn.show = show;
  icssn.ui = ui;
  icssn.candidates = () => candidates;
  icssn.painted = () => Object.values(mainLayer._tiles).reduce((sum, { el }) => // pixels of the overlay that are coloured now
    sum + (el.values || []).reduce((n, v) => n + (colours[v] ? 1 : 0), 0), 0);
};
