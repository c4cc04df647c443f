/* Which labels a line is drawn for: those whose boundary it crosses most, twice at least; several where they tie. Where there
   is none, an end that stops within some pixels of a boundary counts as if it crossed it. What is accepted or proposed
   comes before label areas, and those before what is rejected. */
icssn.crossed = function (map, labels, line, nearPx) {
  "use strict";
  const px = ([lon, lat]) => map.latLngToContainerPoint([lat, lon]), ends = [line[0], line.at(-1)].map(px);
  const box = L.latLngBounds(line.map(([lon, lat]) => [lat, lon])).pad(0.2);
  const left = (a, b, p) => (b[0] - a[0]) * (p[1] - a[1]) > (b[1] - a[1]) * (p[0] - a[0]);
  const cross = (a, b, c, d) => left(a, b, c) !== left(a, b, d) && left(c, d, a) !== left(c, d, b);
  const order = ({ cls, status }) => (status === "rejected" ? 2 : cls === "label_area" ? 1 : 0);

  function crossings({ geometry }) {
    let count = 0;
    for (const ring of icssn.rings(geometry)) {
      if (!box.intersects(L.latLngBounds(ring.map(([lon, lat]) => [lat, lon])))) continue;
      for (let i = 1; i < ring.length; i++) for (let k = 1; k < line.length; k++) if (cross(ring[i - 1], ring[i], line[k - 1], line[k])) count++;
    }
    return count;
  }
  const touches = ({ geometry }) => ends.filter((end) => icssn.rings(geometry).some((ring) =>
    ring.some((place, i) => i && L.LineUtil.pointToSegmentDistance(end, px(ring[i - 1]), px(place)) <= nearPx))).length;
  const met = labels.map((label) => ({ label, count: crossings(label) })), crossed = met.filter(({ count }) => count > 1);
  const near = () => met.map(({ label, count }) => ({ label, count: count + touches(label) })).filter(({ count }) => count > 1);
  const found = (crossed.length ? crossed : near()).sort((a, b) => order(a.label) - order(b.label) || b.count - a.count);
  return found.filter(({ label, count }) => count === found[0].count && order(label) === order(found[0].label)).map(({ label }) => label);
};
