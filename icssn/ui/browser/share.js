/* Review shared between people: who has how many candidates, giving them away, and second readings, in which nothing of
   the first decision has come to this browser. The panel is closed until somebody asks for it. */
icssn.share = function (map, ui, queue) {
  "use strict";
  const { node, button } = icssn, { say } = ui, SHARES = [5, 10, 20, 50, 100], TEN = 10, MOST_READINGS = 3;
  const section = node("aside", "ic-share", map.getContainer()), group = node("div", "ic-group");
  ui.bar.lastChild.before(group);
  L.DomEvent.disableClickPropagation(section);
  L.DomEvent.disableScrollPropagation(section);
  let state = null, open = false, asked = null, scope = "view", person = "", share = 10;
  const toggle = button(group, say("mappers"), flip, { key: "M", id: "ic-mappers" }), badge = node("b", "ic-badge");
  toggle.prepend(badge);
  ui.actions.m = flip;

  function flip() {
    open = !open;
    draw();
  }
  /** Ask Python; asked again if its answer was overtaken by another one. Both wishes may arrive twice. */
  function ask(message) {
    asked = { message, nonce: ui.send(message) };
    draw();
  }
  const shape = (item) => L.polygon(icssn.latLngs(item.geometry)).getBounds();
  const free = () => queue.items().filter((item) => item.status === "open" && !item.again);
  /** The candidates that are meant by a choice, in the order of the queue. */
  function meant(name) {
    if (name === "this") return queue.items().filter((item) => item.id === queue.current());
    if (name === "view") return free().filter((item) => map.getBounds().intersects(shape(item)));
    const nobody = free().filter((item) => !item.person);
    return name === "ten" ? nobody.slice(0, TEN) : nobody;
  }
  function named(parent, value, oninput) {
    const field = node("input", "", parent), list = node("datalist", "", parent);
    Object.assign(field, { type: "text", value, maxLength: 80, placeholder: say("mapper_name") });
    field.setAttribute("aria-label", say("mapper_name"));
    list.id = `ic-people-${icssn.newId()}`;
    field.setAttribute("list", list.id);
    for (const name of state.people) node("option", "", list).value = name;
    field.addEventListener("input", () => oninput(field.value));
    return field;
  }
  function chosen(parent, word, values, value, text, onchange) {
    const pick = node("select", "", parent);
    pick.setAttribute("aria-label", say(word));
    for (const one of values) node("option", "", pick, text(one)).value = one;
    pick.value = value;
    pick.addEventListener("change", () => onchange(pick.value));
  }
  function persons() {
    const counted = new Map();
    for (const item of queue.items().filter((one) => !one.again)) {
      const had = counted.get(item.person) || { all: 0, left: 0 };
      counted.set(item.person, { all: had.all + 1, left: had.left + (item.status === "open" ? 1 : 0) });
    }
    const table = node("div", "ic-persons", section), names = [...counted.keys()].sort((a, b) => !a - !b || a.localeCompare(b));
    for (const name of names) {
      const { all, left } = counted.get(name), row = node("div", "", table);
      node("span", "ic-what", row, !name ? say("nobody") : name === state.me ? say("me", { name }) : name);
      node("span", "ic-quiet", row, say("left_of", { left, all }));
      node("i", "", node("div", "ic-done", row)).style.width = `${(100 * (all - left)) / all}%`;
    }
  }
  function giving() {
    const form = node("div", "ic-give", section);
    chosen(form, "give", ["this", "view", "ten", "nobody"], scope, (name) => say(`give_${name}`, { count: meant(name).length }), (name) => { scope = name; draw(); });
    const line = node("div", "ic-buttons", form);
    named(line, person, (name) => { person = name; give.textContent = say(person.trim() ? "give" : "give_back"); });
    const give = button(line, say(person.trim() ? "give" : "give_back"), () => ask({ event: "assign", candidates: meant(scope).map((item) => item.id), person }), { id: "ic-give" });
    give.disabled = !meant(scope).length || Boolean(asked);
  }
  function readings() {
    node("h2", "", section, say("second_reading"));
    if (state.again) {
      node("p", "", section, say("again_waits", { count: state.again.count, by: state.again.by }));
      button(node("div", "ic-buttons", section), say("again_begin"), () => { queue.readAgain(); flip(); }, { className: "ic-primary", id: "ic-again" });
    }
    for (const { text, figures, differ } of state.outcomes.slice(0, MOST_READINGS)) {
      node("p", "", section, text);
      if (figures) node("p", "ic-figures", section, figures);
      for (const { id, first, second } of differ) {
        const words = say("differ", { number: queue.number(id), first: say(`status_${first}`), second: say(`status_${second}`) });
        button(section, words, () => queue.choose(id), { className: "ic-link ic-differ" });
      }
    }
    if (!state.again && !state.outcomes.length) node("p", "ic-quiet", section, say("again_what"));
    const line = node("div", "ic-buttons", section);
    chosen(line, "again_share", SHARES, share, (percent) => `${percent} %`, (percent) => (share = +percent));
    const reader = named(line, "", () => (draws.disabled = !reader.value.trim() || Boolean(asked)));
    const draws = button(line, say("again_draw"), () => ask({ event: "draw", person: reader.value, share: share / 100, reading: icssn.newId() }), { id: "ic-draw" });
    draws.disabled = true;
  }
  function draw() {
    const shown = open && state;
    toggle.setAttribute("aria-pressed", Boolean(shown));
    badge.textContent = state && state.again ? queue.items().filter((item) => item.again && item.status === "open").length : "";
    section.style.display = shown ? "" : "none";
    if (!shown) return;
    section.replaceChildren();
    button(node("h2", "", section, say("mappers")), "×", flip, { className: "ic-close" }).setAttribute("aria-label", say("close"));
    persons();
    giving();
    readings();
  }
  /** Draw anew, unless somebody is typing here. */
  const refresh = () => (section.contains(document.activeElement) && /^(INPUT|SELECT)$/.test(document.activeElement.tagName)) || draw();
  map.on("moveend", () => open && scope === "view" && refresh());

  function show(contents, answer) {
    state = contents;
    group.style.display = state ? "" : "none";
    if (asked && answer && answer.nonce === asked.nonce) asked = null;
    else if (asked && !ui.isWaiting()) asked.nonce = ui.send(asked.message);
    refresh();
  }
  show(null);
  const room = () => (section.style.display !== "none" && map.getSize().x > 800 ? 290 : 0);
  return { show, refresh, room };
};
