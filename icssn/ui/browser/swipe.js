/* A bar to drag across the map: one layer left of it, another one right of it; the others are hidden meanwhile.
   `layers`: [{name, text, panes, layer, resting}]; `resting()` says whether a layer shows when the bar is away: its
   `layer` is on the map then, or, where there is none, its panes are seen. A layer without panes is the bare image.
   `parent` takes the button, else it stands above the map. */
icssn.swipe = function (map, ui, settings) {
  "use strict";
  const { node, button } = icssn, { say } = ui, { layers } = settings, sides = { left: settings.left, right: settings.right };
  let at = 0.5, on = false;
  const bar = node("div", "ic-swipe"), picks = {};
  for (const side of ["left", "right"]) {
    const box = (picks[side] = node("div", "ic-side")), pick = node("select", "", box);
    pick.setAttribute("aria-label", say(`swipe_${side}`));
    for (const { name, text } of layers) node("option", "", pick, text).value = name;
    pick.value = sides[side];
    pick.addEventListener("change", () => { sides[side] = pick.value; show(); pick.blur(); });
    L.DomEvent.disableClickPropagation(box);
  }
  function clip() {
    const size = map.getSize(), x = size.x * at, corner = map.containerPointToLayerPoint([0, 0]), end = map.containerPointToLayerPoint(size);
    for (const { name, panes, layer, resting } of layers) {
      const onLeft = sides.left === name, onRight = sides.right === name;
      for (const pane of panes.map((wanted) => map.getPane(wanted)).filter(Boolean)) {
        pane.style.visibility = (on ? onLeft || onRight : layer || resting()) ? "" : "hidden";
        pane.style.clip = on ? `rect(${corner.y}px, ${onRight ? end.x : corner.x + x}px, ${end.y}px, ${onLeft ? corner.x : corner.x + x}px)` : "";
      }
    }
    bar.style.left = `${x}px`;
    picks.left.style.right = `${size.x - x + 16}px`;
    picks.right.style.left = `${x + 16}px`;
  }
  function show() {
    for (const { name, layer, resting } of layers)
      if (layer) on ? Object.values(sides).includes(name) && layer.addTo(map) : resting() || layer.remove();
    if (on) map.getContainer().append(bar, picks.left, picks.right);
    else for (const part of [bar, picks.left, picks.right]) part.remove();
    toggle.setAttribute("aria-pressed", on);
    clip();
  }
  L.DomEvent.disableClickPropagation(bar);
  bar.addEventListener("pointerdown", (event) => { bar.setPointerCapture(event.pointerId); event.preventDefault(); });
  bar.addEventListener("pointermove", (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    at = Math.max(0.02, Math.min(0.98, (event.clientX - map.getContainer().getBoundingClientRect().left) / map.getSize().x));
    clip();
  });
  map.on("move zoom viewreset resize", clip);
  const group = settings.parent || node("div", "ic-group");
  if (!settings.parent) ui.bar.prepend(group);
  const turn = (wanted) => { on = wanted; show(); };
  const toggle = button(group, say("swipe"), () => turn(!on), { key: "S", id: "ic-swipe" });
  ui.actions.s = () => turn(!on);
  turn(false);
  return { turn };
};
