/* The labels that are deleted: a closed line under the list, asked for when it is opened. A click shows where one was,
   Restore brings it back as one step, to be saved like any other. `on`: ledger, outlines, select(uids), title(state). */
icssn.deleted = function (ui, options, on) {
  "use strict";
  const { node, button } = icssn, { say } = ui, { ledger, outlines, select, title } = on;
  const card = node("details", "ic-deleted");
  node("summary", "", card, say("deleted"));
  const list = node("div", "ic-gone", card);
  let kept = [], asked = null, seen = null; // what the store says is deleted, the revision it was asked at, uid shown

  /** Deletions that are not saved yet, then those in the store that were not brought back since. */
  function entries() {
    const mine = ledger.pending().filter((uid) => !ledger.get(uid)).map((uid) => ({ state: ledger.base(uid), note: say("deleted_unsaved") }));
    const others = kept.filter(({ before }) => !ledger.get(before.uid) && !ledger.base(before.uid));
    return [...mine.reverse(), ...others.map(({ before, deleted }) => {
      const { uid, geometry, cls, status, source, attributes } = before;
      const note = `${deleted.actor} · ${new Date(deleted.at).toLocaleString(options.language, { dateStyle: "short", timeStyle: "short" })}`;
      return { state: { uid, geometry, cls, status, source, attributes, version: 0, area: icssn.area(geometry) }, note };
    })];
  }
  function look(state) {
    seen = state.uid;
    outlines.clearGhosts();
    outlines.ghost(state.geometry, ui.styles.other);
    outlines.fly(state.geometry);
    paint();
  }
  function restore(state) {
    forget();
    ledger.change([[state.uid, state]]);
    select([state.uid]);
    outlines.fly(state.geometry);
    ui.tell(say("did_undelete", { label: title(state) }));
  }
  function forget() {
    if (seen) outlines.clearGhosts();
    seen = null;
  }
  function paint() {
    const found = entries();
    list.replaceChildren(...found.map(({ state, note }) => {
      const row = node("div", `ic-row${state.uid === seen ? " ic-chosen" : ""}`), what = node("div", "ic-what", row);
      row.tabIndex = 0;
      row.dataset.uid = state.uid;
      row.setAttribute("role", "button");
      node("div", "", what, `${title(state)} · ${icssn.sizeText(state)}`);
      node("div", "ic-quiet", what, note);
      row.addEventListener("click", () => look(state));
      row.addEventListener("keydown", (event) => event.key === "Enter" && event.target === row && look(state));
      button(row, say("restore"), (event) => { event.stopPropagation(); restore(state); });
      return row;
    }));
    if (!found.length) node("div", "ic-quiet", list, say("deleted_none"));
  }
  async function update() {
    if (!card.open) return;
    paint();
    if (asked === ledger.revision()) return;
    asked = ledger.revision();
    try {
      kept = (await icssn.server.ask(`deleted/${options.scene}`)).labels;
      paint();
    } catch (err) {
      asked = null; // asked again when it is next opened, or after the next edit
      ui.tell(err.status ? err.message : say("unreachable"), { bad: true });
    }
  }
  card.addEventListener("toggle", () => (card.open ? update() : forget()));
  return { card, update };
};
