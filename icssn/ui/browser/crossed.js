/* Which labels a line is drawn for: those whose boundary it crosses most, twice at least; several where they tie. What is
   accepted or proposed comes before label areas, and those before what is rejected. */
icssn.crossed = function (labels, line) {
  "use strict";
  const box = L.latLngBounds(line.map(([lon, lat]) => [lat, lon]));
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
  const found = labels.map((label) => ({ label, count: crossings(label) })).filter(({ count }) => count > 1)
    .sort((a, b) => order(a.label) - order(b.label) || b.count - a.count);
  return found.filter(({ label, count }) => count === found[0].count && order(label) === order(found[0].label)).map(({ label }) => label);
};
