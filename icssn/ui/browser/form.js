/* The landslide record of the chosen label: its fields by group, as Python describes them (`options.forms`, one list per
   class). `on`: edit(key, value) takes a new value (undefined empties it), leave() gives the keys back to the map. */
icssn.form = function (ui, options, on) {
  "use strict";
  const { node } = icssn, { record, forms } = options, DATE = /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/;
  const box = node("div", "ic-form"), open = new Set(["identity"]);
  let shown = null, latest = [null], controls = new Map();
  const code = (field, value) => record.codes[`${field.key}.${value}`] || value;

  function control(field, parent) {
    const id = `ic-field-${field.key}`, changed = (value) => on.edit(field.key, value);
    if (field.origin !== "entered") {
      const text = node("span", "ic-quiet", parent);
      text.id = id;
      const shows = (value) => (value === undefined ? "—" : field.codes.length ? code(field, value) : `${typeof value === "number" ? measure(field, value) : value}`);
      return { set: (value) => (text.textContent = shows(value)), focus: () => undefined };
    }
    if (field.kind === "choice") {
      const pick = node("select", "", parent);
      pick.id = id;
      node("option", "", pick, "—").value = "";
      for (const value of field.codes) node("option", "", pick, code(field, value)).value = value;
      pick.addEventListener("change", () => changed(pick.value || undefined));
      return { set: (value) => (pick.value = value || ""), focus: () => pick.focus() };
    }
    if (field.kind === "multi") {
      const several = node("div", "ic-several", parent), boxes = field.codes.map((value) => {
        const label = node("label", "", several), tick = node("input", "", label);
        Object.assign(tick, { type: "checkbox", value });
        node("span", "", label, code(field, value));
        tick.addEventListener("change", () => {
          const chosen = boxes.filter((one) => one.checked).map((one) => one.value);
          changed(chosen.length ? chosen : undefined);
        });
        return tick;
      });
      several.id = id;
      return { set: (value) => boxes.forEach((one) => (one.checked = (value || []).includes(one.value))), focus: () => boxes[0].focus() };
    }
    const input = node(field.lines > 1 ? "textarea" : "input", "", parent);
    input.id = id;
    if (field.lines > 1) input.rows = field.lines;
    if (field.kind === "number") {
      Object.assign(input, { type: "number", step: field.whole ? 1 : "any" });
      if (field.minimum !== null) input.min = field.minimum;
      if (field.maximum !== null) input.max = field.maximum;
      if (field.unit) node("span", "ic-unit", parent, field.unit);
    } else input.maxLength = field.kind === "date" ? 10 : field.max_length;
    if (field.kind === "date") input.placeholder = "YYYY-MM-DD";
    input.addEventListener("change", () => {
      const text = input.value.trim(), sound = input.validity.valid && (field.kind !== "date" || !text || DATE.test(text));
      input.setAttribute("aria-invalid", !sound);
      if (sound) changed(text === "" ? undefined : field.kind === "number" ? +text : text);
    });
    return { set: (value) => { input.value = value ?? ""; input.setAttribute("aria-invalid", false); }, focus: () => input.focus(), holds: input };
  }
  function measure(field, value) {
    if (field.unit === "m²") return icssn.areaText(value);
    const digits = field.unit === "°" || field.unit === "m" ? (Math.abs(value) < 10 ? 1 : 0) : 0;
    return `${value.toLocaleString("en", { maximumFractionDigits: digits })} ${field.unit}`.trim();
  }
  /** Lay out the groups of a class; the fields of a closed one are built when it is opened. */
  function build(cls) {
    box.replaceChildren();
    controls = new Map();
    for (const group of record.groups_order) {
      const inside = (forms[cls] || []).filter((field) => field.group === group && field.key !== "uid");
      if (!inside.length) continue;
      const part = node("details", "", box);
      node("summary", "", part, record.groups[group]);
      part.open = open.has(group) || inside.some((field) => field.key === "look_alike");
      if (part.open) fill(part, inside);
      part.addEventListener("toggle", () => {
        if (part.open) open.add(group);
        else open.delete(group);
        if (!part.open || part.children.length > 1) return;
        fill(part, inside);
        show(...latest);
      });
    }
  }
  function fill(part, fields) {
    const pairs = node("dl", "ic-pairs", part);
    for (const field of fields) {
      const wide = field.kind === "multi" || field.lines > 1 ? "ic-wide" : "", name = node("dt", wide, pairs);
      node("label", "", name, record.fields[field.key] + (field.mandatory && field.origin === "entered" ? " *" : "")).htmlFor = `ic-field-${field.key}`;
      if (record.help[field.key]) name.title = record.help[field.key];
      const place = node("dd", wide, pairs);
      controls.set(field.key, { field, row: place, ...control(field, place) });
    }
  }
  /** Show a label's record; `known` are values that are measured or recorded, not entered. */
  function show(state, known = {}) {
    latest = [state, known];
    const wanted = state && `${state.uid} ${state.cls}`;
    if (wanted !== shown) {
      shown = wanted;
      if (state) build(state.cls);
      else box.replaceChildren();
    }
    if (!state) return;
    for (const [key, { field, row, set, holds }] of controls) {
      const value = field.origin === "measured" ? known[key] : state.attributes[key] ?? known[key];
      if (!holds || document.activeElement !== holds) set(value);
      row.classList.toggle("ic-missing", field.mandatory && field.origin === "entered" && value === undefined);
    }
  }
  /** Put the cursor into the first field that has to be filled, else into the first one. */
  function focus() {
    const entered = [...controls.values()].filter(({ field }) => field.origin === "entered");
    const first = entered.find(({ row }) => row.classList.contains("ic-missing")) || entered[0];
    if (first) first.row.closest("details").open = true;
    if (first) first.focus();
    else if (box.firstChild) box.querySelector("summary").focus();
  }
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      document.activeElement.blur();
      on.leave();
    }
    if (event.key === "Enter" && event.target.tagName !== "TEXTAREA" && event.target.type !== "checkbox") {
      const all = [...box.querySelectorAll("select, input, textarea")].filter((one) => one.offsetParent);
      (all[all.indexOf(event.target) + 1] || all[0]).focus();
    }
  });
  return { box, show, focus };
};
