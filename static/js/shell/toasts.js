// Short notices at the bottom: from the server's `HX-Trigger: {"toast": {"text", "level"}}`, or showToast(text, level).
import { isPoll } from "../shared/missed-polls.js";

const ICONS = { success: "m4 10.5 4 4 8-9", error: "M5 5l10 10M15 5 5 15", warning: "M10 3.5 17.5 16.5h-15zM10 8.5v4M10 14.5h.01", info: "M10 9v6M10 5.500h.01" };
const CROSS = "m4.5 4.5 11 11M15.5 4.5l-11 11";
const SVG = "http://www.w3.org/2000/svg";

const makeIcon = (shape) => {
  const icon = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 20 20", width: 16, height: 16, class: "icon", "aria-hidden": "true" })) icon.setAttribute(name, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", shape);
  icon.append(path);
  return icon;
};

const makeCloseButton = (toast) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "icon-button";
  button.setAttribute("aria-label", "Dismiss");
  button.append(makeIcon(CROSS));
  button.addEventListener("click", () => toast.remove());
  return button;
};

export const showToast = (text, level = "info", milliseconds = level === "error" ? 12000 : 6000) => {
  const box = document.getElementById("toasts");
  for (const shown of [...box.children]) if (shown.dataset.text === text) shown.remove();
  const toast = document.createElement("div");
  toast.className = `toast toast-${level}`;
  toast.dataset.text = text;
  const message = document.createElement("span");
  message.textContent = text;
  toast.append(makeIcon(ICONS[level] || ICONS.info), message, makeCloseButton(toast));
  box.append(toast);
  setTimeout(() => toast.remove(), milliseconds);
};

// Message bars of the page close by the same cross.
document.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest(".message-bar, .toast").remove());

// A greyed button shows the reason, and the people to ask.
document.addEventListener("click", (event) => {
  const greyed = event.target.closest("[data-reason]");
  if (greyed) showToast(greyed.dataset.reason);
});

document.addEventListener("toast", (event) => {
  for (const { text, level } of event.detail.toasts || [event.detail]) showToast(text, level);
});
// Of a poll, shared/missed-polls.js shows it.
document.addEventListener("htmx:responseError", ({ detail: { requestConfig, xhr } }) => {
  // The server sends the reason in HX-Trigger; without it, only the status is known.
  if (!isPoll(requestConfig.elt) && !xhr.getResponseHeader("HX-Trigger")) showToast(`The server answered with error ${xhr.status}.`, "error");
});
for (const kind of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(kind, ({ detail: { requestConfig } }) => {
    if (!isPoll(requestConfig.elt)) showToast("The studio cannot be reached. Try again.", "warning");
  });
}
