/* Drafts: unsaved edits and all steps of undo, kept on the server within a second and in this browser as a second net.
   A tab keeps its own draft over reloads and takes over what crashed or closed tabs of the same person left behind, never
   that of a tab which still stands; a duplicated tab gets a draft of its own. The same message is the tab's sign of life; its answer says who else is here and
   how far the labels are. `on`: pack(extra), isEmpty(), heard({revision, others}). */
icssn.drafts = function (ui, scene, on) {
  "use strict";
  const TICK_MS = 350, BEAT_MS = 5000, prefix = `icssn.draft.${scene}.`;
  const KEPT = "icssn.tab", LET_GO_MS = 2000, WAIT_MS = 400; // so long a reload may take to let go of the tab's name, another tab to answer
  let session = ""; // the tab's name
  let dirty = false, busy = false, beaten = 0, ready = false, drop = [], told = false;

  // ---- the tab's name: a browser copies it into a duplicated tab, so it counts only where no other tab holds it
  const others = new BroadcastChannel(KEPT), answered = new Set(); // where there are no locks, as under an address without https, tabs ask each other
  others.onmessage = ({ data: { asked, held } }) => {
    if (asked && asked === session) others.postMessage({ held: asked });
    if (held) answered.add(held);
  };
  const { locks } = window.parent.navigator, lockOf = (name) => `${KEPT}.${name}`;
  /** Give those of some names that tabs of this browser hold, however long they lie in the background and say nothing. */
  async function heldOf(names) {
    if (locks) {
      const held = new Set((await locks.query()).held.map(({ name }) => name));
      return new Set(names.filter((name) => held.has(lockOf(name))));
    }
    for (const name of names) {
      answered.delete(name);
      others.postMessage({ asked: name });
    }
    if (names.length) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    return new Set(names.filter((name) => answered.has(name)));
  }
  /** Hold a name as long as this tab's page stands, over all maps that come and go in it; gives false where another tab holds
      it. A `fresh` name is nobody else's, so it is waited for on a busy machine, too. */
  async function hold(tab, name, fresh) {
    if (!locks) return fresh || !(await heldOf([name])).has(name);
    return new Promise((resolve) => void locks.request(lockOf(name), fresh ? {} : { signal: AbortSignal.timeout(LET_GO_MS) }, () => {
      resolve(true);
      return new tab.Promise(() => undefined);
    }).catch(() => resolve(false)));
  }
  async function claim() {
    const tab = window.parent, had = sessionStorage.getItem(KEPT), ours = tab.icssnTab || (had && (await hold(tab, had, false)));
    if (!ours && !tab.icssnTab) {
      sessionStorage.setItem(KEPT, icssn.newId());
      await hold(tab, sessionStorage.getItem(KEPT), true);
    }
    session = tab.icssnTab = tab.icssnTab || sessionStorage.getItem(KEPT);
  }
  const claimed = claim();

  function local(text) {
    try {
      if (text === null) localStorage.removeItem(prefix + session);
      else localStorage.setItem(prefix + session, text);
    } catch (err) { // the browser's store is full: the server's is the one that counts
      localStorage.removeItem(prefix + session);
    }
  }
  const text = () => (on.isEmpty() ? null : on.pack({ at: Date.now() }));
  async function tick() {
    if (!ready || busy || (!dirty && Date.now() - beaten < BEAT_MS)) return;
    busy = true;
    const message = { session }, dropped = drop;
    if (dirty) {
      message.draft = text();
      local(message.draft);
      dirty = false;
    }
    if (dropped.length) message.drop = dropped;
    try {
      const answer = await icssn.server.ask(`drafts/${scene}`, message);
      beaten = Date.now();
      drop = drop.filter((id) => !dropped.includes(id));
      told = false;
      on.heard(answer);
    } catch (err) {
      if ("draft" in message) dirty = true;
      beaten = Date.now() - BEAT_MS + 1500;
      if (err.status === 413 && !told) ui.tell(err.message, { bad: true });
      told = told || err.status === 413;
    }
    busy = false;
  }
  setInterval(tick, TICK_MS);
  addEventListener("pagehide", () => dirty && ready && local(text()));

  /** The draft to go on with: this tab's own, else the newest that a tab which is gone left; null without one. */
  async function find() {
    const found = new Map(); // session → draft
    const offer = (whose, body) => {
      let draft = null;
      try {
        draft = JSON.parse(body);
      } catch (err) { return; }
      if (draft && Array.isArray(draft.entries) && (!found.has(whose) || found.get(whose).at < draft.at)) found.set(whose, draft);
    };
    const open = new Set();
    await claimed;
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i);
      if (key.startsWith(prefix)) offer(key.slice(prefix.length), localStorage.getItem(key));
    }
    try {
      for (const kept of (await icssn.server.ask(`drafts/${scene}`)).drafts) {
        offer(kept.session, kept.draft);
        if (kept.open) open.add(kept.session);
      }
    } catch (err) { /* the copies of this browser have to do */ }
    const holds = (draft) => draft.entries.length || (draft.pen && draft.pen.points.length);
    const silent = [...found].filter(([whose, draft]) => whose !== session && !open.has(whose) && holds(draft));
    const held = await heldOf(silent.map(([whose]) => whose)), left = silent.filter(([whose]) => !held.has(whose));
    const own = found.get(session), newest = left.sort((a, b) => b[1].at - a[1].at)[0];
    ready = true;
    if (own && (holds(own) || !newest)) return own;
    if (!newest) return null;
    drop.push(newest[0]);
    localStorage.removeItem(prefix + newest[0]);
    dirty = true;
    return newest[1];
  }
  return { find, keep: () => (dirty = true), isKept: () => !dirty && !busy };
};
