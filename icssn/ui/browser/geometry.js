/* Geometries as GeoJSON: what they measure, and how Leaflet wants their places. */
Object.assign(icssn, (function () {
  "use strict";
  /** Area in m² of a GeoJSON polygon on a sphere; good to 1 %, Python gives the geodesic one after saving. */
  function area(geometry) {
    const radius = 6371007.2, rad = Math.PI / 180; // authalic radius of WGS 84
    const ring = (points) => {
      let sum = 0;
      for (let i = 0; i + 1 < points.length; i++) {
        const [a, b] = [points[i], points[i + 1]];
        sum += (b[0] - a[0]) * rad * (2 + Math.sin(a[1] * rad) + Math.sin(b[1] * rad));
      }
      return Math.abs((sum * radius * radius) / 2);
    };
    if (geometry.type === "Point") return 0;
    const parts = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    return parts.reduce((all, rings) => all + rings.reduce((sum, r, i) => sum + (i ? -ring(r) : ring(r)), 0), 0);
  }

  function areaText(m2) {
    const short = (value) => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
    if (m2 < 9999.5) return `${Math.round(m2).toLocaleString("en")} m²`;
    return m2 < 999950 ? `${short(m2 / 1e4)} ha` : `${short(m2 / 1e6)} km²`;
  }

  /** The area of a label as text; a point has none. */
  const sizeText = ({ geometry, area: m2 }) => (geometry.type === "Point" ? "—" : areaText(m2));

  function latLngs(geometry) {
    if (geometry.type === "Point") return L.GeoJSON.coordsToLatLng(geometry.coordinates);
    return L.GeoJSON.coordsToLatLngs(geometry.coordinates, geometry.type === "Polygon" ? 1 : 2);
  }

  /** All rings of a GeoJSON polygon, outer and inner, part after part; the very arrays, so that they can be changed. A
      point has none. */
  const rings = (geometry) => (geometry.type === "Point" ? [] : geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat());

  return { area, areaText, sizeText, latLngs, rings };
})());
