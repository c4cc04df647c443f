/* The ledger of the label editor: what Python holds (`base`), what the geologist sees (`work`), and every step between.
   A label is an object that is never changed in place: {uid, geometry, cls, status, source, attributes, version, area}.
   A step is a list of {uid, before, after}, done and undone as one. No page and no map here. `touched(uids, own)` is told
   which labels look different now; `own`: by what was done here, not by what came from elsewhere. */
icssn.ledger = function (touched) {
  "use strict";
  const DRAFT_CHARS = 3.5e6; // below what the browser and the server keep; older steps are left out of a larger draft
  let base = new Map(), work = new Map(), revision = null, done = [], undone = [], returned = []; // returned: labels as a draft brought them back, until the first step after
  const based = new Map(); // uid → version that a pending change started from

  // ---- the difference between what Python holds and what is drawn
  const rounded = (geometry) => JSON.stringify(geometry.coordinates, (_, v) => (typeof v === "number" ? +v.toFixed(8) : v));
  const plain = (attributes) => JSON.stringify(Object.entries(attributes).sort());
  const same = (a, b) => a === b || Boolean(a && b && a.cls === b.cls && a.status === b.status &&
    plain(a.attributes) === plain(b.attributes) && rounded(a.geometry) === rounded(b.geometry));
  const now = (uid) => work.get(uid) || null;
  const isPending = (uid) => !same(base.get(uid) || null, now(uid));
  const pending = () => [...new Set([...based.keys(), ...work.keys()])].filter(isPending);
  /** Labels that somebody else changed or deleted since the pending change started. */
  const conflicts = () => [...based.keys()].filter((uid) => (base.has(uid) ? base.get(uid).version : null) !== based.get(uid) && isPending(uid));

  function put(uid, state) {
    if (base.has(uid) && !based.has(uid)) based.set(uid, base.get(uid).version);
    if (state) work.set(uid, state);
    else work.delete(uid);
    if (!isPending(uid)) based.delete(uid);
  }

  // ---- steps
  /** Make one step out of [uid, new state or null] pairs; changes of the same labels in one `burst` (an object) are one. */
  function change(pairs, burst) {
    const last = done.at(-1), goesOn = burst && last && last.burst === burst && !undone.length && last.length === pairs.length && pairs.every(([uid], i) => last[i].uid === uid);
    if (goesOn) pairs.forEach(([, after], i) => (last[i].after = after));
    else done.push(Object.assign(pairs.map(([uid, after]) => ({ uid, before: now(uid), after })), { burst }));
    [undone, returned] = [[], []];
    pairs.forEach(([uid, after]) => put(uid, after));
    touched(pairs.map(([uid]) => uid), true);
  }
  /** Take a step back (or forth again). Gives its labels, null without one, false where somebody else was there since. */
  function travel(from, to, [here, there]) {
    const step = from.pop();
    if (!step) return null;
    if (step.some((item) => !same(now(item.uid), item[here]))) return false;
    to.push(Object.assign(step, { burst: null }));
    step.forEach((item) => put(item.uid, item[there]));
    const uids = step.map((item) => item.uid);
    returned = [];
    touched(uids, true);
    return uids;
  }
  const undo = () => travel(done, undone, ["after", "before"]), redo = () => travel(undone, done, ["before", "after"]);
  /** Another object for the same state, everywhere in the steps. */
  function replace(old, fresh) {
    for (const item of [...done, ...undone].flat()) {
      if (item.before === old) item.before = fresh;
      if (item.after === old) item.after = fresh;
    }
  }
  /** Take back, as one step, what a draft brought back. */
  const discard = () => change(returned.filter(isPending).map((uid) => [uid, base.get(uid) || null]));

  // ---- saving
  /** What a Save has to tell Python, or null. */
  function message() {
    const uids = pending();
    if (!uids.length) return null;
    const parts = { nonce: icssn.newId(), created: [], changed: [], deleted: [] };
    for (const uid of uids) {
      const state = now(uid), old = base.get(uid);
      const { geometry, cls, status, source, attributes } = state || {}, expected_version = based.get(uid);
      if (!state) parts.deleted.push({ uid, expected_version });
      else if (!old) parts.created.push({ uid, geometry, cls, status, source, attributes });
      else parts.changed.push({ uid, expected_version, cls, status, attributes,
                                geometry: rounded(old.geometry) === rounded(geometry) ? null : geometry });
    }
    return { parts, states: new Map(uids.map((uid) => [uid, now(uid)])) };
  }
  /** A Save arrived; `labels` are those it left. What was edited meanwhile stays pending. */
  function saved({ states }, labels, newRevision) {
    const fresh = new Map(labels.map((label) => [label.uid, label]));
    for (const [uid, state] of states) {
      const there = fresh.get(uid) || null;
      if (there) base.set(uid, there);
      else base.delete(uid);
      if (now(uid) === state) {
        if (there) {
          work.set(uid, there);
          replace(state, there);
        }
        based.delete(uid);
      } else if (there) based.set(uid, there.version);
      else based.delete(uid);
    }
    const gap = newRevision - revision;
    revision = newRevision;
    returned = [];
    touched([...states.keys()], true);
    return gap > 1; // others saved in between: fetch their labels
  }
  /** All labels as Python holds them now; pending changes are kept. */
  function fetched(labels, newRevision) {
    const mine = new Map(pending().map((uid) => [uid, now(uid)])), before = work;
    base = new Map();
    for (const label of labels) { // a label of the same version stays the same object
      const old = before.get(label.uid);
      base.set(label.uid, old && old.version === label.version && !mine.has(label.uid) ? old : label);
    }
    revision = newRevision;
    work = new Map(base);
    for (const [uid, state] of mine) {
      if (state) work.set(uid, state);
      else work.delete(uid);
      if (base.has(uid) && !based.has(uid)) based.set(uid, base.get(uid).version);
    }
    for (const uid of [...based.keys()]) if (!isPending(uid)) based.delete(uid);
    touched([...new Set([...before.keys(), ...work.keys()])].filter((uid) => before.get(uid) !== work.get(uid)));
  }
  /** Settle a conflict: "mine" is saved over theirs, "theirs" drops mine, "both" keeps mine as a new label. */
  function settle(uid, choice) {
    const mine = now(uid), theirs = base.get(uid) || null, pairs = [[uid, theirs]];
    if (choice === "mine" && theirs) based.set(uid, theirs.version);
    else if (choice === "mine") based.delete(uid); // they deleted it: mine is created anew under the same id
    else {
      const copy = choice === "both" && mine ? icssn.newId() : null;
      if (copy) pairs.push([copy, { ...mine, uid: copy, version: 0 }]);
      change(pairs);
      based.delete(uid);
    }
    touched(pairs.map(([id]) => id), true);
  }

  // ---- drafts: what is unsaved, and all steps, as text
  function pack(extra = {}) {
    const states = [], places = new Map();
    const place = (state) => {
      if (!state) return null;
      if (!places.has(state)) places.set(state, states.push(state) - 1);
      return places.get(state);
    };
    const steps = (list) => list.map((step) => step.map(({ uid, before, after }) => [uid, place(before), place(after)]));
    const entries = pending().map((uid) => [uid, place(now(uid)), based.get(uid) ?? null]);
    const text = (back, forth) => JSON.stringify({ ...extra, entries, done: back, undone: forth, states }, (key, v) =>
      typeof v === "number" && !Number.isInteger(v) ? +v.toFixed(8) : v);
    const whole = text(steps(done), steps(undone));
    if (whole.length < DRAFT_CHARS) return whole;
    const kept = Math.floor((done.length * DRAFT_CHARS) / whole.length / 2);
    states.length = 0;
    places.clear();
    entries.forEach((entry) => (entry[1] = place(now(entry[0]))));
    return text(steps(done.slice(-kept || done.length)), []);
  }
  /** Take a draft up again over what Python holds; gives how many labels it makes pending. */
  function unpack(draft) {
    const at = (index) => (index === null ? null : draft.states[index]);
    const steps = (list) => (list || []).map((step) => step.map(([uid, before, after]) => ({ uid, before: at(before), after: at(after) })));
    for (const [uid, index, version] of draft.entries) {
      const state = at(index);
      if (version === null && base.has(uid)) continue; // it was saved; only the answer was lost
      if (version !== null && !base.has(uid) && !state) continue; // its deletion was saved
      put(uid, state);
      if (version !== null && isPending(uid)) based.set(uid, version);
    }
    [done, undone] = [steps(draft.done), steps(draft.undone)];
    returned = draft.entries.map(([uid]) => uid).filter(isPending);
    touched(draft.entries.map(([uid]) => uid));
    return returned.length;
  }

  const sameOutline = (a, b) => rounded(a) === rounded(b);
  return { get: now, sameOutline, base: (uid) => base.get(uid) || null, all: () => [...work.values()], size: () => work.size, revision: () => revision,
    pending, isPending, conflicts, change, undo, redo, canUndo: () => done.length > 0, canRedo: () => undone.length > 0,
    hasReturned: () => returned.length > 0, discard, message, saved, fetched, settle, pack, unpack };
};
