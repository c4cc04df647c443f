/* The way from the map to the server's own routes: JSON there and back, refusals as errors with a sentence in the page's language. */
icssn.server = (function () {
  "use strict";
  const RETRY_MS = 2000;

  /** Ask a route below the application's address. Throws an Error with `status` and the server's sentence; status 0
      means that the server could not be reached. */
  async function ask(route, message, { keepalive = false } = {}) {
    let answer;
    try {
      answer = await fetch(`../../${route}`, {
        method: message === undefined ? "GET" : "POST",
        headers: { "X-ICSSN": "draft", "Accept-Language": document.documentElement.lang, ...(message === undefined ? {} : { "Content-Type": "application/json" }) },
        body: message === undefined ? undefined : JSON.stringify(message),
        keepalive,
        cache: "no-store",
      });
    } catch (err) {
      throw Object.assign(new Error("unreachable"), { status: 0 });
    }
    const found = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(found.error || `HTTP ${answer.status}`), { status: answer.status });
    return found;
  }

  /** Ask until the server answers, however long it is away; only for what may safely arrive twice. */
  async function insist(route, message, onwait) {
    for (;;) {
      try {
        return await ask(route, message);
      } catch (err) {
        if (err.status && err.status < 500) throw err;
        if (onwait) onwait();
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
  return { ask, insist };
})();
