/* The pen of the label editor: click place after place along a line or around a polygon, or hold Shift and the line follows
   the mouse (`trace`). A job is {kind, style, open, hint}: an open one is a line of two places or more, a `point` one place,
   else a ring of three or more. A place that is `joined` was set in one stroke with the one before; both are taken back
   together. `changed()` is told after every place, `finished(job, points, places)` gets [longitude, latitude] pairs, a ring
   closed, and what `start` needs to go on; `snap(latlng)` may move a place. */
icssn.pen = function (map, ui, on) {
  "use strict";
  const { changed, finished, snap } = on;
  const CLOSE_PX = 12, SAME_PX = 3; // a click this near the first corner closes; this near the last one is a double click
  let now = null, pans = null, mouse = null; // what is drawn, the drag under Space, where the mouse is on the map
  const gap = (a, b) => map.latLngToContainerPoint(a).distanceTo(map.latLngToContainerPoint(b));
  const least = () => (now.job.point ? 1 : now.job.open ? 2 : 3);
  const trace = icssn.trace(map, {
    ready: (pressed) => Boolean(now && !pans && !now.job.point && (pressed || now.points.length)),
    moved: () => {
      Object.assign(now, { undone: [], asked: false });
      track();
    },
    ended: () => lift(),
  });
  const drawn = () => [...now.points, ...trace.places()];

  const read = (pairs) => pairs.map(([lon, lat, joined]) => Object.assign(L.latLng(lat, lon), { joined: Boolean(joined) }));
  function start(job, points = [], undone = []) {
    stop();
    now = {
      job, points: read(points), undone: read(undone), asked: false, dragged: false,
      line: L.polyline([], { ...job.style, fill: false, interactive: false }).addTo(map),
      rubber: L.polyline([], { color: "#fff", weight: 1.5, dashArray: "4 4", interactive: false }).addTo(map),
      first: L.circleMarker([0, 0], { radius: 6, color: "#fff", fillColor: "#0f6e84", fillOpacity: 1, interactive: false }),
    };
    map.getContainer().classList.add("ic-drawing");
    map.doubleClickZoom.disable();
    map.boxZoom.disable(); // Shift belongs to the pen
    ui.hint.textContent = ui.say(job.hint);
    track();
  }
  function stop() {
    if (!now) return;
    [now.line, now.rubber, now.first].forEach((layer) => layer.remove());
    trace.take({ snap: (at) => at });
    now = null;
    pans = null;
    map.getContainer().classList.remove("ic-drawing", "ic-panning");
    map.boxZoom.enable();
    setTimeout(() => now || map.doubleClickZoom.enable(), 300); // the double click that finished must not zoom
    ui.hint.textContent = "";
    changed();
  }
  /** Make places of the stroke that is being traced, if there is one. */
  function lift(bar) {
    const stroke = now && trace.take({ before: now.points.at(-1), snap, bar });
    if (!stroke) return;
    stroke.places.forEach(({ lat, lng }, i) => now.points.push(Object.assign(L.latLng(lat, lng), { joined: i > 0 })));
    now.dragged = stroke.dragged;
    track();
  }
  function point(latlng) {
    lift();
    const { points, job, dragged } = now, at = snap(latlng);
    now.dragged = false;
    if (dragged && job.open) return finish(); // a line that was dragged ends where the button was let go
    if (!job.open && points.length >= 3 && gap(points[0], at) < CLOSE_PX) return finish();
    if (points.length && gap(points.at(-1), at) < SAME_PX) return undefined;
    points.push(L.latLng(at.lat, at.lng));
    now.undone = [];
    now.asked = false;
    return job.point ? finish() : track();
  }
  function back() {
    if (!now) return;
    lift(true);
    if (!now.points.length) return;
    do now.undone.push(now.points.pop());
    while (now.undone.at(-1).joined && now.points.length);
    track();
  }
  function forth() {
    if (!now || !now.undone.length) return;
    do now.points.push(now.undone.pop());
    while (now.undone.length && now.undone.at(-1).joined);
    track();
  }
  function track() {
    const places = drawn();
    now.line.setLatLngs(places);
    now.rubber.setLatLngs(places.length > now.points.length && !now.job.open ? [places.at(-1), places[0]] : []);
    if (places.length) now.first.setLatLng(places[0]).addTo(map);
    else now.first.remove();
    changed();
  }
  const pair = (p) => [+p.lng.toFixed(8), +p.lat.toFixed(8)], kept = (places) => places.map((p) => (p.joined ? [...pair(p), 1] : pair(p)));
  function finish() {
    if (now) lift();
    if (!now || now.points.length < least()) return;
    const { job, points } = now, closes = !job.open && !job.point;
    while (closes && points.length > 3 && points.at(-1).joined && gap(points[0], points.at(-1)) < CLOSE_PX) points.pop(); // a traced ring meets its beginning
    stop();
    finished(job, (closes ? [...points, points[0]] : points).map(pair), kept(points));
  }
  /** Put the pen down; what has enough places is thrown away only when asked twice. */
  function escape() {
    lift(true);
    if (now.points.length >= least() && !now.asked) {
      now.asked = true;
      ui.hint.textContent = ui.say("hint_escape");
    } else stop();
  }
  /** While Space is held the map follows the mouse and no place is set. */
  function pan(held) {
    if (!now || Boolean(pans) === held) return;
    lift();
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
    const at = snap(event.latlng);
    if (!now.points.length || trace.places().length) return;
    const places = [now.points.at(-1), at];
    now.rubber.setLatLngs(now.job.open ? places : [...places, now.points[0]]);
  });
  document.addEventListener("keyup", (event) => event.key === " " && pan(false));
  window.addEventListener("blur", () => pan(false));
  map.on("dblclick", finish);
  return { start, stop, point: (at) => pans || point(at), back, forth, finish, escape, pan, job: () => now && now.job,
    kind: () => now && now.job.kind, corners: () => (now ? drawn().length : 0), ahead: () => (now ? now.undone.length : 0),
    state: () => now && { kind: now.job.kind, points: kept(drawn()), undone: kept(now.undone) } };
};
