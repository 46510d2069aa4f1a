// A tree of files (.tree): arrow keys as in any tree, its width by [data-tree-handle], which a cookie remembers.
import { hasModifier } from "../shared/keys.js";

const MIN_WIDTH = 160, MAX_WIDTH = 900, STEP = 20, DEFAULT_WIDTH = 300;

// ---- keys

const isShown = (entry) => entry.getClientRects().length > 0;
const listEntries = (tree) => [...tree.querySelectorAll("summary, a[title]")].filter(isShown);

const openFolder = (tree, entry) => {
  const folder = entry.matches("summary") ? entry.parentElement : null;
  if (!folder) return null;
  if (!folder.open) folder.open = true;
  else return listEntries(tree)[listEntries(tree).indexOf(entry) + 1];
  return null;
};

const closeFolder = (entry) => {
  const folder = entry.closest("details");
  if (entry.matches("summary") && folder.open) folder.open = false;
  else if (entry.matches("summary")) return folder.parentElement.closest("details")?.querySelector("summary");
  else return folder?.querySelector("summary");
  return null;
};

const findNext = (tree, entry, key) => {
  const entries = listEntries(tree), index = entries.indexOf(entry);
  return {
    ArrowDown: () => entries[index + 1],
    ArrowUp: () => entries[Math.max(0, index - 1)],
    Home: () => entries[0],
    End: () => entries.at(-1),
    ArrowRight: () => (index < 0 ? null : openFolder(tree, entry)),
    ArrowLeft: () => (index < 0 ? null : closeFolder(entry)),
  }[key];
};

document.addEventListener("keydown", (event) => {
  if (hasModifier(event) || !(event.target instanceof Element)) return;
  const fromSearch = event.target.matches("[data-filter-tree]") && event.key === "ArrowDown";
  const tree = fromSearch ? event.target.closest("aside").querySelector(".tree") : event.target.closest(".tree");
  const find = tree && findNext(tree, event.target, event.key);
  if (!find) return;
  event.preventDefault();
  event.stopPropagation();
  find()?.focus();
}, true);

// Scroll the selected file into view, without moving the page.
for (const tree of document.querySelectorAll(".tree")) {
  const chosen = tree.querySelector("a[aria-current]")?.getBoundingClientRect(), around = tree.getBoundingClientRect();
  if (chosen && chosen.bottom > around.bottom) tree.scrollTop += chosen.top - around.top - around.height / 2;
}

// ---- width

const setWidth = (handle, width) => {
  const rounded = Math.round(Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, width)));
  handle.parentElement.style.setProperty("--tree", `${rounded}px`);
  handle.setAttribute("aria-valuenow", rounded);
  document.cookie = `tree_width=${rounded}; path=/; max-age=31536000; samesite=lax`;
};

const readWidth = (handle) => handle.previousElementSibling.getBoundingClientRect().width;

document.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest("[data-tree-handle]");
  if (!handle) return;
  const start = event.clientX, before = readWidth(handle);
  handle.setPointerCapture(event.pointerId);
  handle.dataset.dragged = "";
  const move = (moved) => setWidth(handle, before + moved.clientX - start);
  handle.addEventListener("pointermove", move);
  handle.addEventListener("lostpointercapture", () => {
    handle.removeEventListener("pointermove", move);
    delete handle.dataset.dragged;
  }, { once: true });
});

document.addEventListener("dblclick", (event) => {
  const handle = event.target.closest("[data-tree-handle]");
  if (handle) setWidth(handle, DEFAULT_WIDTH);
});

document.addEventListener("keydown", (event) => {
  const handle = event.target.closest?.("[data-tree-handle]"), step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
  if (!handle || !step) return;
  event.preventDefault();
  setWidth(handle, readWidth(handle) + step);
});
