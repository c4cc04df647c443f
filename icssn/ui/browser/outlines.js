/* The labels as lines on the map: a dark casing below, the line of their class above, broken where the mapper was less than
   sure, as on geological maps; rejected and proposed ones thinner.
   `clicked(uid, event)` and `doubled(event)` are told what the mouse does on one. */
icssn.outlines = function (map, ui, on) {
  "use strict";
  const { clicked, doubled } = on;
  ui.pane("ic-casing", 390, true);
  const casings = L.canvas({ pane: "ic-casing" }), shapes = new Map();

  function styleOf(state, chosen) {
    const style = { ...icssn.styleOf(ui, state) };
    if (state.status === "proposed") Object.assign(style, { dashArray: "8 5", fillOpacity: 0.04 });
    if (state.status === "rejected") Object.assign(style, { weight: 1.2, opacity: 0.7, dashArray: "1 5", fillOpacity: 0 });
    if (chosen) Object.assign(style, { weight: style.weight + 1.5, color: "#fff", dashArray: null, opacity: 1 });
    return style;
  }
  const isPoint = (geometry) => geometry.type === "Point";
  const layer = (geometry, style) => (isPoint(geometry) ? L.circleMarker(icssn.latLngs(geometry), { ...style, radius: 8 }) : L.polygon(icssn.latLngs(geometry), style));
  /** Show a label as it is now, or take it away where `state` is null. */
  function draw(uid, state, chosen) {
    const old = shapes.get(uid);
    if (old) old.forEach((line) => line.remove());
    shapes.delete(uid);
    if (!state) return;
    const style = styleOf(state, chosen), below = { renderer: casings, pane: "ic-casing", color: "#000", opacity: 0.45, weight: style.weight + 2, fill: false, interactive: false };
    const casing = layer(state.geometry, below), line = layer(state.geometry, { ...style, fill: style.fill ?? true, fillColor: style.color, bubblingMouseEvents: false });
    line.on("click", (event) => clicked(uid, event));
    line.on("dblclick", (event) => { doubled(event); L.DomEvent.stop(event); });
    shapes.set(uid, [casing.addTo(map), line.addTo(map)]);
    if (state.cls === "label_area") line.bringToBack();
  }
  const follow = (uid, geometry) => shapes.get(uid).forEach((line) => (isPoint(geometry) ? line.setLatLng(icssn.latLngs(geometry)) : line.setLatLngs(icssn.latLngs(geometry))));

  // ---- ghosts: outlines shown for comparison only
  const ghosts = L.layerGroup().addTo(map);
  function ghost(geometry, style) {
    const more = { fill: false, interactive: false };
    layer(geometry, { color: "#000", opacity: 0.5, weight: style.weight + 2, ...more }).addTo(ghosts);
    return layer(geometry, { ...style, ...more }).addTo(ghosts);
  }
  const bounds = (geometry) => (isPoint(geometry) ? L.latLngBounds([icssn.latLngs(geometry)]) : L.polygon(icssn.latLngs(geometry)).getBounds());
  return { draw, follow, ghost, bounds, clearGhosts: () => ghosts.clearLayers(), fly: (geometry) => map.flyToBounds(bounds(geometry).pad(0.6), { maxZoom: 19, duration: 0.25 }) };
};
