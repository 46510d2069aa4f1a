// The table of jobs: sorting by several columns, its search form, and polls that do not interrupt the user.
import { cycleSort } from "../pure/sorting.js";
import { isDragging } from "./column-widths.js";
import { openAddress, readAddress, setParameters } from "./table-address.js";

// Parameters of the address that have a field in the search form.
const FORM_FIELDS = ["filter", "q"];

// ---- sorting

// Shift and a click: in the capture phase, before htmx, which would sort by this column alone.
document.addEventListener("click", (event) => {
  const link = event.target.closest("#run-table a[data-sort]");
  if (!link || !event.shiftKey) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const url = readAddress();
  setParameters(url, "sort", cycleSort(url.searchParams.getAll("sort"), link.dataset.sort, link.dataset.sortFirst));
  url.searchParams.delete("page");
  openAddress(url);
}, true);

// Ctrl and a click open a link in another tab, even one that htmx would follow.
document.addEventListener("click", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.target.closest("a[hx-get]")) event.stopImmediatePropagation();
}, true);

// ---- the search form sends the parameters of the address, which may have changed since the page was made

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.id !== "run-search") return;
  const given = event.detail.formData, parameters = new FormData();
  for (const [name, value] of readAddress().searchParams) if (!FORM_FIELDS.includes(name) && name !== "page") parameters.append(name, value);
  for (const name of FORM_FIELDS) if (given.get(name)) parameters.append(name, given.get(name));
  event.detail.formData = parameters;
  event.detail.parameters = parameters;
});

// Removing a chip empties its field; text that was typed there and not sent yet stays.
let known = readAddress().searchParams;
const updateFields = (parameters) => {
  for (const name of FORM_FIELDS) {
    const field = document.getElementById("run-search").elements[name];
    if (field.value.trim() === (known.get(name) || "").trim()) field.value = parameters.get(name) || "";
  }
  known = parameters;
};

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt.id !== "run-table") return;
  const url = readAddress();
  document.querySelector("[data-refresh]")?.setAttribute("href", url.pathname + url.search);
  const next = document.querySelector("#star-form [name=next]");
  if (next) next.value = url.pathname + url.search;
  document.getElementById("run-query").setAttribute("aria-invalid", false);
  updateFields(url.searchParams);
});

// An error of the query leaves the table as it was; the caret goes to where it is.
document.addEventListener("htmx:afterSettle", (event) => {
  const error = event.detail.elt.id === "query-error" && event.detail.elt.querySelector("[data-at]");
  if (!error) return;
  const box = document.getElementById("run-query"), at = Number(error.dataset.at);
  box.setAttribute("aria-invalid", true);
  if (document.activeElement === box) box.setSelectionRange(at, at + 1);
});

// Words typed one after the other are one step back in the history, not one for each pause.
let wasTyped = false;
document.addEventListener("htmx:beforeHistoryUpdate", (event) => {
  const isTyped = event.detail.requestConfig.triggeringEvent?.target?.id === "run-words";
  if (isTyped && wasTyped) event.detail.history.type = "replace";
  wasTyped = isTyped;
});

// ---- polls: a poll would close menus over the table, end a drag and clear selected text, so it waits

const isTextSelected = () => {
  const selection = getSelection();
  return !selection.isCollapsed && document.getElementById("run-table")?.contains(selection.anchorNode);
};
const isBusy = () => isDragging() || document.querySelector("dialog[open], :popover-open") || isTextSelected();

// Of two clicks, the answer to the first may come last.
let latestRequest = null;
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches("[data-poll]")) {
    if (isBusy()) event.preventDefault();
  } else if (event.detail.target.id === "run-table") latestRequest = event.detail.xhr;
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig: { elt }, target, xhr } = event.detail;
  // A poll that was removed from the page requested the earlier list.
  const isLatePoll = !elt.isConnected || isBusy();
  const isOvertaken = target.id === "run-table" && xhr !== latestRequest;
  if (elt.matches("[data-poll]") ? isLatePoll : isOvertaken) event.detail.shouldSwap = false;
});
