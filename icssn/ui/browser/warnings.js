/* What looks like a slip of the pen, looked for after each edit, unsaved ones included, and what a model disputes: a
   quiet list, each entry leads to its place. Nothing is refused for it. `on`: ledger, outlines, select(uids), title(state). */
icssn.warnings = function (ui, options, on) {
  "use strict";
  const { node } = icssn, { map, say } = ui, { ledger, outlines, select, title } = on, WAIT_MS = 700;
  const card = node("details", "ic-warnings"), head = node("summary", "", card), list = node("div", "", card);
  let timer = 0, asked = 0, meant = "", told = "";
  card.hidden = true;

  const key = (ground) => (ground ? JSON.stringify(ground) : "");
  /** Outline ground that has no label; null takes the outline away. */
  function mean(ground) {
    if (meant) outlines.clearGhosts();
    if (ground) outlines.ghost(ground, { color: "#e69f00", weight: 3, dashArray: "6 6" });
    meant = key(ground);
  }
  function show(warnings) {
    if (!warnings.some(({ ground }) => key(ground) === meant)) mean(null);
    card.hidden = !warnings.length;
    head.textContent = say("warnings_count", { count: warnings.length });
    list.replaceChildren(...warnings.map(({ kind, uids, at, text, ground }) => {
      const entry = node("div"), row = node("div", "ic-warning", entry), names = uids.map(ledger.get).filter(Boolean).map(title);
      const why = node("div", "ic-quiet ic-why", entry, text);
      why.hidden = text !== told;
      row.tabIndex = 0;
      row.setAttribute("role", "button");
      node("b", "", row, options.warningWords[kind] || kind);
      node("span", "ic-quiet", row, names.join(" · "));
      const fly = () => {
        const first = ledger.get(uids[0]), place = first ? first.geometry : ground;
        select(uids.length === 1 ? uids : []);
        list.querySelectorAll(".ic-why").forEach((other) => { other.hidden = other !== why; });
        told = text;
        mean(ground);
        if (place) map.flyTo([at[1], at[0]], Math.max(map.getZoom(), Math.min(19, map.getBoundsZoom(outlines.bounds(place).pad(0.6)))), { duration: 0.4 });
      };
      row.addEventListener("click", fly);
      row.addEventListener("keydown", (event) => event.key === "Enter" && fly());
      return entry;
    }));
  }
  async function ask() {
    const mine = ++asked, message = ledger.message();
    try {
      const { warnings } = await icssn.server.ask(`labels/${options.scene}/warnings`, message ? message.parts : { nonce: icssn.newId(), created: [], changed: [], deleted: [] });
      if (mine === asked) show(warnings);
    } catch (err) { /* asked again after the next edit */ }
  }
  const check = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MS);
  };
  return { card, check };
};
