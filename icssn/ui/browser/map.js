/* What every map of ICSSN shares: side panel, layers and legend, keys, messages, the remembered view, and the
   one way to Python: `ui.send`. Text from outside is set with textContent only, never as HTML. */
window.icssn = (function () {
  "use strict";
  const OVERLAY_PANES = ["ic-part", "ic-other-part", "ic-values", "ic-other", "ic-casing", "overlayPane", "ic-main-casing", "ic-outlines", "ic-other-outlines", "markerPane"];
  const RESEND_MS = 10000; // an unanswered message is sent again; Python applies a nonce once

  function node(tag, className, parent, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  }

  function button(parent, text, onclick, { key, className, id } = {}) {
    const made = node("button", className, parent, text);
    made.type = "button";
    if (id) made.id = id;
    if (key) node("kbd", "", made, key);
    made.addEventListener("click", onclick);
    return made;
  }

  function newId() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** A Map that this browser keeps under a name, over reloads; where its store is full, only as long as the page stands. */
  function kept(name) {
    const map = new Map(JSON.parse(localStorage.getItem(name) || "[]")), plain = Map.prototype;
    const store = (made) => {
      try {
        if (map.size) localStorage.setItem(name, JSON.stringify([...map]));
        else localStorage.removeItem(name);
      } catch (err) { /* the page has it */ }
      return made;
    };
    return Object.assign(map, { set: (...entry) => store(plain.set.apply(map, entry)), delete: (key) => store(plain.delete.call(map, key)) });
  }

  function swatch(parent, style) {
    const box = node("span", "ic-swatch", parent);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 26 14");
    const line = document.createElementNS("http://www.w3.org/2000/svg", style.round ? "circle" : "rect");
    for (const [name, value] of Object.entries({ x: 3, y: 3, width: 20, height: 8, cx: 13, cy: 7, r: 4, fill: style.flat ? style.color : "none",
      stroke: style.color, "stroke-width": 2.5, "stroke-dasharray": style.dashArray ? style.dashArray.split(" ").map((n) => Math.max(2, n / 2)).join(" ") : "" }))
      line.setAttribute(name, value);
    svg.appendChild(line);
    box.appendChild(svg);
    return box;
  }

  /** The line of a label: that of its class, and of its confidence where the class has lines for that. */
  const styleOf = (ui, { cls, attributes }) => ui.styles[`${cls}_${attributes.confidence}`] || ui.styles[cls];

  /** Set up a map; `options`: scene, bounds, language, words, styles, legend [[word, style]], hillshade {url, zoom},
      keys [[key, word]], whole (begin with the whole scene instead of the remembered view). */
  function stage(map, options) {
    const say = (key, values = {}) => (options.words[key] || key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
    const container = map.getContainer();
    document.documentElement.lang = options.language; // the server's refusals come in it, too
    const image = Object.values(map._layers).find((layer) => layer instanceof L.TileLayer);
    map.attributionControl.setPrefix(false);
    document.body.classList.add("ic-with-panel");
    const panel = node("aside", "ic-panel", document.body);
    const layers = node("section", "ic-layers", panel);
    node("h2", "", layers, say("layers"));
    const legend = node("div", "ic-legend", layers);
    const bar = node("div", "ic-bar", container);
    L.DomEvent.disableClickPropagation(bar);
    new ResizeObserver(() => container.style.setProperty("--ic-bar", `${bar.offsetHeight}px`)).observe(bar); // what hangs below it, however many rows it has
    const hint = node("div", "ic-hint", container);
    const toast = node("div", "ic-toast", container);
    toast.setAttribute("role", "status");
    L.DomEvent.disableClickPropagation(toast);

    // ---- the view: kept per scene, over pages and reloads
    const viewKey = `icssn.view.${options.scene}`;
    const home = L.latLngBounds(options.bounds);
    map.invalidateSize({ animate: false });
    // Zooming goes by whole levels, where tiles are sharp and without seams; only the whole scene may fit in between.
    const unsnapped = (move) => {
      map.options.zoomSnap = 0;
      move();
      map.options.zoomSnap = 1;
    };
    const wholeScene = () => unsnapped(() => map.fitBounds(home, { animate: false }));
    const kept = options.whole ? null : JSON.parse(sessionStorage.getItem(viewKey) || "null");
    if (kept) unsnapped(() => map.setView(kept.center, kept.zoom, { animate: false }));
    else wholeScene();
    if (!options.whole) map.on("moveend", () => sessionStorage.setItem(viewKey, JSON.stringify({ center: map.getCenter(), zoom: map.getZoom() })));
    new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(container);

    // ---- layers and legend
    function layerRow(text, layer, { on = true, opacity = 1, toggle = true } = {}) {
      const row = node("div", "ic-layer"), label = node("label", "", row);
      layers.insertBefore(row, legend);
      let box = null;
      if (toggle) {
        box = node("input", "", label);
        box.type = "checkbox";
        box.checked = on;
        box.addEventListener("change", () => (box.checked ? layer.addTo(map) : layer.remove()));
      }
      node("span", "", label, text);
      const slider = node("input", "", row);
      Object.assign(slider, { type: "range", min: 0, max: 1, step: 0.05, value: opacity });
      slider.setAttribute("aria-label", `${say("opacity")}: ${text}`);
      slider.addEventListener("input", () => layer.setOpacity(+slider.value));
      layer.setOpacity(opacity);
      if (on && !map.hasLayer(layer)) layer.addTo(map);
      return { row, box, slider, flip: () => box && box.click() };
    }
    if (image) layerRow(say("image"), image, { toggle: false });
    const pixels = () => map.getContainer().classList.toggle("ic-pixels"); // the image's pixels as they are, unsmoothed
    let hillshade = null;
    const terrain = []; // layers of relief, each in a pane of its own between the image and the overlays
    const reliefs = [["hillshade", options.hillshade], ["terrain", options.terrain && options.terrain.slope]];
    for (const [name, url] of reliefs.filter(([, there]) => there)) {
      const pane = `ic-${name}`;
      Object.assign(map.createPane(pane).style, { zIndex: 250, pointerEvents: "none" });
      const layer = L.tileLayer(url, { maxNativeZoom: options.zoom, maxZoom: 24, pane, bounds: home });
      const row = layerRow(say(name), layer, { on: false, opacity: 0.7 });
      terrain.push({ name, text: say(name), panes: [pane], layer, resting: () => row.box.checked });
      if (name === "hillshade") hillshade = row;
      else row.box.parentNode.lastChild.replaceWith(terrainChoice(layer, row));
    }
    /** Choose what of the terrain the layer shows; a choice switches it on. */
    function terrainChoice(layer, row) {
      const pick = node("select", "");
      pick.setAttribute("aria-label", say("terrain"));
      for (const name of Object.keys(options.terrain)) pick.add(new Option(say(`terrain_${name}`), name));
      pick.addEventListener("change", () => {
        layer.setUrl(options.terrain[pick.value], true); // drawing anew would ask for tiles of the zoom between two levels
        if (row.box.checked) row.flip();
        row.flip();
      });
      return pick;
    }
    for (const [word, style] of options.legend) {
      const entry = node("div", "", legend);
      swatch(entry, options.styles[style] || { color: style, flat: true });
      node("span", "", entry, say(word));
    }

    // ---- full screen, home view, cursor position
    const corner = L.control({ position: "topleft" });
    corner.onAdd = () => {
      const box = node("div", "leaflet-bar");
      const tool = (title, path, act) => {
        const link = node("a", "", box);
        link.href = "#";
        link.title = title;
        link.setAttribute("role", "button");
        link.setAttribute("aria-label", title);
        link.innerHTML = `<svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.6"><path d="${path}"/></svg>`;
        L.DomEvent.on(link, "click", (event) => { L.DomEvent.stop(event); act(); });
      };
      tool(say("whole_scene"), "M2 8l6-5 6 5M4 7v6h8V7", wholeScene);
      tool(say("full_screen"), "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4", () =>
        document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
      return box;
    };
    corner.addTo(map);
    const place = L.control({ position: "bottomleft" });
    place.onAdd = () => node("div", "ic-place");
    place.addTo(map);
    map.on("mousemove", (event) => {
      place.getContainer().textContent = `${event.latlng.lat.toFixed(6)}°, ${event.latlng.lng.toFixed(6)}°`;
    });

    // ---- messages
    let fade = 0, isOver = null; // whether the message that waits to be closed is about nothing any more
    /** Say something. What is `bad` or offers an `action` waits to be closed, or to be over: with the next thing that is
        done, or once `over()` says so. */
    function tell(text, { bad = false, action, onaction, over = () => true } = {}) {
      clearTimeout(fade);
      isOver = bad || action ? over : null;
      toast.textContent = text;
      toast.classList.toggle("ic-bad", bad);
      toast.setAttribute("role", bad ? "alert" : "status");
      if (action) button(toast, action, () => { tell(""); onaction(); });
      if (bad || action) button(toast, say("close"), () => tell(""));
      else fade = setTimeout(() => (toast.textContent = ""), 6000);
    }
    /** Something was done: a message that is over goes. */
    const hush = () => isOver && isOver() && tell("");

    // ---- keys
    const actions = {};
    let overlaysHidden = false;
    function hideOverlays() {
      overlaysHidden = !overlaysHidden;
      for (const name of OVERLAY_PANES) if (map.getPane(name)) map.getPane(name).style.visibility = overlaysHidden ? "hidden" : "";
      hint.textContent = overlaysHidden ? say("overlays_hidden") : "";
    }
    function sheet() {
      const open = document.querySelector(".ic-sheet");
      if (open) return open.remove();
      const back = node("div", "ic-sheet", document.body), box = node("div", "", back);
      back.addEventListener("click", () => back.remove());
      node("h2", "", box, say("keys"));
      const pairs = node("dl", "", box);
      for (const [key, word] of [...(options.keys || []), ["Space", "key_hide"], ["H", "key_hillshade"], ["V", "key_pixels"], ["?", "key_sheet"]]) {
        node("kbd", "", node("dt", "", pairs), key);
        node("dd", "", pairs, say(word));
      }
      return undefined;
    }
    Object.assign(actions, { " ": hideOverlays, "?": sheet, h: () => (hillshade ? hillshade.flip() : tell(say("no_terrain"))), v: pixels });
    let tabbed = null; // what the keyboard has led to, not the mouse: Enter and Space press that
    document.addEventListener("focusin", ({ target }) => (tabbed = target.matches(":focus-visible") ? target : null));
    const presses = ({ target, key }) => target === tabbed && (key === "Enter" || key === " ") && target.matches("button, summary, a, input[type=checkbox]");
    document.addEventListener("keydown", (event) => {
      if (presses(event)) return;
      const saves = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s"; // from a field, too: it takes its text first
      if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "range" && event.target.type !== "checkbox") {
        if (saves) event.target.blur();
        else if (event.key !== "Escape") return;
      }
      if (event.target.type === "range" && event.key.startsWith("Arrow")) return;
      const open = document.querySelector(".ic-sheet");
      if (open && event.key === "Escape") return void open.remove();
      const name = (event.ctrlKey || event.metaKey ? (event.shiftKey ? "ctrl+shift+" : "ctrl+") : "") + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
      if (actions[name] && !event.altKey) {
        event.preventDefault();
        if (document.activeElement && document.activeElement.tagName === "BUTTON") document.activeElement.blur();
        actions[name](event);
      }
    });
    // Keys work as soon as the mouse moves over the map, unless somebody types elsewhere on the page; a drop-down there keeps
    // the focus after a choice, although nothing is typed into a closed one.
    const isClosed = (field) => field.closest("[data-testid=stSelectbox], [data-testid=stMultiSelect]") && field.getAttribute("aria-expanded") !== "true";
    const isTypedInto = (field) => /^(INPUT|TEXTAREA)$/.test(field.tagName) && !/^(checkbox|radio|range)$/.test(field.type) && !isClosed(field);
    document.body.addEventListener("mousemove", () => {
      const busy = window.parent.document.activeElement;
      if (document.hasFocus() || (busy && isTypedInto(busy))) return;
      if (busy) busy.blur();
      window.focus();
    });
    button(node("div", "ic-group", bar), "?", sheet).title = say("keys");

    // ---- to Python and back
    let waiting = null;
    function send(message) {
      waiting = { ...message, nonce: newId(), attempt: 1 };
      window.Streamlit.setComponentValue(waiting);
      return waiting.nonce;
    }
    setInterval(() => {
      if (waiting && Date.now() - (waiting.at || (waiting.at = Date.now())) > RESEND_MS) {
        waiting = { ...waiting, attempt: waiting.attempt + 1, at: Date.now() };
        const { at, ...message } = waiting;
        window.Streamlit.setComponentValue(message);
      }
    }, 1000);
    function answered(answer) {
      if (!answer || !waiting || answer.nonce !== waiting.nonce) return null;
      waiting = null;
      tell(answer.text, { bad: !answer.ok });
      return answer;
    }

    let travelling = false;
    map.on("movestart", () => (travelling = true)).on("moveend", () => (travelling = false));
    /** Whether the view stands still and all its tiles are there. A layer's own `isLoading` stays true for ever when a tile
        that was still on its way is dropped after all others have come, so the tiles themselves are asked, too. */
    const waits = (layer) => layer instanceof L.GridLayer && layer.isLoading() && Object.values(layer._tiles).some((tile) => !tile.loaded);
    const settled = () => !travelling && !Object.values(map._layers).some(waits);
    const pane = (name, zIndex, still) => {
      const made = map.createPane(name);
      made.style.zIndex = zIndex;
      if (still) made.classList.add("ic-still");
      return made;
    };
    return { map, say, words: options.words, panel, layers, legend, bar, hint, tell, hush, actions, send, answered, isWaiting: () => waiting !== null, layerRow, pane,
      settled, styles: options.styles, hillshade, terrain };
  }

  /** Pending contents wait for the view that will show them; Python calls this on every run of its page. */
  function load(contents) {
    if (icssn.show) icssn.show(contents);
  }

  /** A scene by itself, with its facts in the panel. */
  function preview(map, options) {
    icssn.ui = stage(map, { ...options, whole: true });
    const facts = node("section", "ic-facts");
    for (const [name, value] of options.facts) {
      node("div", "ic-quiet", facts, name);
      node("div", "", facts, value);
    }
    icssn.ui.panel.prepend(facts);
    icssn.show = () => undefined;
  }

  return { node, button, newId, kept, swatch, styleOf, stage, load, preview };
})();
