/* A prediction as colours over the image: mask, probability, uncertainty band, difference between two predictions, and
   errors on held-out labels. Tiles carry values (0–254); all colours are made here: no request, no rerun. */
icssn.overlays = function (map, ui, options) {
  "use strict";
  const { node } = icssn, { say } = ui, home = L.latLngBounds(options.bounds), FULL = 254, NONE = 255;
  const WIDEST = 0.35; // spread of the views that gets the last colour; half of them 0 and half 1 would be 0.5
  const INNER = Math.ceil(0.75 * FULL), OUTER = Math.ceil(0.25 * FULL); // contours of the uncertainty band
  const tints = { mask: options.mask, ...options.tints };
  const LEGENDS = { band: [["band", "band"], ["inner", "mask"]], difference: [["gained", "gained"], ["lost", "lost"], ["same", "same"]],
                    errors: [["hit", "hit"], ["missed", "missed"], ["false_alarm", "false_alarm"]] };
  let mode = "mask", threshold = options.main ? options.main.threshold : 0.5, slides = [];

  const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const abgr = (hex, alpha = 255) => { const [r, g, b] = rgb(hex); return ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0; };
  function ramp(t) { // between the stops of `options.ramp`
    const stops = options.ramp.map(rgb), at = t * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
    const [r, g, b] = stops[i].map((v, c) => Math.round(v + (stops[i + 1][c] - v) * (at - i)));
    return ((Math.round(255 * Math.min(1, t * 2)) << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  /** One 32-bit colour (little-endian ABGR) per stored value, for the modes that look at one prediction only. */
  function table() {
    const out = new Uint32Array(256);
    for (let v = 0; v <= FULL; v++) {
      const over = v / FULL >= threshold;
      if (mode === "probability") out[v] = over || threshold === 0 ? ramp(v / FULL) : 0;
      else if (mode === "band") out[v] = v >= INNER ? abgr(tints.mask, 110) : v >= OUTER ? abgr(tints.band) : 0;
      else out[v] = over ? abgr(tints.mask) : 0;
    }
    return out;
  }
  let colours = table();

  /** Which pixels of a tile lie inside polygons: alpha of a drawing, no library needed. */
  function inside(at, geometries) {
    const sheet = new OffscreenCanvas(256, 256), pen = sheet.getContext("2d", { willReadFrequently: true });
    for (const geometry of geometries) {
      pen.beginPath();
      for (const ring of icssn.rings(geometry)) ring.forEach(([lng, lat], i) => {
        const p = map.project([lat, lng], at.z);
        pen[i ? "lineTo" : "moveTo"](p.x - at.x * 256, p.y - at.y * 256);
      });
      pen.fill("evenodd");
    }
    const pixels = pen.getImageData(0, 0, 256, 256).data;
    return Uint8Array.from({ length: 65536 }, (_, i) => (pixels[4 * i + 3] > 127 ? 1 : 0));
  }
  async function fetched(url, at) { // values of one tile; 255 where there is none
    const image = new Image();
    image.src = L.Util.template(url, at);
    try { await image.decode(); } catch { return null; }
    const pen = new OffscreenCanvas(256, 256).getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0, 256, 256);
    const pixels = pen.getImageData(0, 0, 256, 256).data;
    return Uint8Array.from({ length: 65536 }, (_, i) => (pixels[4 * i + 3] > 127 ? pixels[4 * i] : NONE));
  }
  const Values = L.GridLayer.extend({
    createTile(at, done) {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 256;
      tile.at = at;
      const { url, second, spread } = this.options; // of the prediction, of the one compared with, over turned views
      Promise.all([url, second, spread].map((one) => (one ? fetched(one, at) : null))).then(([values, other, views]) => {
        Object.assign(tile, { values, second: other, views });
        this.paint(tile);
        done(null, tile);
      });
      return tile;
    },
    paint(tile) {
      const { values, second } = tile;
      if (!values) return;
      const pen = tile.getContext("2d"), picture = pen.createImageData(256, 256), out = new Uint32Array(picture.data.buffer);
      const level = Math.ceil(threshold * FULL - 1e-6), here = (v) => v >= level && v !== NONE;
      if (mode === "difference" && second) {
        const [gained, lost, same] = [abgr(tints.gained), abgr(tints.lost), abgr(tints.same, 90)];
        for (let i = 0; i < 65536; i++) {
          const a = here(values[i]), b = here(second[i]);
          out[i] = a ? (b ? same : gained) : b ? lost : 0;
          if (values[i] === NONE || second[i] === NONE) out[i] = 0; // one of them has not looked here
        }
      } else if (mode === "errors") {
        tile.held = tile.held || inside(tile.at, [options.heldOut]);
        tile.truth = tile.truth || inside(tile.at, slides);
        const [hit, missed, wrong] = [abgr(tints.hit), abgr(tints.missed), abgr(tints.false_alarm)];
        for (let i = 0; i < 65536; i++)
          if (tile.held[i] && values[i] !== NONE) out[i] = here(values[i]) ? (tile.truth[i] ? hit : wrong) : tile.truth[i] ? missed : 0;
      } else if (mode === "uncertainty") {
        for (let i = 0; i < 65536; i++) out[i] = tile.views && tile.views[i] !== NONE ? ramp(Math.min(1, tile.views[i] / FULL / WIDEST)) : 0;
      } else for (let i = 0; i < 65536; i++) out[i] = colours[values[i]];
      tile.coloured = out.reduce((n, colour) => n + (colour ? 1 : 0), 0);
      pen.putImageData(picture, 0, 0);
    },
    repaint() { for (const { el } of Object.values(this._tiles)) this.paint(el); },
    forgetTruth() { for (const { el } of Object.values(this._tiles)) el.truth = null; },
  });
  function layer(prediction, pane, zIndex, second) {
    if (!prediction) return null;
    ui.pane(pane, zIndex, true);
    return new Values({ url: prediction.url, second, spread: prediction.spread, pane, bounds: home, maxNativeZoom: prediction.zoom, maxZoom: 24, opacity: 0.55 });
  }
  const main = layer(options.main, "ic-values", 350, options.other && options.other.url), other = layer(options.other, "ic-other", 351);
  function recolour() {
    colours = table();
    for (const shown of [main, other]) if (shown) shown.repaint();
  }

  // ---- rows of the panel: the overlay, its kind, opacity, threshold, legend of the kind
  if (main) {
    const overlay = ui.layerRow(say("overlay"), main, { opacity: 0.55 });
    overlay.box.addEventListener("change", () => other && (overlay.box.checked ? other.addTo(map) : other.remove()));
    overlay.slider.addEventListener("input", () => other && other.setOpacity(+overlay.slider.value));
    if (other) other.addTo(map);
    const kind = node("div", "ic-slider"), pick = node("select", "");
    node("span", "", kind, say("show_as"));
    kind.appendChild(pick);
    Object.assign(pick, { id: "ic-kind" }).setAttribute("aria-label", say("show_as"));
    const kinds = ["mask", "probability", "band", ...(options.main.spread ? ["uncertainty"] : []), ...(other ? ["difference"] : []), ...(options.heldOut ? ["errors"] : [])];
    for (const value of kinds) node("option", "", pick, say(`as_${value}`)).value = value;
    const row = node("div", "ic-slider"), text = node("span", "", row), slider = node("input", "", row);
    Object.assign(slider, { type: "range", min: 0, max: 1, step: 0.01, value: threshold, id: "ic-threshold" });
    slider.setAttribute("aria-label", say("threshold"));
    const key = node("div", "ic-legend ic-kinds");
    const tell = () => {
      key.replaceChildren();
      if (mode === "probability" || mode === "uncertainty") {
        const scale = node("div", "ic-wide", key);
        node("div", "ic-ramp", scale).style.background = `linear-gradient(to right, ${options.ramp.join(", ")})`;
        const ends = node("div", "ic-ramp-ends", scale);
        for (const end of mode === "probability" ? ["0", say("probability"), "1"] : ["0", say("as_uncertainty"), `≥ ${WIDEST}`]) node("span", "", ends, end);
      }
      for (const [word, tint] of LEGENDS[mode] || []) {
        const entry = node("div", "", key);
        icssn.swatch(entry, { color: tints[tint], flat: true });
        node("span", "", entry, say(word));
      }
      row.style.visibility = mode === "band" || mode === "uncertainty" ? "hidden" : "";
      text.textContent = `${say("threshold")} ${threshold.toFixed(2)}`;
    };
    const setThreshold = (value) => {
      threshold = Math.max(0, Math.min(1, value));
      slider.value = threshold;
      tell();
      recolour();
    };
    pick.addEventListener("change", () => { mode = pick.value; tell(); recolour(); pick.blur(); });
    slider.addEventListener("input", () => setThreshold(+slider.value));
    tell();
    ui.legend.before(kind, row, key);
    Object.assign(ui.actions, { "[": () => setThreshold(threshold - 0.02), "]": () => setThreshold(threshold + 0.02),
                                b: () => { pick.value = mode === "band" ? "mask" : "band"; pick.dispatchEvent(new Event("change")); } });
  }
  return {
    /** Take the landslides that are labelled now: what the errors are counted against. */
    compareWith(geometries) {
      slides = geometries;
      if (!main) return;
      main.forgetTruth();
      if (mode === "errors") main.repaint();
    },
    painted: () => (main ? Object.values(main._tiles).reduce((sum, { el }) => sum + (el.coloured || 0), 0) : 0),
  };
};
