/* The outline of a candidate being corrected before it is accepted; kept in this browser until it is accepted or dropped.
   `on`: current() gives the candidate, draw(item) draws it anew, changed() is told when correcting begins or ends by key. */
icssn.correction = function (map, ui, prediction, on) {
  "use strict";
  const { say } = ui, kept = icssn.kept(`icssn.corrections.${prediction}`); // candidate id → outline
  let draft = null, asked = false; // the outline on the handles; whether it was asked to drop it
  const handles = icssn.handles(map, ui, { follow: (geometry) => trace(geometry), commit: (geometry) => { trace(geometry); kept.set(on.current().id, geometry); handles.show(geometry); } });
  function trace(geometry) {
    draft = geometry;
    asked = false;
    on.draw(on.current());
  }
  function begin(geometry) {
    draft = geometry;
    handles.show(draft);
    ui.hint.textContent = say("hint_correct");
  }
  function stop() {
    if (draft) ui.hint.textContent = "";
    draft = null;
    asked = false;
    handles.clear();
  }
  /** Begin to correct, or drop what was corrected. */
  function toggle() {
    const item = on.current();
    if (!item || item.again) return; // a second reader judges the same outline
    if (draft && kept.has(item.id) && !asked) { // what was corrected is thrown away only when asked twice
      asked = true;
      ui.hint.textContent = say("hint_escape");
      return;
    }
    if (draft) {
      stop();
      kept.delete(item.id);
    } else begin(structuredClone(item.geometry));
    on.draw(item);
    on.changed();
  }
  return { kept, draft: () => draft, begin, stop, toggle, removeCorner: () => draft && handles.removeCorner() };
};
