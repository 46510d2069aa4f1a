// Charts of the metrics tab in another order: by dragging their handle ([data-chart-move]), or by the arrow keys on it. The
// address keeps it.
import { clamp } from "../pure/words.js";
import { hasModifier } from "../shared/keys.js";
import { page, saveSettings, settings } from "./settings.js";

const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };
// This near (in pixels) to the edge of the window a drag scrolls it.
const SCROLL_EDGE = 80;

const findNeighbours = (card) => [...card.parentElement.querySelectorAll(":scope > [data-card]")];
const findShownNeighbours = (card) => findNeighbours(card).filter((one) => !one.hidden);
const listTitles = (card) => findNeighbours(card).map((one) => one.dataset.title);

// The positions of all moved cards of this section.
const saveOrder = (card) => {
  settings.at.set(card.dataset.title, 0);
  listTitles(card).forEach((title, index) => { if (settings.at.has(title)) settings.at.set(title, index); });
  saveSettings();
};

const announceMove = (card) => {
  const shown = findShownNeighbours(card);
  page.querySelector("[data-move-status]").textContent = `${card.dataset.title}: ${shown.indexOf(card) + 1} of ${shown.length}`;
};

const moveCard = (handle, step) => {
  const card = handle.closest("[data-card]"), shown = findShownNeighbours(card), from = shown.indexOf(card);
  const to = clamp(from + step, 0, shown.length - 1);
  if (to === from) return;
  shown[to][to < from ? "before" : "after"](card);
  handle.focus();
  card.scrollIntoView({ block: "nearest" });
  saveOrder(card);
  announceMove(card);
};

page.addEventListener("keydown", (event) => {
  const handle = event.target.closest("[data-chart-move]"), step = STEPS[event.key];
  if (!handle || !step || hasModifier(event) || event.shiftKey) return;
  event.preventDefault();
  moveCard(handle, step);
});

// Pointer events, for a finger cannot drag by HTML's own drag and drop.
let dragged = null, titlesBefore = "";
page.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest("[data-chart-move]");
  if (!handle || event.button) return;
  dragged = handle.closest("[data-card]");
  titlesBefore = listTitles(dragged).join("\n");
  event.preventDefault();
  handle.focus();
  dragged.classList.add("metric-dragged");
});

window.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  if (event.clientY < SCROLL_EDGE) window.scrollBy(0, -SCROLL_EDGE / 4);
  if (event.clientY > innerHeight - SCROLL_EDGE) window.scrollBy(0, SCROLL_EDGE / 4);
  const over = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-card]");
  if (!over || over === dragged || over.parentElement !== dragged.parentElement) return;
  const cards = findNeighbours(dragged);
  over[cards.indexOf(over) < cards.indexOf(dragged) ? "before" : "after"](dragged);
});

const endDrag = () => {
  if (!dragged) return;
  dragged.classList.remove("metric-dragged");
  if (listTitles(dragged).join("\n") !== titlesBefore) {
    saveOrder(dragged);
    announceMove(dragged);
  }
  dragged = null;
};
for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, endDrag);

page.addEventListener("click", (event) => {
  if (!event.target.closest("[data-default-order]")) return;
  settings.at.clear();
  saveSettings();
  location.reload();
});
