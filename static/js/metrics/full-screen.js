// A chart of the metrics tab in full screen, with its settings; both are the same elements as in the page.
import { wrapIndex } from "../pure/words.js";
import { saveChart } from "../shared/charts.js";
import { charts, findShownCharts, getFullScreenChart, setFullScreenChart, updateResetButtons } from "./chart-registry.js";
import { redrawResized } from "./drawing.js";
import { page, saveSettings, settings } from "./settings.js";
import { resetZoom } from "./zoom.js";

const dialog = document.getElementById("chart-dialog");
const toolbar = page.querySelector(".chart-tools");
const findPart = (name) => dialog.querySelector(`[data-full-${name}]`);

// Where the chart belongs in the page.
let placeholder = null;

const putChartBack = () => {
  const chart = getFullScreenChart();
  placeholder.replaceWith(chart.box);
  if (toolbar) page.querySelector("[data-toolbar-home]").after(toolbar);
  setFullScreenChart(null);
  redrawResized(chart);
};

export const openFullScreen = (chart) => {
  if (!dialog) return;
  if (getFullScreenChart()) putChartBack();
  setFullScreenChart(chart);
  placeholder = document.createComment("The chart is in full screen.");
  chart.box.replaceWith(placeholder);
  findPart("chart").append(chart.box);
  // Charts of views have no settings here.
  if (toolbar && chart.members.length) findPart("tools").append(toolbar);
  dialog.querySelector("h2").textContent = chart.title;
  const csv = chart.card.querySelector("[data-csv]");
  findPart("csv").hidden = !csv;
  if (csv) findPart("csv").href = csv.href;
  updateResetButtons(chart);
  if (!dialog.open) dialog.showModal();
  settings.full = chart.title;
  saveSettings();
  redrawResized(chart);
};

const showNeighbour = (step) => {
  const shown = findShownCharts();
  openFullScreen(shown[wrapIndex(shown.indexOf(getFullScreenChart()) + step, shown.length)]);
};

// Whether the key was for full screen.
export const handleFullScreenKey = (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!getFullScreenChart() || !step || event.shiftKey) return false;
  showNeighbour(step);
  return true;
};

dialog?.addEventListener("close", () => {
  const card = getFullScreenChart()?.card;
  if (card) putChartBack();
  settings.full = "";
  saveSettings();
  card?.querySelector("[data-chart-full]")?.focus();
});

dialog?.addEventListener("click", (event) => {
  const step = event.target.closest("[data-full-step]"), chart = getFullScreenChart();
  if (step) showNeighbour(Number(step.dataset.fullStep));
  if (event.target.closest("[data-full-save]")) saveChart(chart.element, chart.title);
  if (event.target.closest("[data-full-reset]")) resetZoom(chart);
});

// The address may name one.
const named = [...charts.values()].find((chart) => chart.title === settings.full);
if (named) openFullScreen(named);
