// The panels next to a list. The columns panel: order by dragging or [data-move] buttons, new columns, search.
import { hasAllWords, splitWords } from "../pure/words.js";

document.addEventListener("htmx:afterSettle", (event) => {
  const panel = document.getElementById("list-panel");
  if (event.detail.elt.id === "list-panel-body" && panel && !panel.open) panel.showModal();
});

const findColumnList = (item) => item.closest("form").querySelector("[data-column-list]");

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  if (!button) return;
  event.preventDefault();
  const item = button.closest("li");
  if (button.dataset.move < 0) item.previousElementSibling?.before(item);
  else item.nextElementSibling?.after(item);
  button.focus();
});

let dragged = null;
document.addEventListener("dragstart", (event) => { dragged = event.target.closest?.("[data-column-list] > li"); });
document.addEventListener("dragover", (event) => {
  const over = event.target.closest?.("[data-column-list] > li");
  if (!dragged || !over || over === dragged) return;
  event.preventDefault();
  const box = over.getBoundingClientRect();
  if (event.clientY > box.top + box.height / 2) over.after(dragged);
  else over.before(dragged);
});
document.addEventListener("dragend", () => { dragged = null; });
document.addEventListener("drop", (event) => { if (dragged) event.preventDefault(); });

// The tools of a column, copied from a column that has them: only shown columns do, because a list may offer a thousand others.
const copyTools = (item, column) => {
  const tools = findColumnList(item).querySelector(".column-tools").cloneNode(true), { title } = item.querySelector(".cut");
  const pin = tools.querySelector("[name=pin]"), width = tools.querySelector(".column-width");
  Object.assign(pin, { value: column, checked: false });
  Object.assign(width, { name: `width-${column}`, value: "" });
  pin.setAttribute("aria-label", `Pin ${title}`);
  width.setAttribute("aria-label", `Width of ${title} in pixels`);
  for (const button of tools.querySelectorAll("[data-move]")) {
    button.setAttribute("aria-label", `Move ${title} ${button.dataset.move < 0 ? "up" : "down"}`);
  }
  return tools;
};

// A column that is ticked among those offered goes to the end of those shown.
document.addEventListener("change", (event) => {
  const item = event.target.matches("#list-panel-body input[name=col]") ? event.target.closest("li") : null;
  if (!item || !event.target.checked || item.closest("[data-column-list]")) return;
  item.draggable = true;
  item.append(copyTools(item, event.target.value));
  findColumnList(item).append(item);
  event.target.focus();
});

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-column-search]")) return;
  const words = splitWords(event.target.value), form = event.target.closest("form");
  for (const item of form.querySelectorAll("[data-column-item]")) item.hidden = !hasAllWords(item.dataset.words, words);
  for (const group of form.querySelectorAll("[data-column-group]")) if (words.length) group.open = true;
});
