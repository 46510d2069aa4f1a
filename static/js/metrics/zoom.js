// Zoom of the charts of the metrics tab, by mouse and by keys: it is in the address, and more points are loaded for
// downsampled lines. And one crosshair for all charts.
import { isDrawn } from "../shared/charts.js";
import { charts, isSeen, updateResetButtons } from "./chart-registry.js";
import { drawLines, findOrigin, readRange } from "./figure.js";
import { fetchLines, measureWidth } from "./lines.js";
import { findAxisKey, saveSettings, setChartZoom, settings } from "./settings.js";

const DELAY_MS = 120;

const handleZoom = (chart, changes) => {
  const axes = ["x", "y"].filter((axis) => changes.some((name) => name.startsWith(`${axis}axis.`)));
  if (!axes.length) return;
  for (const axis of axes) setChartZoom(chart.title, axis, readRange(chart, axis));
  saveSettings();
  updateResetButtons(chart);
  // Plotly would show all values; where outliers are cut, the whole chart is a smaller range.
  if (!settings.zoom.has(chart.title) && settings.clip !== "0") {
    chart.resets = (chart.resets || 0) + 1;
    drawLines(chart);
  }
  clearTimeout(chart.detailTimer);
  chart.detailTimer = setTimeout(() => loadDetail(chart), DELAY_MS);
};

const removeDetail = (chart) => {
  const hadDetail = chart.members.some((member) => member.detail);
  for (const member of chart.members) member.detail = null;
  return hadDetail && drawLines(chart);
};

// Load the points between those of downsampled lines.
export const loadDetail = async (chart) => {
  const zoom = settings.zoom.get(chart.title)?.x;
  if (!zoom || findAxisKey()) return removeDetail(chart);
  const thinned = chart.members.filter((member) => member.whole && member.whole.steps.length < member.whole.count);
  if (!thinned.length) return undefined;
  const origin = findOrigin(chart);
  const [from, to] = settings.x === "relative" ? zoom.map((seconds) => origin + seconds * 1000) : zoom;
  const part = { axis: settings.x === "step" ? "step" : "time", from, to };
  const lines = await fetchLines(thinned, measureWidth(chart), part).catch(() => null);
  if (!lines || settings.zoom.get(chart.title)?.x !== zoom) return undefined;
  for (const member of thinned) member.detail = lines.get(member.key) || null;
  return drawLines(chart);
};

export const resetZoom = (chart) => Plotly.relayout(chart.element, { "xaxis.autorange": true, "yaxis.autorange": true });

// ---- by keys: + and - around the middle, Shift and an arrow to the side

const KEYS = { "+": [0.25, 0.75], "=": [0.25, 0.75], "-": [-0.5, 1.5], _: [-0.5, 1.5] };
const ARROWS = { ArrowLeft: [-0.25, 0.75], ArrowRight: [0.25, 1.25] };

// Show a part of the present range, given as two fractions. Of charts of views, only lines have such an axis.
const zoomTo = (chart, shares) => {
  const axis = chart.element._fullLayout?.xaxis;
  if (!axis || axis.type === "category") return;
  const [from, to] = axis.range.map((value) => axis.r2l(value)), span = to - from;
  Plotly.relayout(chart.element, { "xaxis.range": shares.map((share) => axis.l2r(from + share * span)) });
};

// Whether the key was for the zoom.
export const handleZoomKey = (chart, event) => {
  if (!isDrawn(chart.element)) return false;
  const shares = KEYS[event.key] || (event.shiftKey && ARROWS[event.key]);
  if (shares) zoomTo(chart, shares);
  else if (event.key === "0") resetZoom(chart);
  else return false;
  return true;
};

// ---- one crosshair for all

const findOtherCharts = (chart) =>
  [...charts.values()].filter((other) => other !== chart && isSeen(other) && other.members.length && isDrawn(other.element));

const showCrosshairs = (chart, { event, xvals }) => {
  // The events that this causes in other charts are not events of a mouse.
  if (!(event instanceof MouseEvent) || !xvals) return;
  for (const { element } of findOtherCharts(chart)) if (element._fullLayout) Plotly.Fx.hover(element, { xval: xvals[0] }, "xy");
};

const hideCrosshairs = (chart) => { for (const { element } of findOtherCharts(chart)) Plotly.Fx.unhover(element); };

// Called once for each chart that Plotly has made.
export const bindZoom = (chart) => {
  chart.element.on("plotly_relayout", (change) => handleZoom(chart, Object.keys(change)));
  chart.element.on("plotly_hover", (hover) => showCrosshairs(chart, hover));
  chart.element.on("plotly_unhover", () => hideCrosshairs(chart));
  if (settings.zoom.has(chart.title)) loadDetail(chart);
};
