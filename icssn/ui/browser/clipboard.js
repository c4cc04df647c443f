/* Copies of labels, kept in this browser, so that they can be put down in another tab or scene. `on`: ledger, outlines,
   select(uids), chosen(), isDrawing(). */
icssn.clipboard = function (map, ui, on) {
  "use strict";
  const { ledger, outlines, select, chosen, isDrawing } = on, KEPT = "icssn.clipboard";
  let mouse = null;

  function copy() {
    if (!chosen().length) return;
    localStorage.setItem(KEPT, JSON.stringify(chosen().map(ledger.get)));
    ui.tell(ui.say("did_copy", { count: chosen().length }));
  }
  /** Put the copies down around the mouse, else a little beside where they came from. */
  function paste() {
    const copies = JSON.parse(localStorage.getItem(KEPT) || "[]");
    if (!copies.length || isDrawing()) return;
    const middle = L.latLngBounds(copies.map((state) => outlines.bounds(state.geometry))).getCenter();
    const to = mouse && map.getBounds().contains(mouse) ? mouse : map.containerPointToLatLng(map.latLngToContainerPoint(middle).add([24, 24]));
    const moved = ([lon, lat]) => [+(lon + to.lng - middle.lng).toFixed(8), +(lat + to.lat - middle.lat).toFixed(8)];
    const made = copies.map((state) => {
      const geometry = structuredClone(state.geometry);
      if (geometry.type === "Point") geometry.coordinates = moved(geometry.coordinates);
      else icssn.rings(geometry).forEach((ring) => ring.forEach((place, i) => (ring[i] = moved(place))));
      return { ...state, uid: icssn.newId(), geometry, version: 0, source: "drawn", at: undefined, by: undefined };
    });
    ledger.change(made.map((state) => [state.uid, state]));
    select(made.map((state) => state.uid));
  }
  map.on("mousemove", (event) => (mouse = event.latlng));
  return { copy, paste };
};
