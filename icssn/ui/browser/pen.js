/* The pen of the label editor: click corner after corner around a polygon. `changed()` is told after every corner,
   `finished(cls, ring)` gets a closed ring of [longitude, latitude]. */
icssn.pen = function (map, ui, on) {
  "use strict";
  const { changed, finished } = on;
  const CLOSE_PX = 12, SAME_PX = 3; // a click this near the first corner closes; this near the last one is a double click
  let now = null;
  const gap = (a, b) => map.latLngToContainerPoint(a).distanceTo(map.latLngToContainerPoint(b));

  function start(cls) {
    stop();
    now = {
      cls, points: [], asked: false,
      line: L.polyline([], { ...ui.styles[cls], interactive: false }).addTo(map),
      rubber: L.polyline([], { color: "#fff", weight: 1.5, dashArray: "4 4", interactive: false }).addTo(map),
      first: L.circleMarker([0, 0], { radius: 6, color: "#fff", fillColor: "#0f6e84", fillOpacity: 1, interactive: false }),
    };
    map.getContainer().classList.add("ic-drawing");
    map.doubleClickZoom.disable();
    ui.hint.textContent = ui.say("hint_draw");
    changed();
  }
  function stop() {
    if (!now) return;
    [now.line, now.rubber, now.first].forEach((layer) => layer.remove());
    now = null;
    map.getContainer().classList.remove("ic-drawing");
    setTimeout(() => map.doubleClickZoom.enable(), 300); // the double click that finished must not zoom
    ui.hint.textContent = "";
    changed();
  }
  function point(at) {
    const { points } = now;
    if (points.length >= 3 && gap(points[0], at) < CLOSE_PX) return finish();
    if (points.length && gap(points.at(-1), at) < SAME_PX) return undefined;
    points.push(at);
    now.asked = false;
    return track();
  }
  function unpoint() {
    if (!now) return;
    now.points.pop();
    now.rubber.setLatLngs([]);
    track();
  }
  function track() {
    now.line.setLatLngs(now.points);
    if (now.points.length) now.first.setLatLng(now.points[0]).addTo(map);
    else now.first.remove();
    changed();
  }
  function finish() {
    if (!now || now.points.length < 3) return;
    const { cls, points } = now;
    stop();
    finished(cls, [...points, points[0]].map((p) => [+p.lng.toFixed(8), +p.lat.toFixed(8)]));
  }
  /** Put the pen down; an outline of three corners or more is thrown away only when asked twice. */
  function escape() {
    if (now.points.length >= 3 && !now.asked) {
      now.asked = true;
      ui.hint.textContent = ui.say("hint_escape");
    } else stop();
  }
  map.on("mousemove", (event) => now && now.points.length && now.rubber.setLatLngs([now.points.at(-1), event.latlng, now.points[0]]));
  map.on("dblclick", finish);
  return { start, stop, point, unpoint, finish, escape, cls: () => now && now.cls, corners: () => (now ? now.points.length : 0) };
};
