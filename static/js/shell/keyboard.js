// "?" for help, "g h" and the like to go to a page, "/" to search, "r" to refresh, arrow keys through the rows of a list.
import { hasModifier, isDialogOpen } from "../shared/keys.js";

// The second key of "g h" comes within this time.
const SECOND_KEY_MS = 1200;
let firstKeyAt = 0;

const isTyping = (element) => element.matches("input, textarea, select, [contenteditable=true], .js-plotly-plot *");

const openNavigation = (key) => document.querySelector(`.nav a[data-key="${CSS.escape(key)}"]`)?.click();

const ACTIONS = {
  "?": () => document.getElementById("keyboard-help")?.showModal(),
  "/": () => document.querySelector("main input[type=search]")?.focus(),
  r: () => document.querySelector("[data-refresh]")?.click(),
};

const focusRow = (event, step) => {
  const links = [...document.querySelectorAll("main .row-link")].filter((link) => link.offsetParent);
  const row = event.target.closest("tr");
  const current = row ? links.findIndex((link) => row.contains(link)) : -1;
  const first = step > 0 ? links[0] : null;
  const next = current < 0 ? first : links[current + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
};

document.addEventListener("keydown", (event) => {
  if (hasModifier(event) || isDialogOpen()) return undefined;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const isInList = event.target.closest?.("tbody, .search-box");
  if (step && isInList && !event.target.matches("select, textarea")) return focusRow(event, step);
  if (isTyping(event.target)) return undefined;
  if (Date.now() - firstKeyAt < SECOND_KEY_MS) {
    firstKeyAt = 0;
    // The letter is the second key, so the page does not handle it.
    event.preventDefault();
    return openNavigation(event.key);
  }
  if (event.key === "g") firstKeyAt = Date.now();
  else if (ACTIONS[event.key]) {
    event.preventDefault();
    ACTIONS[event.key]();
  }
  return undefined;
});
