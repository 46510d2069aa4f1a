// Builds the figure that Plotly draws for a chart of the metrics tab, from its lines and the settings.
import { clipRange, escapeLabel, hasIsolatedPoint, insertDetail, smoothValues, sortByX } from "../pure/series.js";
import { chooseTimeUnit, fromLocalAxis, parseAxisTime, toLocalAxis } from "../pure/times.js";
import { drawChart } from "../shared/charts.js";
import { resolveColour } from "../shell/theme.js";
import { updateResetButtons } from "./chart-registry.js";
import { page, settings } from "./settings.js";

const skeleton = JSON.parse(document.getElementById("chart-line")?.textContent || "null");
// Longer lines have no markers; longer legends are shown in full screen only.
const MAX_MARKERS = 30, MAX_LEGEND = 6;
// A finger on a chart scrolls the page; in full screen it zooms.
const isTouched = matchMedia("(pointer: coarse)");

// ---- the axes

// One unit for all charts, by how long the job has run when the page is opened.
const startedAt = Number(page.dataset.start) * 1000, endedAt = Number(page.dataset.end) * 1000 || Date.now();
const [unit, unitName] = chooseTimeUnit(endedAt - startedAt);

// The start of relative time: the start of the job, or the first value if that is older, such as in a copied job.
export const findOrigin = (chart) => {
  const first = Math.min(...chart.members.map((member) => member.whole?.times[0] ?? Infinity));
  return startedAt && startedAt <= first ? startedAt : first;
};

const listX = (line, origin) => {
  if (settings.x === "step") return line.steps;
  if (settings.x === "time") return line.times.map(toLocalAxis);
  if (settings.x === "relative") return line.times.map((time) => (time - origin) / 1000 / unit);
  return line.xs || [];
};

const titleXAxis = (origin) => {
  if (settings.x === "relative") return `${unitName} since ${origin === startedAt ? "the start" : "the first value"}`;
  return { step: "Step", time: "Time" }[settings.x] || escapeLabel(settings.x.slice(2));
};

const isTimeAxis = (axis) => axis === "x" && settings.x === "time";
const isLog = (axis) => settings.log.includes(axis) && !isTimeAxis(axis);
const chooseAxisType = (axis) => {
  if (isLog(axis)) return "log";
  return isTimeAxis(axis) ? "date" : "linear";
};

const inUnit = (value) => (settings.x === "relative" ? value / unit : value);

// A range of values (steps, seconds, milliseconds since 1970) as Plotly wants it on this axis.
const toAxisRange = (axis, range) => {
  if (isLog(axis)) return range[0] > 0 ? range.map((value) => Math.log10(axis === "x" ? inUnit(value) : value)) : undefined;
  if (axis === "y") return range;
  return range.map(isTimeAxis(axis) ? toLocalAxis : inUnit);
};

const fromAxisValue = (axis, value) => {
  if (axis.type === "log") return 10 ** value;
  return axis.type === "date" ? fromLocalAxis(parseAxisTime(value)) : value;
};

// The shown range of an axis, as values; null for the whole axis.
export const readRange = (chart, name) => {
  const axis = chart.element.layout?.[`${name}axis`];
  if (!axis || axis.autorange || !axis.range) return null;
  const factor = name === "x" && settings.x === "relative" ? unit : 1;
  return axis.range.map((value) => Number((fromAxisValue(axis, value) * factor).toPrecision(13)));
};

// ---- the lines

const orderPoints = (x, y) => (settings.x.startsWith("m:") ? { x, y } : sortByX(x, y));

// The whole line, with finer points where the chart is zoomed.
const listPoints = ({ whole, detail }, origin) => {
  const points = orderPoints(listX(whole, origin), whole.values);
  if (!detail?.steps.length) return points;
  return insertDetail(points, orderPoints(listX(detail, origin), detail.values));
};

// Plotly would draw a line down to the edge of the chart where the logarithm ends.
const withoutUndrawable = (values) => (isLog("y") ? values.map((value) => (value > 0 ? value : null)) : values);

const makeTraces = (member, index, origin) => {
  const { x, y } = listPoints(member, origin), shown = withoutUndrawable(y);
  const mode = x.length > MAX_MARKERS && !hasIsolatedPoint(shown) ? "lines" : "lines+markers";
  const base = { ...skeleton.data[0], name: escapeLabel(member.name), colour: index, marker: { size: 5 }, line: { width: 2 } };
  const raw = { ...base, x, y: shown, mode };
  if (!settings.smooth) return [raw];
  return [
    { ...raw, mode: "lines", opacity: 0.3, hoverinfo: "skip", showlegend: false, line: { width: 1 } },
    { ...base, x, y: withoutUndrawable(smoothValues(y, settings.smooth)), mode },
  ];
};

// ---- the whole chart

const makeAxis = (name, range) => ({
  ...skeleton.layout[`${name}axis`], type: chooseAxisType(name), ...(range ? { range, autorange: false } : { autorange: true }),
});

const makeLayout = (chart, traces, origin, emptyReason) => {
  const zoom = settings.zoom.get(chart.title) || {}, isFull = Boolean(chart.box.closest("dialog"));
  const clipped = clipRange(traces.flatMap((trace) => trace.y), Number(settings.clip) / 100, isLog("y"));
  const x = makeAxis("x", zoom.x && toAxisRange("x", zoom.x)), y = makeAxis("y", (zoom.y && toAxisRange("y", zoom.y)) || clipped);
  x.title = { ...x.title, text: titleXAxis(origin) };
  x.spikecolor = resolveColour("--text-soft");
  const reason = { text: emptyReason, showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5, font: { size: 13 } };
  return {
    ...skeleton.layout, height: undefined, autosize: true,
    xaxis: { ...x, visible: !emptyReason }, yaxis: { ...y, visible: !emptyReason }, annotations: emptyReason ? [reason] : [],
    showlegend: chart.members.length > 1 && (isFull || chart.members.length <= MAX_LEGEND),
    dragmode: isTouched.matches && !isFull ? false : "zoom",
    // The zoom stays until one of these changes.
    uirevision: [settings.x, settings.log, settings.clip, chart.resets || 0].join(" "),
  };
};

const isOnAxis = (x) => x !== null && !(isLog("x") && x <= 0);

// The reason why a chart is empty; axes alone would look like an error.
const explainEmptyChart = (chart, traces) => {
  if (traces.some(({ x, y }) => y.some((value, index) => value !== null && isOnAxis(x[index])))) return "";
  if (settings.x.startsWith("m:") && traces.every(({ x }) => !x.length)) return "No step has a value of both metrics";
  if (chart.members.every(({ whole }) => !whole?.values.some((value) => value !== null))) return "No value is a finite number";
  return "No value is above 0, where a logarithmic<br>axis begins";
};

const describeGaps = (gaps) =>
  `${gaps.toLocaleString("en-US")} ${gaps === 1 ? "value is" : "values are"} NaN or infinite and leave gaps in the line`;

const showNote = (chart, traces, emptyReason) => {
  const note = chart.box.querySelector("[data-chart-note]"), lines = chart.members.map((member) => member.whole).filter(Boolean);
  if (!note) return;
  const sentences = [];
  const gaps = lines.reduce((sum, line) => sum + line.gaps, 0);
  if (gaps) sentences.push(describeGaps(gaps));
  const isBelowY = isLog("y") && lines.some((line) => line.values.some((value) => value !== null && value <= 0));
  const isBelow = isBelowY || traces.some(({ x }) => !x.every(isOnAxis));
  if (!emptyReason && isBelow) sentences.push("Values of 0 or less are not drawn on a logarithmic axis");
  note.textContent = sentences.join(". ");
  note.hidden = !sentences.length;
};

export const drawLines = async (chart) => {
  const origin = findOrigin(chart);
  const traces = chart.members.flatMap((member, index) => (member.whole ? makeTraces(member, index, origin) : []));
  if (!traces.length) return;
  const emptyReason = explainEmptyChart(chart, traces);
  // The note first, because it takes some of the chart's height.
  showNote(chart, traces, emptyReason);
  updateResetButtons(chart);
  await drawChart(chart.element, { data: traces, layout: makeLayout(chart, traces, origin, emptyReason) });
};
