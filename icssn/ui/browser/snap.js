/* Snapping: a place near a corner or an edge of another label moves onto it, so that neighbours share their border. */
icssn.snap = function (map, ui, on) {
  "use strict";
  const { labels } = on;
  const CORNER_PX = 10, EDGE_PX = 7;
  const mark = L.circleMarker([0, 0], { radius: 7, color: "#0f6e84", weight: 2.5, fill: false, interactive: false });
  const boxes = new WeakMap(); // geometry → bounds
  let active = localStorage.getItem("icssn.snap") !== "off";

  function bounds(geometry) {
    if (!boxes.has(geometry)) boxes.set(geometry, L.latLngBounds(icssn.rings(geometry).flatMap((ring) => ring.map(([lon, lat]) => [lat, lon]))));
    return boxes.get(geometry);
  }
  function near(latlng, but) {
    const here = map.latLngToContainerPoint(latlng);
    const reach = L.latLngBounds(map.containerPointToLatLng(here.subtract([CORNER_PX, CORNER_PX])), map.containerPointToLatLng(here.add([CORNER_PX, CORNER_PX])));
    const px = ([lon, lat]) => map.latLngToContainerPoint([lat, lon]);
    let corner = null, edge = null;
    for (const label of labels()) {
      if (label.uid === but || label.geometry.type === "Point" || !bounds(label.geometry).intersects(reach)) continue;
      for (const ring of icssn.rings(label.geometry)) {
        for (let i = 0; i < ring.length; i++) {
          const a = px(ring[i]), far = a.distanceTo(here);
          if (far < CORNER_PX && (!corner || far < corner.far)) corner = { far, at: L.latLng(ring[i][1], ring[i][0]) };
          if (i + 1 >= ring.length) continue;
          const b = px(ring[i + 1]), along = b.subtract(a), length = along.x ** 2 + along.y ** 2;
          const t = length ? ((here.x - a.x) * along.x + (here.y - a.y) * along.y) / length : -1;
          if (t <= 0 || t >= 1) continue;
          const gap = a.add(along.multiplyBy(t)).distanceTo(here);
          if (gap < EDGE_PX && (!edge || gap < edge.far))
            edge = { far: gap, at: L.latLng(ring[i][1] + t * (ring[i + 1][1] - ring[i][1]), ring[i][0] + t * (ring[i + 1][0] - ring[i][0])) };
        }
      }
    }
    return (corner || edge || {}).at;
  }
  /** The place to use for a place of the mouse; `but` is the label that does not attract itself. */
  function place(latlng, but = null) {
    const found = active && near(latlng, but);
    if (found) mark.setLatLng(found).addTo(map);
    else mark.remove();
    return found || latlng;
  }
  function toggle() {
    active = !active;
    localStorage.setItem("icssn.snap", active ? "on" : "off");
    mark.remove();
    ui.tell(ui.say(active ? "snap_on" : "snap_off"));
    return active;
  }
  return { place, toggle, hide: () => mark.remove(), isOn: () => active };
};
