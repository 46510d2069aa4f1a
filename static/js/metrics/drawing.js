// Lines are loaded when their card is seen, and drawn one chart after another, so that hundreds of charts are light and a person
// can scroll meanwhile.
import { drawChart, removeChart } from "../shared/charts.js";
import { showToast } from "../shell/toasts.js";
import { isSeen } from "./chart-registry.js";
import { drawLines } from "./figure.js";
import { fetchLines, measureWidth } from "./lines.js";
import { findAxisKey } from "./settings.js";
import { bindZoom, loadDetail } from "./zoom.js";

// The maximum number of series in one request that the server allows.
const MAX_SERIES = 60;

// ---- drawing: one chart after another, with pauses; charts that are no longer visible are skipped

export const drawView = (chart) => {
  const key = chart.card.querySelector("[data-view]")?.value;
  const { figure } = chart.views.find((view) => view.key === key) || chart.views[0];
  return drawChart(chart.element, { ...figure, layout: { ...figure.layout, height: undefined, autosize: true } });
};

const drawNow = async (chart) => {
  if (chart.views) {
    await drawView(chart);
    return;
  }
  await drawLines(chart);
  if (chart.isBound || !chart.element.on) return;
  chart.isBound = true;
  bindZoom(chart);
};

const waiting = new Set();
let isDrawing = false;
const rest = () => new Promise((done) => { setTimeout(done); });

export const drawSoon = async (chart) => {
  waiting.add(chart);
  if (isDrawing) return;
  isDrawing = true;
  for (const next of waiting) {
    waiting.delete(next);
    if (isSeen(next)) await drawNow(next).catch(reportError);
    await rest();
  }
  isDrawing = false;
};

// ---- loading

export const loadCharts = async (some) => {
  const members = some.flatMap((chart) => chart.members), axisKey = findAxisKey();
  try {
    const lines = await fetchLines(members, Math.max(...some.map(measureWidth)), axisKey ? { axis: "metric", metric: axisKey } : {});
    for (const member of members) member.whole = lines.get(member.key) || member.whole;
  } catch {
    showToast("The values of some charts could not be loaded. The next refresh tries again.", "error");
    return;
  }
  for (const chart of some) drawSoon(chart);
};

let wanted = new Set(), timer = 0;

const loadWanted = async () => {
  let batch = [], count = 0;
  const seen = [...wanted].filter(isSeen);
  wanted = new Set();
  for (const chart of seen) {
    if (count + chart.members.length > MAX_SERIES) {
      await loadCharts(batch);
      [batch, count] = [[], 0];
    }
    batch.push(chart);
    count += chart.members.length;
  }
  if (batch.length) await loadCharts(batch);
};

const loadSoon = (chart) => {
  wanted.add(chart);
  clearTimeout(timer);
  timer = setTimeout(loadWanted, 30);
};

// ---- charts that enter or leave the view

export const showChart = (chart) => {
  if (chart.views || chart.members.every((member) => member.whole)) drawSoon(chart);
  else loadSoon(chart);
};

export const hideChart = (chart) => {
  removeChart(chart.element);
  chart.isBound = false;
};

// Into full screen or back: with another width, it may show more or fewer points.
export const redrawResized = async (chart) => {
  if (chart.views) {
    await drawSoon(chart);
    return;
  }
  await loadCharts([chart]);
  await loadDetail(chart);
};
