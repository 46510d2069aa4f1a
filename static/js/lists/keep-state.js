// Keeps the state of a table when its rows are replaced: selection, focus, open folders and dialogs, scroll position.
import { findBoxes, findMatchingBox, showSelection } from "./selection.js";

let before = {};

const findFolders = () => [...document.querySelectorAll("#file-tree [data-folder], #run-overview [data-folder]")];
const findScrollBox = () => document.querySelector("#run-table .table-wrap");

// The page scrolls, not the table: back up to its first row if that is above.
const showFirstRow = () => {
  const box = findScrollBox();
  if (box && box.getBoundingClientRect().top < 0) box.scrollIntoView({ block: "start" });
};

// A selector that finds the element again after a swap.
const describeElement = (element) => {
  if (!element?.closest?.("#run-table")) return "";
  if (element.id) return `#${CSS.escape(element.id)}`;
  const names = element.name === "run" ? ["value"] : ["data-sort", "aria-label", "href"];
  const name = names.find((one) => element.hasAttribute(one));
  return name ? `#run-table [${name}="${CSS.escape(element.getAttribute(name))}"]` : "";
};

document.addEventListener("htmx:beforeSwap", (event) => {
  before = {
    ticked: new Set(findBoxes().filter((box) => box.checked).map((box) => box.value)),
    opened: [...document.querySelectorAll("#run-overview [popover]:popover-open")].map((one) => one.id),
    folders: new Map(findFolders().map((folder) => [folder.dataset.folder, folder.open])),
    focused: describeElement(document.activeElement),
    matching: findMatchingBox()?.checked && findMatchingBox().dataset.count,
    left: findScrollBox()?.scrollLeft,
    // Another page or order starts at the top.
    isSamePlace: !event.detail.requestConfig.elt.closest("#run-table") || event.detail.requestConfig.elt.matches("[data-poll], [data-toggle]"),
  };
});

document.addEventListener("htmx:afterSettle", () => {
  for (const box of findBoxes()) if (before.ticked?.has(box.value)) box.checked = true;
  for (const folder of findFolders()) folder.open = before.folders?.get(folder.dataset.folder) ?? folder.open;
  for (const id of before.opened || []) if (!document.querySelector(`#${CSS.escape(id)}:popover-open`)) document.getElementById(id)?.showPopover();
  const isFocusLost = before.focused && document.activeElement === document.body;
  if (isFocusLost) (document.querySelector(before.focused) || findScrollBox())?.focus({ preventScroll: true });
  // Only while it means the same number of jobs.
  if (before.matching && findMatchingBox()?.dataset.count === before.matching) findMatchingBox().checked = true;
  findScrollBox()?.scrollTo(before.left || 0, 0);
  if (!before.isSamePlace) showFirstRow();
  before.isSamePlace = true;
  showSelection();
});
