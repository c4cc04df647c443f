/* Two versions of a label side by side: a conflict with somebody else's, and the versions of its past. Both are shown on
   the map as well, the other version dashed. `on`: ledger, outlines, title(state), select(uids), shown() is told when
   this opens or closes. */
icssn.versions = function (ui, options, on) {
  "use strict";
  const { node, button } = icssn, { say } = ui, { ledger, outlines, title, select, shown } = on;
  const card = node("section", "ic-versions");
  let past = null, settling = null, gone = new Map(); // uid → who deleted it and when
  const when = (at) => (at ? new Date(at).toLocaleString(options.language, { dateStyle: "medium", timeStyle: "short" }) : "");
  const word = (key, value) => (Array.isArray(value) ? value.map((one) => word(key, one)).join(", ") : options.record.codes[`${key}.${value}`] || (value === undefined ? "—" : String(value)));

  /** What differs between two states: [name, text of the first, text of the second], or [sentence]. */
  function differences(a, b) {
    const rows = [], corners = (state) => icssn.rings(state.geometry).reduce((n, ring) => n + ring.length - 1, 0);
    const row = (name, one, two) => one !== two && rows.push([name, one, two]);
    const areas = [a, b].map(({ geometry }) => icssn.areaText(icssn.area(geometry)));
    if (areas[0] === areas[1] && !ledger.sameOutline(a.geometry, b.geometry)) rows.push([say("outline_moved")]);
    row(say("area"), ...areas);
    row(say("corners"), String(corners(a)), String(corners(b)));
    row(say("class"), say(a.cls), say(b.cls));
    row(say("status"), say(`status_${a.status}`), say(`status_${b.status}`));
    for (const key of new Set([...Object.keys(a.attributes), ...Object.keys(b.attributes)]))
      row(options.record.fields[key] || key, word(key, a.attributes[key]), word(key, b.attributes[key]));
    return rows;
  }
  /** Show states on the map, [[state, style]]; the later ones lie above. */
  function ghosts(...shown) {
    outlines.clearGhosts();
    for (const [state, style] of shown) if (state && state.geometry) outlines.ghost(state.geometry, ui.styles[style]);
  }
  function close() {
    past = null;
    outlines.clearGhosts();
    update();
  }

  // ---- a conflict: both versions, and the geologist's word
  function conflict(uid, left) {
    const mine = ledger.get(uid), theirs = ledger.base(uid), known = mine || theirs;
    const who = theirs ? theirs.by : (gone.get(uid) || {}).actor, at = theirs ? theirs.at : (gone.get(uid) || {}).at;
    node("h2", "", card, say("conflict_title")).appendChild(node("span", "", null, left > 1 ? say("conflict_left", { count: left }) : ""));
    node("p", "", card, say(!theirs ? "conflict_deleted" : mine ? "conflict_changed" : "conflict_mine_deleted", { who: who || say("somebody"), when: when(at), label: title(known) }));
    if (mine && theirs) {
      const table = node("div", "ic-compare", card);
      node("span", "", table);
      icssn.swatch(node("b", "", table, say("mine")), { color: "#fff" });
      icssn.swatch(node("b", "", table, say("theirs")), ui.styles.other);
      for (const cells of differences(mine, theirs)) cells.forEach((text, i) => node("span", cells.length < 2 ? "ic-whole" : i ? "" : "ic-quiet", table, text));
    }
    const buttons = node("div", "ic-buttons", card), choose = (choice) => () => {
      settling = null;
      outlines.clearGhosts();
      ledger.settle(uid, choice);
      select(ledger.get(uid) ? [uid] : []);
    };
    button(buttons, say(mine ? "keep_mine" : "keep_deleted"), choose("mine"), { id: "ic-mine" });
    button(buttons, say(theirs ? "take_theirs" : "take_deletion"), choose("theirs"), { id: "ic-theirs" });
    if (mine && theirs) button(buttons, say("keep_both"), choose("both"), { id: "ic-both" });
    ghosts([theirs, "other"]);
    if (settling !== uid) {
      settling = uid;
      select(mine ? [uid] : []);
      outlines.fly(known.geometry);
      if (!theirs && !gone.has(uid)) icssn.server.ask(`labels/${options.scene}/${uid}`).then(({ versions }) => { gone.set(uid, versions.at(-1) || {}); update(); }, () => undefined);
    }
  }

  // ---- the past of a label
  async function open(uid) {
    const { versions } = await icssn.server.ask(`labels/${options.scene}/${uid}`);
    past = { uid, versions, seen: null };
    update();
  }
  function history() {
    const now = ledger.get(past.uid), newest = past.versions.toReversed();
    const head = node("h2", "", card, say("history_of", { label: now ? title(now) : past.uid.slice(0, 4) }));
    button(head, "×", close, { className: "ic-close", id: "ic-history-close" }).setAttribute("aria-label", say("close"));
    if (!newest.length) node("p", "ic-quiet", card, say("history_none"));
    const list = node("div", "ic-history", card);
    for (const version of newest) {
      const before = past.versions.find((other) => other.version === version.version - 1);
      const row = node("div", `ic-version${past.seen === version.version ? " ic-chosen" : ""}`, list);
      row.tabIndex = 0;
      row.setAttribute("role", "button");
      node("b", "", row, say(`did_${version.operation}`));
      node("span", "ic-quiet", row, `${version.actor} · ${when(version.at)}`);
      if (before && before.geometry && version.geometry) {
        const parts = differences(before, version).map(([name, ...both]) => (both.length ? `${name}: ${both.join(" → ")}` : name));
        node("span", "", row, parts.join(" · "));
      }
      const look = () => { past.seen = version.version; ghosts([before, "before"], [version, "other"]); update(); };
      row.addEventListener("click", look);
      row.addEventListener("keydown", (event) => event.key === "Enter" && look());
      if (past.seen !== version.version) continue;
      const marks = node("span", "ic-marks", row), mark = (style, word) => {
        icssn.swatch(marks, style);
        node("span", "ic-quiet", marks, say(word));
      };
      if (version.geometry) mark(ui.styles.other, "version_seen");
      if (before && before.geometry) mark(ui.styles.before, "version_before");
      if (now) mark({ color: "#fff" }, "version_now");
      if (version.geometry)
        button(row, say("restore"), (event) => {
          event.stopPropagation();
          const { geometry, cls, status, source, attributes } = version;
          ledger.change([[past.uid, { ...(now || {}), uid: past.uid, geometry, cls, status, source: now ? now.source : source, attributes, version: now ? now.version : 0, area: icssn.area(geometry) }]]);
          close();
          ui.tell(say("did_bring_back"));
        }, { className: "ic-primary" });
    }
  }
  function update() {
    const uids = ledger.conflicts(), scrolled = card.scrollTop;
    card.replaceChildren();
    card.classList.toggle("ic-alarm", uids.length > 0);
    card.style.display = uids.length || past ? "" : "none";
    if (uids.length) conflict(uids[0], uids.length);
    else if (past) history();
    card.scrollTop = scrolled;
    shown();
  }
  return { card, update, open: (uid) => open(uid).catch((err) => ui.tell(err.message || say("unreachable"), { bad: true })), close, isOpen: () => past !== null, isShown: (uid) => Boolean(past && past.uid === uid) || ledger.conflicts().includes(uid) };
};
