/* Where to label next: Python is asked once, its windows are drawn, and one click keeps a window as a label area. */
icssn.suggest = function (map, ui) {
  "use strict";
  const { node, button } = icssn, { say } = ui;
  const section = node("section", "ic-suggestions"), group = node("div", "ic-group"), drawn = L.layerGroup().addTo(map);
  ui.panel.prepend(section);
  ui.bar.prepend(group);
  let shown = null, hidden = false;
  function ask() { // asked for once; then the key shows and hides
    if (shown) { hidden = !hidden; return draw(); }
    toggle.disabled = true;
    return ui.send({ event: "suggest" });
  }
  const toggle = button(group, say("where_next"), ask, { key: "L", id: "ic-suggest" });
  ui.actions.l = () => !toggle.disabled && ask();
  const bounds = (geometry) => L.polygon(icssn.latLngs(geometry)).getBounds();

  function show(found) { // {areas: [{geometry, reasons}], gain: sentence}, or nothing while nobody asked
    shown = found;
    toggle.disabled = false;
    draw();
  }
  function draw() {
    const found = hidden ? null : shown;
    section.replaceChildren();
    drawn.clearLayers();
    section.style.display = found ? "" : "none";
    if (!found) return;
    node("h2", "", section, say("where_next"));
    if (!found.areas.length) node("p", "ic-quiet", section, say("nowhere_next"));
    found.areas.forEach(({ geometry, reasons }, i) => {
      L.polygon(icssn.latLngs(geometry), { ...ui.styles.proposed_area, interactive: false }).addTo(drawn)
        .bindTooltip(String(i + 1), { permanent: true, direction: "center", className: "ic-number" });
      const row = node("div", "ic-suggestion", section), look = node("button", "ic-link", row, `${i + 1}  ${reasons.map((key) => say(`next_${key}`)).join(" · ")}`);
      look.addEventListener("click", () => map.flyToBounds(bounds(geometry).pad(0.3), { duration: 0.4 }));
      button(row, say("propose"), () => ui.send({ event: "propose", geometry }));
    });
    node("p", "ic-quiet", section, found.gain);
  }
  show(null);
  return { show };
};
