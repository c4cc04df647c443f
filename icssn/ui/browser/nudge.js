/* The arrow keys move what is chosen by a screen pixel, with Shift by ten: the chosen corner, else whole labels. Presses that
   follow each other closely are one step of undo. `on`: ledger, handles, chosen(), isDrawing(). */
icssn.nudge = function (map, on) {
  "use strict";
  const { ledger, handles, chosen, isDrawing } = on, PAUSE_MS = 800;
  const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  let burst = null, last = 0;

  /** Give a place [longitude, latitude] so many screen pixels further. */
  function moved([lon, lat], by) {
    const { lng, lat: up } = map.unproject(map.project([lat, lon]).add(by));
    return [+lng.toFixed(8), +up.toFixed(8)];
  }
  function shifted(original, by, corner) {
    const geometry = structuredClone(original);
    if (geometry.type === "Point") geometry.coordinates = moved(geometry.coordinates, by);
    else if (corner) {
      const ring = icssn.rings(geometry)[corner.r];
      ring[corner.i] = moved(ring[corner.i], by);
      if (corner.i === 0) ring[ring.length - 1] = ring[0];
    } else icssn.rings(geometry).forEach((ring) => ring.forEach((place, i) => (ring[i] = moved(place, by))));
    return geometry;
  }
  function nudge(event) {
    if (!chosen().length || isDrawing()) return; // Leaflet moves the map
    event.stopImmediatePropagation();
    const by = WAYS[event.key].map((way) => way * (event.shiftKey ? 10 : 1)), corner = handles.corner(), now = Date.now();
    if (now - last > PAUSE_MS) burst = {};
    last = now;
    ledger.change(chosen().map((uid) => {
      const state = ledger.get(uid), geometry = shifted(state.geometry, by, corner);
      return [uid, { ...state, geometry, area: icssn.area(geometry) }];
    }), burst);
  }
  return { actions: Object.fromEntries(Object.keys(WAYS).map((key) => [key, nudge])) };
};
