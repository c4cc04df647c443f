/* The part of a scene that a prediction looked at: a frame around it, and a veil over the ground that no model has seen
   there, so that nobody takes its emptiness for ground without landslides. */
icssn.part = function (map, ui, scene, prediction, pane) {
  "use strict";
  if (!prediction || !prediction.part) return;
  ui.pane(pane, 340, true);
  const renderer = L.canvas({ pane }), within = L.latLngBounds(prediction.part), corners = (bounds) =>
    [bounds.getSouthWest(), bounds.getNorthWest(), bounds.getNorthEast(), bounds.getSouthEast()];
  const shared = { pane, renderer, interactive: false };
  L.polygon([corners(L.latLngBounds(scene)), corners(within)], { ...shared, stroke: false, fillColor: "#000", fillOpacity: 0.35 }).addTo(map);
  L.rectangle(within, { ...shared, color: "#000", opacity: 0.45, weight: ui.styles.part.weight + 2, fill: false }).addTo(map);
  L.rectangle(within, { ...shared, ...ui.styles.part }).addTo(map);
};
