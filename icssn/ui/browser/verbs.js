/* Changes of outlines that need sound geometry: reshape, split, merge, cut, fill, simplify, smooth. Shapely on the server
   does them (POST outlines/{verb}); nothing is stored there, the result is one step in the ledger. `on`: ledger, select(uids),
   title(state). */
icssn.verbs = function (map, ui, on) {
  "use strict";
  const { ledger, select, title } = on;
  const { say } = ui;
  const NEAR_PX = 12; // so far short of the boundary a line may stop
  const corners = (geometry) => icssn.rings(geometry).reduce((n, ring) => n + ring.length - 1, 0);

  async function ask(verb, polygons, more = {}) {
    try {
      return await icssn.server.ask(`outlines/${verb}`, { polygons, ...more });
    } catch (err) {
      const known = err.status === 422 ? `refused_${verb}` : err.status ? null : "unreachable";
      ui.tell(known ? say(known) : err.message, { bad: true });
      return null;
    }
  }
  const shaped = (state, answer, i = 0) => ({ ...state, geometry: answer.polygons[i], area: answer.areas[i] });
  const piece = (state, answer, i) => ({ ...shaped(state, answer, i), uid: icssn.newId(), version: 0 });

  /** Apply a verb to one label; `line` is what was drawn. Gives whether it was done. */
  async function one(verb, uid, more = {}) {
    const state = ledger.get(uid);
    if (!state) return false;
    const answer = await ask(verb, [state.geometry], more);
    if (!answer || ledger.get(uid) !== state) return false; // refused, or edited meanwhile
    const pieces = answer.polygons.slice(1).map((_, k) => piece(state, answer, k + 1));
    ledger.change([[uid, shaped(state, answer)], ...pieces.map((made) => [made.uid, made])]);
    select([uid, ...pieces.map((made) => made.uid)]);
    if (verb === "split") ui.tell(say("did_split", { count: answer.polygons.length }));
    else {
      const change = (answer.areas[0] / answer.before - 1) * 100;
      const percent = `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(1)} %`;
      ui.tell(say("did_reshape", { before: corners(state.geometry), after: corners(answer.polygons[0]), percent, area: icssn.areaText(answer.areas[0]) }));
    }
    return true;
  }
  /** The label that a line is drawn for where none is chosen; says why where there is no such one. */
  function meant(line) {
    const best = icssn.crossed(map, ledger.all(), line, NEAR_PX);
    if (best.length === 1) return best[0].uid;
    ui.tell(best.length ? say("reshape_tie", { labels: best.slice(0, 3).map(title).join(", ") }) : say("refused_reshape"), { bad: true });
    return null;
  }
  /** Make one label of several; the first chosen one keeps its number and attributes. */
  async function merge(uids) {
    const states = uids.map(ledger.get);
    if (states.length < 2) return void ui.tell(say("merge_needs_two"), { bad: true });
    if (states.some((state) => state.cls !== states[0].cls)) return void ui.tell(say("merge_one_class"), { bad: true });
    const answer = await ask("merge", states.map((state) => state.geometry));
    if (!answer || states.some((state) => ledger.get(state.uid) !== state)) return;
    const attributes = Object.assign({}, ...states.map((state) => state.attributes).reverse());
    ledger.change([[uids[0], { ...shaped(states[0], answer), attributes }], ...uids.slice(1).map((uid) => [uid, null])]);
    select([uids[0]]);
    ui.tell(say("did_merge", { count: states.length, area: icssn.areaText(answer.areas[0]) }));
  }
  /** How coarse is fine enough at this zoom: the ground length of some screen pixels, m. */
  const reach = (px) => {
    const middle = map.getCenter(), step = map.containerPointToLatLng(map.latLngToContainerPoint(middle).add([100, 0]));
    return (map.distance(middle, step) / 100) * px;
  };
  return { reach, reshape: (uid, line) => one("reshape", uid || meant(line), { line, reach_m: reach(NEAR_PX) }), split: (uid, line) => one("split", uid, { line, reach_m: reach(NEAR_PX) }), cut: (uid, line) => one("cut", uid, { line }),
    fill: (uid) => one("fill", uid), simplify: (uid) => one("simplify", uid, { reach_m: reach(1.5) }), smooth: (uid) => one("smooth", uid, { reach_m: reach(8) }), merge };
};
