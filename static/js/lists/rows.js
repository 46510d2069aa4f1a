// The rows of a list of jobs: Shift and a click select all rows in between; keys act on the row that has the focus.
import { hasModifier, isField } from "../shared/keys.js";
import { showToast } from "../shell/toasts.js";
import { findBoxes } from "./selection.js";

const findRow = (element) => element.closest?.("#run-table tbody tr");
const findBox = (row) => row?.querySelector("input[name=run]");

let lastClicked = null;
document.addEventListener("click", (event) => {
  if (!event.target.matches("#runs-form input[name=run]")) return;
  const boxes = findBoxes();
  const from = boxes.findIndex((box) => box.value === lastClicked), to = boxes.indexOf(event.target);
  if (event.shiftKey && from >= 0) {
    for (const box of boxes.slice(Math.min(from, to), Math.max(from, to))) box.checked = event.target.checked;
  }
  lastClicked = event.target.value;
  findBox(findRow(event.target)).dispatchEvent(new Event("change", { bubbles: true }));
});

// Opens the child jobs or the group of a row if they are closed, or closes them if they are open.
const setExpanded = (row, isExpanded) => {
  const toggle = row.querySelector("[aria-expanded]");
  if (toggle?.getAttribute("aria-expanded") === String(!isExpanded)) toggle.click();
};

// A button acts on the selected jobs; without a selection, on the job of the row.
const pressButton = (row, button) => {
  if (row && button?.disabled && !findBoxes().some((box) => box.checked)) findBox(row)?.click();
  if (button && !button.disabled) button.click();
};
// A button that takes some rows only says how many.
const pressLimited = (button) => {
  if (button?.disabled) showToast(button.dataset.limit);
  else button?.click();
};
const findButton = (ending) => document.querySelector(`[data-needs-selection][formaction$="/${ending}/"]`);
const findFirstLink = () => document.querySelector("#run-table tbody .row-link") || document.querySelector("#run-table tbody a");

const LIST_KEYS = {
  q: () => document.getElementById("run-query").focus(),
  t: () => findFirstLink()?.focus(),
  c: () => pressLimited(document.querySelector("[data-min-selected]")),
  e: (row) => pressButton(row, document.querySelector("[popovertarget=tag-many][data-needs-selection]")),
  Delete: (row) => pressButton(row, findButton("delete")),
};

const ROW_KEYS = {
  x: (row) => findBox(row)?.click(),
  s: (row) => row.querySelector(".star")?.click(),
  ArrowRight: (row) => setExpanded(row, true),
  ArrowLeft: (row) => setExpanded(row, false),
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || hasModifier(event) || event.shiftKey || document.querySelector("dialog[open], :popover-open")) return;
  const row = findRow(event.target);
  const isAtTop = event.target === document.body || event.target.id === "main";
  if (LIST_KEYS[event.key] && !isField(event.target)) LIST_KEYS[event.key](row);
  else if (event.key === "ArrowDown" && isAtTop) LIST_KEYS.t();
  else if (row && ROW_KEYS[event.key]) ROW_KEYS[event.key](row);
  else return;
  event.preventDefault();
});
