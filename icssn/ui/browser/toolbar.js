/* The bar above the map: the pens, what can be done with what is chosen, undo and redo, Save. `on`: kinds (of labels), ledger,
   pen, verbs, only(), chosen(), isSaving(), draw(kind), cutWith(kind), escape(), travel(forth), save(). */
icssn.toolbar = function (ui, on) {
  "use strict";
  const { node } = icssn, { say } = ui, { kinds, ledger, pen, verbs, only } = on;
  const groups = ["tools", "shaping", "steps", "keep"].map((name) => node("div", `ic-group ic-${name}`));
  const [tools, shaping, steps, keep] = groups;
  ui.bar.prepend(...groups, node("div", "ic-break"));

  const button = (parent, word, act, more = {}) => icssn.button(parent, say(word), act, { id: `ic-${word}`, ...more });
  const penButton = (parent, kind, word, start, key = "") => [kind, button(parent, word, () => (pen.kind() === kind ? on.escape() : start(kind)), { key })];
  const drawing = kinds.map((kind) => penButton(tools, kind, `draw_${kind}`, on.draw, { landslide: "D", landslide_point: "T" }[kind]));
  const reshape = penButton(tools, "reshape", "reshape", on.cutWith, "R"); // needs nothing chosen
  const cutting = [["split", "K"], ["cut", "O"]].map(([kind, key]) => penButton(shaping, kind, kind, on.cutWith, key));
  const merge = button(shaping, "merge", () => verbs.merge(on.chosen()), { key: "M" });
  const [fill, simplify, smooth] = ["fill", "simplify", "smooth"].map((verb) => button(shaping, verb, () => only() && verbs[verb](only())));
  const undo = button(steps, "undo", () => on.travel(false)), redo = button(steps, "redo", () => on.travel(true));
  const save = button(keep, "save", on.save, { className: "ic-primary" });
  [undo.title, redo.title, save.title] = ["Ctrl+Z", "Ctrl+Y", "Ctrl+S"];

  const hasHole = ({ geometry }) => icssn.rings(geometry).length > (geometry.type === "Polygon" ? 1 : geometry.coordinates.length);
  const show = (made, wanted) => (made.style.display = wanted ? "" : "none");
  /** Show what can be done now. */
  function update() {
    const state = only() && ledger.get(only()), outline = state && state.cls !== "landslide_point" ? state : null, count = ledger.pending().length;
    for (const [kind, made] of [...drawing, reshape, ...cutting]) made.setAttribute("aria-pressed", pen.kind() === kind);
    show(shaping, on.chosen().length);
    for (const made of [...cutting.map(([, cutter]) => cutter), simplify, smooth]) show(made, outline);
    show(fill, outline && hasHole(outline));
    show(merge, on.chosen().length > 1);
    undo.disabled = pen.job() ? !pen.corners() : !ledger.canUndo();
    redo.disabled = pen.job() ? !pen.ahead() : !ledger.canRedo();
    save.textContent = on.isSaving() ? say("saving") : count ? say("save_count", { count }) : say("saved");
    save.disabled = on.isSaving() || !count;
  }
  return { update };
};
