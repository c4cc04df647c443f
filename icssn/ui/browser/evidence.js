/* What speaks for and against one candidate: scores, outline, shape, terrain along its axis, earlier rounds. Fetched
   from our own server when a candidate is looked at, and ahead for the next one; the queue never waits for it. */
icssn.evidence = function (map, ui) {
  "use strict";
  const { node } = icssn, { say, words } = ui, known = new Map(), WIDTH = 252, HEIGHT = 74;
  const box = node("aside", "ic-evidence", map.getContainer());
  L.DomEvent.disableClickPropagation(box);
  L.DomEvent.disableScrollPropagation(box);
  let asked = null, open = localStorage.getItem("icssn.evidence") !== "closed";

  const number = (value, digits = 0) => value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits });
  function fetched(id) {
    if (!known.has(id)) known.set(id, fetch(`../../evidence/${id}.json`).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null));
    return known.get(id);
  }
  function svg(parent, tag, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    parent.appendChild(made);
    return made;
  }
  /** Elevations along the axis from above the crown to below the toe; the candidate's own part is shaded. */
  function profile(parent, { distance_m, elevation_m, inside_m }) {
    const low = Math.min(...elevation_m), high = Math.max(...elevation_m), far = distance_m[distance_m.length - 1];
    const x = (m) => (m / far) * WIDTH, y = (m) => HEIGHT - 4 - ((m - low) / Math.max(high - low, 1)) * (HEIGHT - 10);
    const picture = svg(parent, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "ic-profile", role: "img", "aria-label": say("profile") });
    svg(picture, "rect", { x: x(inside_m[0]), y: 0, width: x(inside_m[1] - inside_m[0]), height: HEIGHT, class: "ic-own" });
    const line = distance_m.map((m, i) => `${x(m).toFixed(1)},${y(elevation_m[i]).toFixed(1)}`).join(" ");
    svg(picture, "polygon", { points: `0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`, class: "ic-ground" });
    svg(picture, "polyline", { points: line, class: "ic-surface" });
    const ends = node("div", "ic-ramp-ends", parent);
    for (const text of [`${number(elevation_m[0])} m`, say("profile_length", { length: number(far) }), `${number(elevation_m[elevation_m.length - 1])} m`]) node("span", "", ends, text);
  }
  function rows(parent, pairs) {
    const list = node("dl", "ic-pairs", parent);
    for (const [word, text] of pairs) {
      node("dt", "", list, say(word)).title = words[`tip_${word}`] || "";
      node("dd", "", list, text);
    }
  }
  function fill(item, found) {
    box.replaceChildren();
    const head = node("h2", "", box, say("evidence"));
    const fold = icssn.button(head, open ? "–" : "+", flip, { id: "ic-evidence" });
    fold.title = say("key_evidence");
    if (!open) return;
    const body = node("div", "", box), part = (word) => node("h3", "", body, say(word));
    if (found && found.profile) profile(body, found.profile);
    if (item.unknown > 0.05) node("p", "ic-check", body, say("check_nodata"));
    for (const check of (found && found.checks) || []) node("p", check.key === "plausible" ? "ic-check ic-fine" : "ic-check", body, say(`check_${check.key}`, check.values));
    part("part_scores");
    const calibrated = found && found.calibration ? [["right_before", say("right_share", found.calibration)]] : [];
    rows(body, [["score", item.score.toFixed(2)], ["mask_score", item.mask_score.toFixed(2)], ["classifier_score", item.classifier_score.toFixed(2)], ...calibrated]);
    part("part_shape");
    const band = item.band_m === null ? [] : [["band_width", `± ${number(item.band_m / 2, 1)} m`]];
    const m = (found && found.measures) || {}, given = (word, value, text) => (value === undefined || value === null ? [] : [[word, text(value)]]);
    rows(body, [["area", icssn.areaText(item.area)], ...band,
      ...given("length", m.length_m, (v) => `${number(v)} m`), ...given("width", m.width_m, (v) => `${number(v)} m`),
      ...given("azimuth", m.azimuth_deg, (v) => `${number(v)}°`), ...given("slope", m.slope_deg, (v) => `${number(v)}°`), ...given("relief", m.relief_m, (v) => `${number(v)} m`)]);
    if (found && found.history.length) {
      part("part_history");
      for (const then of found.history) node("div", "ic-quiet", body, say(then.score === null ? "history_absent" : "history_line", { ...then, score: then.score === null ? "" : then.score.toFixed(2), overlap: Math.round(100 * then.overlap) }));
    }
    if (found && !found.profile) node("p", "ic-quiet", body, say("no_terrain"));
  }
  function show(item) {
    box.style.display = item ? "" : "none";
    asked = item ? item.id : null;
    if (!item) return;
    fill(item, null);
    if (open) fetched(item.id).then((found) => asked === item.id && fill(item, found));
    box.item = item;
  }
  function flip() {
    open = !open;
    localStorage.setItem("icssn.evidence", open ? "open" : "closed");
    show(box.item);
  }
  ui.actions.i = () => box.item && flip();
  show(null);
  return { show, room: () => (open ? 290 : 0), prepare: (item) => open && fetched(item.id) };
};
