/* The pen of the label editor: click place after place along a line or around a polygon. A job is {kind, style, open,
   hint}: an open one is a line of two places or more, a `point` one place, else a ring of three or more. `changed()` is told after every
   place, `finished(job, points)` gets [longitude, latitude] pairs, a ring closed; `snap(latlng)` may move a place. */
icssn.pen = function (map, ui, on) {
  "use strict";
  const { changed, finished, snap } = on;
  const CLOSE_PX = 12, SAME_PX = 3; // a click this near the first corner closes; this near the last one is a double click
  let now = null, pans = null, mouse = null; // what is drawn, the drag under Space, where the mouse is on the map
  const gap = (a, b) => map.latLngToContainerPoint(a).distanceTo(map.latLngToContainerPoint(b));
  const least = () => (now.job.point ? 1 : now.job.open ? 2 : 3);

  function start(job, points = [], undone = []) {
    stop();
    now = {
      job, points: points.map(([lon, lat]) => L.latLng(lat, lon)), undone: undone.map(([lon, lat]) => L.latLng(lat, lon)), asked: false,
      line: L.polyline([], { ...job.style, fill: false, interactive: false }).addTo(map),
      rubber: L.polyline([], { color: "#fff", weight: 1.5, dashArray: "4 4", interactive: false }).addTo(map),
      first: L.circleMarker([0, 0], { radius: 6, color: "#fff", fillColor: "#0f6e84", fillOpacity: 1, interactive: false }),
    };
    map.getContainer().classList.add("ic-drawing");
    map.doubleClickZoom.disable();
    ui.hint.textContent = ui.say(job.hint);
    track();
  }
  function stop() {
    if (!now) return;
    [now.line, now.rubber, now.first].forEach((layer) => layer.remove());
    now = null;
    pans = null;
    map.getContainer().classList.remove("ic-drawing", "ic-panning");
    setTimeout(() => now || map.doubleClickZoom.enable(), 300); // the double click that finished must not zoom
    ui.hint.textContent = "";
    changed();
  }
  function point(latlng) {
    const { points } = now, at = snap(latlng);
    if (!now.job.open && points.length >= 3 && gap(points[0], at) < CLOSE_PX) return finish();
    if (points.length && gap(points.at(-1), at) < SAME_PX) return undefined;
    points.push(at);
    now.undone = [];
    now.asked = false;
    return now.job.point ? finish() : track();
  }
  function back() {
    if (!now || !now.points.length) return;
    now.undone.push(now.points.pop());
    track();
  }
  function forth() {
    if (!now || !now.undone.length) return;
    now.points.push(now.undone.pop());
    track();
  }
  function track() {
    now.line.setLatLngs(now.points);
    now.rubber.setLatLngs([]);
    if (now.points.length) now.first.setLatLng(now.points[0]).addTo(map);
    else now.first.remove();
    changed();
  }
  const pairs = (points) => points.map((p) => [+p.lng.toFixed(8), +p.lat.toFixed(8)]);
  function finish() {
    if (!now || now.points.length < least()) return;
    const { job, points } = now;
    stop();
    finished(job, pairs(job.open || job.point ? points : [...points, points[0]]));
  }
  /** Put the pen down; what has enough places is thrown away only when asked twice. */
  function escape() {
    if (now.points.length >= least() && !now.asked) {
      now.asked = true;
      ui.hint.textContent = ui.say("hint_escape");
    } else stop();
  }
  /** While Space is held the map follows the mouse and no place is set. */
  function pan(held) {
    if (!now || Boolean(pans) === held) return;
    pans = held ? { last: mouse } : null;
    map.getContainer().classList.toggle("ic-panning", held);
  }
  map.on("mousemove", (event) => {
    const here = (mouse = event.containerPoint);
    if (!now) return;
    if (pans) {
      if (pans.last) map.panBy(pans.last.subtract(here), { animate: false });
      pans.last = here;
      return;
    }
    if (!now.points.length) return void snap(event.latlng);
    const places = [now.points.at(-1), snap(event.latlng)];
    now.rubber.setLatLngs(now.job.open ? places : [...places, now.points[0]]);
  });
  document.addEventListener("keyup", (event) => event.key === " " && pan(false));
  window.addEventListener("blur", () => pan(false));
  map.on("dblclick", finish);
  return { start, stop, point: (at) => pans || point(at), back, forth, finish, escape, pan, job: () => now && now.job,
    kind: () => now && now.job.kind, corners: () => (now ? now.points.length : 0), ahead: () => (now ? now.undone.length : 0),
    state: () => now && { kind: now.job.kind, points: pairs(now.points), undone: pairs(now.undone) } };
};
