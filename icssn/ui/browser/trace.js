/* The path of the mouse while Shift is held, for the pen. It follows with the button up or down; a stroke ends when either
   is let go, and is thinned then. `on`: ready(pressed) says whether a stroke may begin, moved() is told of new places,
   ended() of the end. */
icssn.trace = function (map, on) {
  "use strict";
  const THIN_PX = 1, LONG_PX = 12; // the line moves by no more than the first; a press that moves less than the second is a click
  const box = map.getContainer();
  let stroke = null, down = false, barred = false; // {places, pressed}; pressed with Shift; wait until Shift is let go

  function follow(event) {
    if (!event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) {
      barred = false;
      return void end();
    }
    if (event.buttons === 0) down = false;
    if (barred || (event.buttons && !down) || map.dragging.moving() || event.target.closest(".ic-bar, .ic-toast, .leaflet-control")) return;
    if (!stroke && !on.ready(down)) return;
    stroke = stroke || { places: [], pressed: down };
    const all = event.getCoalescedEvents ? event.getCoalescedEvents() : []; // finer than one a frame
    for (const one of all.length ? all : [event]) stroke.places.push(Object.assign(map.mouseEventToLatLng(one), { joined: stroke.places.length > 0 }));
    on.moved();
  }
  function end() {
    if (stroke) on.ended();
  }
  /** The fewest places that say the same within a pixel; `before` is the place that the stroke goes on from, if any. */
  function thinned(places, before) {
    const path = [...(before ? [before] : []), ...places].map((at) => Object.assign(map.project(at), { at }));
    const kept = L.LineUtil.simplify(path, THIN_PX), first = before ? 1 : 0;
    while (kept.length > first + 1 && kept.at(-1).distanceTo(kept.at(-2)) < THIN_PX) kept.splice(kept.length > 2 ? -2 : -1, 1);
    return kept.slice(first).map(({ at }) => at);
  }
  /** Give the stroke, {places, dragged}, and begin no other before Shift is pressed anew where `bar` is set. */
  function take({ before, snap, bar = false }) {
    const done = stroke;
    stroke = null;
    barred = barred || bar;
    if (!done) return null;
    const { places, pressed } = done, px = places.map((at) => map.latLngToContainerPoint(at));
    places[0] = snap(places[0]);
    if (places.length > 1) places.push(snap(places.pop()));
    return { places: thinned(places, before), dragged: pressed && px.some((at) => at.distanceTo(px[0]) > LONG_PX) };
  }
  box.addEventListener("pointermove", follow);
  box.addEventListener("pointerdown", (event) => {
    down = event.shiftKey && event.button === 0;
    follow(event);
  });
  addEventListener("pointerup", () => {
    if (down) end();
    down = false;
  });
  document.addEventListener("keyup", (event) => event.key === "Shift" && end());
  addEventListener("blur", end);
  return { take, places: () => (stroke ? stroke.places : []) };
};
