// Parallel coordinates: an axis for each value, a line for each job, and ranges that filter the jobs. The table below
// has the same values for people who cannot see the plot.
import { isInRanges, moveRange, readRanges, scaleAxis, writeRanges } from "../pure/parallel-scale.js";
import { clamp, shorten } from "../pure/words.js";
import { setParameter } from "./address.js";
import { onTabShown } from "./swaps.js";

const HEIGHT = 340, TOP = 44, BOTTOM = 30, SIDE = 90, MIN_GAP = 120, HIT_WIDTH = 18;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;
// Colours of jobs; with more texts than colours, some share a colour. The last one means no value.
const COLOURS = 9;
const KEY_STEP = 0.05;
const SVG = "http://www.w3.org/2000/svg";

// `axes` and `colourAxis` are scaled, `ranges` is {word of an axis: [from, to]}.
let box, plot, axes, colourAxis, ranges;

const makeElement = (tag, attributes, ...children) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const toY = (position) => (position === null ? HEIGHT - 6 : TOP + (1 - position) * PLOT_HEIGHT);
const toPosition = (y) => clamp(1 - (y - TOP) / PLOT_HEIGHT, 0, 1);

const findRow = (index) => document.querySelector(`.compare-values tr[data-run="${CSS.escape(plot.runs[index].id)}"]`);
const findLine = (index) => box.querySelector(`[data-line-of="${index}"]`);

// ---- colours: that of the job, or of a value (numbers from dark to light, texts one after the other)

const chooseColour = (run, index) => {
  if (!colourAxis) return { class: `dot-${run.colour}` };
  const position = colourAxis.positions[index];
  if (position === null) return { class: `dot-${COLOURS}` };
  if (!colourAxis.numeric) return { class: `dot-${colourAxis.names.indexOf(colourAxis.values[index]) % COLOURS}` };
  return { style: `--dot: color-mix(in oklch, var(--shade-high) ${Math.round(position * 100)}%, var(--shade-low))` };
};

const showColourLegend = () => {
  const legend = document.querySelector("[data-colour-legend]");
  if (!legend || !colourAxis) return;
  const makePart = (className, textContent) => Object.assign(document.createElement("span"), { className, textContent });
  const makeName = (name, index) => [makePart(`dot dot-${index}`, ""), makePart("cut", name)];
  const parts = colourAxis.numeric ? [makePart("", colourAxis.labelAt(0)), makePart("shade-bar", ""), makePart("", colourAxis.labelAt(1))]
    : colourAxis.names.slice(0, COLOURS).flatMap(makeName);
  legend.replaceChildren(...parts);
};

// ---- ranges

const showRange = ({ word, group, labelAt }) => {
  const range = ranges.get(word), brush = group.querySelector(".brush");
  brush.setAttribute("visibility", range ? "visible" : "hidden");
  group.setAttribute("aria-valuetext", range ? `${labelAt(range[0])} to ${labelAt(range[1])}` : "all");
  group.setAttribute("aria-valuenow", range ? Math.round(((range[0] + range[1]) / 2) * 100) : 50);
  if (!range) return;
  brush.setAttribute("y", toY(range[1]) - 2);
  brush.setAttribute("height", toY(range[0]) - toY(range[1]) + 4);
};

const showRanges = () => {
  const kept = plot.runs.map((_, index) => isInRanges(axes, ranges, index));
  kept.forEach((isKept, index) => { for (const one of [findLine(index), findRow(index)]) one?.classList.toggle("is-out-of-range", !isKept); });
  for (const axis of axes) showRange(axis);
  document.querySelector("[data-range-count]").textContent = ranges.size ? `${kept.filter(Boolean).length} of ${kept.length} jobs in range` : "";
  document.querySelector("[data-clear-ranges]").hidden = !ranges.size;
};

const setRange = (word, range) => {
  if (range) ranges.set(word, range);
  else ranges.delete(word);
  setParameter("brush", writeRanges(ranges));
  showRanges();
};

const dragRange = (axis, event) => {
  const { top } = box.querySelector("svg").getBoundingClientRect(), start = toPosition(event.clientY - top);
  const isClick = (position) => Math.abs(position - start) <= 0.01;
  axis.group.focus();
  axis.hitArea.setPointerCapture(event.pointerId);
  const handleMove = (moved) => {
    const position = toPosition(moved.clientY - top);
    if (!isClick(position)) setRange(axis.word, [Math.min(start, position), Math.max(start, position)]);
  };
  const handleEnd = (moved) => {
    axis.hitArea.removeEventListener("pointermove", handleMove);
    // A click clears the range.
    if (isClick(toPosition(moved.clientY - top))) setRange(axis.word, null);
  };
  axis.hitArea.addEventListener("pointermove", handleMove);
  axis.hitArea.addEventListener("pointerup", handleEnd, { once: true });
};

const handleAxisKey = (axis, event) => {
  const step = { ArrowUp: KEY_STEP, ArrowDown: -KEY_STEP }[event.key];
  if (event.key === "Escape" && ranges.has(axis.word)) setRange(axis.word, null);
  if (!step) return;
  event.preventDefault();
  setRange(axis.word, moveRange(ranges.get(axis.word), step, event.shiftKey));
};

// ---- drawing

const makeTicks = ({ ticks, positions }, x) => {
  const made = ticks.flatMap(([position, label]) => [
    makeElement("line", { x1: x - 4, x2: x, y1: toY(position), y2: toY(position), class: "axis-tick" }),
    makeElement("text", { x: x - 8, y: toY(position) + 4, "text-anchor": "end" }, label),
  ]);
  if (positions.includes(null)) made.push(makeElement("text", { x: x - 8, y: toY(null) + 2, "text-anchor": "end" }, "none"));
  return made;
};

const makeAxis = (axis, x) => {
  const title = makeElement("title", {}, axis.label);
  const label = makeElement("text", { x, y: 18, "text-anchor": "middle", class: "axis-name" }, shorten(axis.label, 18), title);
  const line = makeElement("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM, class: "axis-line" });
  const brush = makeElement("rect", { x: x - 7, width: 14, rx: 3, class: "brush", visibility: "hidden" });
  const hitBox = { x: x - HIT_WIDTH, y: TOP - 8, width: 2 * HIT_WIDTH, height: PLOT_HEIGHT + 16 };
  const hitArea = makeElement("rect", { ...hitBox, class: "axis-hit" });
  const slider = { role: "slider", tabindex: 0, "aria-orientation": "vertical", "aria-valuemin": 0, "aria-valuemax": 100 };
  const attributes = { class: "axis", ...slider, "aria-label": `Range of ${axis.label}` };
  Object.assign(axis, { hitArea, group: makeElement("g", attributes, line, label, ...makeTicks(axis, x), brush, hitArea) });
  hitArea.addEventListener("pointerdown", (event) => dragRange(axis, event));
  axis.group.addEventListener("keydown", (event) => handleAxisKey(axis, event));
  return axis.group;
};

// The line of a job and its row in the table are highlighted together.
const setHighlight = (index, isOn) => {
  for (const one of [findLine(index), findRow(index)]) one?.classList.toggle("is-highlighted", isOn);
};

// Lines of one colour differ by their dashes.
const makeLine = (run, index, xs) => {
  const path = axes.map(({ positions }, rank) => `${rank ? "L" : "M"}${xs[rank]},${toY(positions[index])}`).join("");
  const shapes = [`run-line stroke-${run.dash}`, "run-hit"].map((name) => makeElement("path", { d: path, class: name }));
  const group = makeElement("g", { "data-line-of": index, ...chooseColour(run, index) }, makeElement("title", {}, run.name), ...shapes);
  group.addEventListener("pointerenter", () => setHighlight(index, true));
  group.addEventListener("pointerleave", () => setHighlight(index, false));
  group.addEventListener("click", () => { location.href = run.url; });
  return group;
};

const drawPlot = () => {
  const width = Math.max(box.clientWidth, (axes.length - 1) * MIN_GAP + 2 * SIDE);
  const xs = axes.map((_, index) => SIDE + (index * (width - 2 * SIDE)) / (axes.length - 1));
  const svg = makeElement("svg", { width, height: HEIGHT, role: "group", "aria-label": "Parallel coordinates; the table below has the values" });
  // The best last, on top of the others.
  svg.append(...plot.order.map((index) => makeLine(plot.runs[index], index, xs)), ...axes.map((axis, index) => makeAxis(axis, xs[index])));
  box.replaceChildren(svg);
  showRanges();
};

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-clear-ranges]")) return;
  for (const word of [...ranges.keys()]) setRange(word, null);
  box.focus();
});

for (const [kind, isOn] of [["mouseover", true], ["mouseout", false]]) {
  document.addEventListener(kind, (event) => {
    const row = event.target.closest?.(".compare-values tr[data-run]");
    const index = row && plot ? plot.runs.findIndex((run) => run.id === row.dataset.run) : -1;
    if (index >= 0) setHighlight(index, isOn);
  });
}

let observer = null;
onTabShown(() => {
  box = document.querySelector("[data-parallel]");
  if (!box) return;
  plot = JSON.parse(document.getElementById("parallel-data").textContent);
  axes = plot.axes.map(scaleAxis);
  colourAxis = plot.colour && scaleAxis(plot.colour);
  showColourLegend();
  ranges = readRanges(new URLSearchParams(location.search), axes.map((axis) => axis.word));
  observer?.disconnect();
  observer = new ResizeObserver(drawPlot);
  observer.observe(box);
});
