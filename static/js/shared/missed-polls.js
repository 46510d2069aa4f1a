// Polls that fail: nothing is swapped, the next try comes later each time, and from the second failure a bar says so until the
// poll is answered again. What a poll knows already (its hx-get, its offset) stays, so that it continues from there.
import { findRetryWait } from "../pure/backoff.js";

const BAR_AFTER = 2;
// By element that polls: {misses, until}.
const failing = new Map();

export const isPoll = (element) => element.matches("[hx-trigger*='every ']");

// Whether its next try is due later.
export const isWaiting = (poll) => failing.get(poll)?.until > performance.now();

const showBar = () => {
  for (const poll of failing.keys()) if (!poll.isConnected) failing.delete(poll);
  document.getElementById("missed-polls").hidden = ![...failing.values()].some(({ misses }) => misses >= BAR_AFTER);
};

// Milliseconds until the next try.
export const recordMiss = (poll) => {
  const misses = (failing.get(poll)?.misses || 0) + 1, wait = findRetryWait(misses);
  failing.set(poll, { misses, until: performance.now() + wait });
  showBar();
  return wait;
};

export const recordAnswer = (poll) => {
  failing.delete(poll);
  showBar();
};

// ---- polls by htmx

// If this try is held back, because the tab is hidden for example, the poll's own next turn is one.
const retry = (poll) => {
  if (!failing.has(poll) || !poll.isConnected) return;
  failing.get(poll).until = 0;
  // A failure is counted by its event.
  htmx.ajax("GET", poll.getAttribute("hx-get"), { source: poll }).catch(() => null);
};

for (const kind of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(kind, ({ detail: { requestConfig: { elt } } }) => {
    if (isPoll(elt)) setTimeout(retry, recordMiss(elt), elt);
  });
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (isWaiting(event.detail.requestConfig.elt)) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", ({ detail: { requestConfig, successful } }) => {
  if (successful && failing.size) recordAnswer(requestConfig.elt);
});
