/* Handles on one polygon: corners to drag or remove, middles that become corners, and one handle to move it whole. A click
   chooses a corner; it stays chosen until the handles are cleared or the polygon has another number of corners.
   `follow(geometry)` shows it while a handle moves, `commit(geometry)` takes the result; `snap(latlng)` may move a corner. */
icssn.handles = function (map, ui, on) {
  "use strict";
  const { follow, commit, snap = (latlng) => latlng } = on;
  const MOST = 500; // more markers would make the page slow; zooming in shows the rest
  let markers = [], shown = null, corner = null;
  const icon = (kind, size) => L.divIcon({ className: kind, iconSize: [size, size] });

  function clear() {
    markers.forEach((marker) => marker.remove());
    markers = [];
    shown = corner = null;
  }
  const shape = (geometry) => icssn.rings(geometry).map((ring) => ring.length).join();
  function handle(at, kind, size, drag, geometry) {
    const marker = L.marker(at, { icon: icon(kind, size), draggable: true, keyboard: false, bubblingMouseEvents: false }).addTo(map);
    marker.on("drag", () => {
      const place = kind === "ic-move" ? marker.getLatLng() : snap(marker.getLatLng());
      if (!place.equals(marker.getLatLng())) marker.setLatLng(place);
      drag(place);
      follow(geometry);
    });
    marker.on("dragend", () => commit(geometry));
    marker.on("click", () => undefined); // else the map behind the handle would be clicked
    markers.push(marker);
    return marker;
  }
  function show(original) {
    const stays = shown && shape(shown) === shape(original) ? corner : null;
    clear();
    [shown, corner] = [original, stays];
    const view = map.getBounds().pad(0.1), geometry = structuredClone(original);
    if (original.type === "Point") {
      handle(icssn.latLngs(original), "ic-corner", 14, (at) => (geometry.coordinates = [at.lng, at.lat]), geometry);
      return;
    }
    let hidden = 0;
    icssn.rings(geometry).forEach((ring, r) => {
      for (let i = 0; i + 1 < ring.length; i++) { // the last point equals the first
        const here = L.latLng(ring[i][1], ring[i][0]), next = ring[i + 1];
        if (!view.contains(here)) continue;
        if (markers.length > MOST) { hidden++; continue; }
        const move = (at) => {
          ring[i] = [at.lng, at.lat];
          if (i === 0) ring[ring.length - 1] = ring[0];
        };
        const marker = handle(here, "ic-corner", 12, move, geometry);
        if (corner && corner.r === r && corner.i === i) marker.getElement().classList.add("ic-active");
        marker.on("click", (event) => {
          corner = { r, i };
          markers.forEach((other) => other.getElement() && other.getElement().classList.remove("ic-active"));
          marker.getElement().classList.add("ic-active");
          if (event.originalEvent.altKey) removeCorner();
        });
        marker.on("contextmenu", () => { corner = { r, i }; removeCorner(); });
        let added = false;
        handle([(ring[i][1] + next[1]) / 2, (ring[i][0] + next[0]) / 2], "ic-middle", 9, (at) => {
          if (!added) ring.splice(i + 1, 0, [at.lng, at.lat]);
          added = true;
          ring[i + 1] = [at.lng, at.lat];
        }, geometry);
      }
    });
    const from = icssn.rings(original), middle = L.polygon(icssn.latLngs(original)).getBounds().getCenter();
    handle(middle, "ic-move", 16, (at) => {
      const shift = [at.lng - middle.lng, at.lat - middle.lat];
      icssn.rings(geometry).forEach((ring, r) => ring.forEach((_, i) => (ring[i] = [from[r][i][0] + shift[0], from[r][i][1] + shift[1]])));
    }, geometry).getElement().title = ui.say("move_whole");
    if (hidden) ui.hint.textContent = ui.say("zoom_for_corners");
  }
  /** Remove the chosen corner; gives false where none is chosen. */
  function removeCorner() {
    if (!shown || !corner) return false;
    const geometry = structuredClone(shown), ring = icssn.rings(geometry)[corner.r];
    if (ring.length <= 4) ui.tell(ui.say("three_corners"), { bad: true });
    else {
      ring.splice(corner.i, 1);
      ring[ring.length - 1] = ring[0];
      corner = null;
      commit(geometry);
    }
    return true;
  }
  map.on("moveend", () => shown && show(shown));
  return { show, clear, removeCorner, corner: () => corner };
};
