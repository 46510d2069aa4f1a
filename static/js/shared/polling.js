// [data-poll] asks the server every few seconds by htmx: not while the tab is hidden, and immediately when it is shown again
// (its hx-trigger in the template names the event "poll-now" for that, and the interval). After errors: missed-polls.js.

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches("[data-poll]")) event.preventDefault();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-poll]")) element.dispatchEvent(new Event("poll-now"));
});

// The answer to a poll whose part of the page was replaced meanwhile has no place. Its events do not reach the document.
const ignoreIfReplaced = (event) => {
  if (!event.target.isConnected) event.preventDefault();
};

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches("[data-poll]")) event.target.addEventListener("htmx:beforeOnLoad", ignoreIfReplaced);
});
