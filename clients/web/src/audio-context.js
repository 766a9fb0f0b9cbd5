const LOST_MS = 3_000; // in which a context runs again after `resume`

/** Resumes an audio context. Not awaited: a browser may refuse it, or keep it waiting for a click. */
export function resume(context) {
  context.resume().catch(() => {});
}

/**
 * Starts an audio context, and resumes it when the system has stopped it, as phones do for a call and for a locked
 * screen: at once, when the page is shown again, and at the next click or key. onLost: called when it stays stopped for
 * some seconds although the page is visible. While the system holds it, as for a phone that rings, this is not called.
 */
export function keepRunning(context, onLost = () => {}) {
  const watching = new AbortController();
  const isStopped = () => context.state !== "running" && context.state !== "closed";
  let timer = null;
  const check = () => {
    clearTimeout(timer);
    if (context.state === "closed") watching.abort();
    if (!isStopped()) return;
    resume(context);
    if (context.state === "interrupted") return; // by the system, which says when that has ended
    timer = setTimeout(() => isStopped() && !document.hidden && onLost(), LOST_MS);
  };
  const watch = (target, type) => target.addEventListener(type, check, { signal: watching.signal });
  watch(context, "statechange");
  ["visibilitychange", "click", "touchend", "keydown"].forEach((type) => watch(document, type));
  resume(context);
}
