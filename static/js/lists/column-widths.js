// Widths of columns: by dragging the edge of a header ([data-resize]), or Shift and an arrow key on the header.
import { replaceWidth } from "../pure/sorting.js";
import { clamp } from "../pure/words.js";
import { saveLayout } from "./layout.js";
import { openAddress, readAddress, setParameters } from "./table-address.js";

const MIN_WIDTH = 60, MAX_WIDTH = 900, STEP = 20;

let drag = null;

export const isDragging = () => Boolean(drag);

const limitWidth = (width) => Math.round(clamp(width, MIN_WIDTH, MAX_WIDTH));

const setCellWidth = (cell, width) => {
  cell.classList.add("sized");
  for (const property of ["width", "minWidth", "maxWidth"]) cell.style[property] = `${width}px`;
};

const setColumnWidth = (header, width) => {
  setCellWidth(header, width);
  const index = [...header.parentElement.children].indexOf(header);
  for (const row of document.querySelectorAll("#run-table tbody tr")) if (row.children[index]) setCellWidth(row.children[index], width);
};

// In the address, and on the server for the person.
const saveWidth = (header, width) => {
  const url = readAddress();
  setParameters(url, "width", replaceWidth(url.searchParams.getAll("width"), header.dataset.column, width));
  saveLayout(url);
  // The positions of pinned columns depend on their widths.
  if (header.classList.contains("pinned")) openAddress(url);
};

document.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest("[data-resize]");
  if (!handle) return;
  event.preventDefault();
  const header = handle.closest("th");
  drag = { header, from: event.clientX, width: header.offsetWidth };
  handle.setPointerCapture(event.pointerId);
});

document.addEventListener("pointermove", (event) => {
  if (drag) setColumnWidth(drag.header, limitWidth(drag.width + event.clientX - drag.from));
});

document.addEventListener("pointerup", () => {
  if (!drag) return;
  const { header, width } = drag;
  drag = null;
  if (header.offsetWidth !== width) saveWidth(header, limitWidth(header.offsetWidth));
});

document.addEventListener("keydown", (event) => {
  const header = event.target.closest?.("#run-table thead th[data-column]");
  const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
  if (!header || !step || !event.shiftKey) return;
  event.preventDefault();
  const width = limitWidth(header.offsetWidth + step);
  setColumnWidth(header, width);
  saveWidth(header, width);
});
