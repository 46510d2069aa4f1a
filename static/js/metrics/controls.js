// The controls of the metrics tab: search, settings, ticked metrics, views, and the buttons and keys of charts.
import { saveChart } from "../shared/charts.js";
import { hasModifier, isDialogOpen, isField } from "../shared/keys.js";
import { charts, findShownCards, getFullScreenChart, isSeen } from "./chart-registry.js";
import { drawView, showChart } from "./drawing.js";
import { filterCards } from "./filter.js";
import { handleFullScreenKey, openFullScreen } from "./full-screen.js";
import { reloadSections } from "./live-updates.js";
import { applyControl, page, saveSettings, settings } from "./settings.js";
import { handleZoomKey, resetZoom } from "./zoom.js";

// ---- search and settings

const forgetLines = () => {
  for (const chart of charts.values()) for (const member of chart.members) Object.assign(member, { whole: null, detail: null });
};

// On the document, because the controls may be in the full-screen dialog.
document.addEventListener("input", (event) => {
  if (event.target.matches("[data-metric-search]")) {
    filterCards();
    saveSettings();
  }
  if (!event.target.dataset?.chartSetting) return;
  const effect = applyControl(event.target);
  if (effect === "page") location.reload();
  if (effect === "load") forgetLines();
  for (const chart of charts.values()) if (chart.members.length && isSeen(chart)) showChart(chart);
});

// ---- which metrics are shown

const hasCard = (key) => [...page.querySelectorAll("[data-card]")].some((card) => card.dataset.members.split(",").includes(key));

const showTicked = (boxes) => {
  filterCards();
  saveSettings();
  if (boxes.some((box) => box.checked && !hasCard(box.dataset.series))) reloadSections(page.dataset.seriesCount);
};

const tickAll = (isTicked) => {
  const boxes = [...page.querySelectorAll("#metric-names li:not([hidden]) [data-series]")];
  for (const box of boxes) box.checked = isTicked;
  showTicked(boxes);
};

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-series]")) showTicked([event.target]);
  if (!event.target.matches("[data-view]")) return;
  const chart = charts.get(event.target.closest("[data-card]"));
  settings.view.set(chart.title, event.target.value);
  saveSettings();
  drawView(chart);
});

// The search form needs the server only where the page has nothing that matches.
page.addEventListener("submit", (event) => {
  if (event.target.id === "metric-pick" && !page.querySelector("[data-no-match]:not([hidden])")) event.preventDefault();
});
page.addEventListener("toggle", (event) => { if (event.target.matches("[data-section]")) saveSettings(); }, true);

// ---- buttons

page.addEventListener("click", (event) => {
  const tick = event.target.closest("[data-tick-metrics]");
  if (tick) tickAll(tick.dataset.tickMetrics === "all");
  const chart = charts.get(event.target.closest("[data-card]"));
  if (!chart) return;
  if (event.target.closest("[data-chart-save]")) saveChart(chart.element, chart.title);
  if (event.target.closest("[data-chart-full]")) openFullScreen(chart);
  if (event.target.closest("[data-chart-reset]")) resetZoom(chart);
});

// ---- keys

const findCardOfEvent = (event) => event.target.closest("[data-card]") || page.querySelector("[data-card]:hover");

// To the card after or before the one with the focus; whether there is one.
const focusCard = (event, step) => {
  const cards = findShownCards(), current = cards.indexOf(findCardOfEvent(event));
  const first = step > 0 ? 0 : cards.length - 1;
  const next = cards[current < 0 ? first : current + step];
  (next?.querySelector("h3 a") || next?.querySelector("[data-chart-full]"))?.focus();
  next?.scrollIntoView({ block: "nearest" });
  return Boolean(next);
};

// Whether the key was for the charts.
const handleKey = (event) => {
  if (handleFullScreenKey(event)) return true;
  const full = getFullScreenChart();
  if (isDialogOpen() && !full) return false;
  const chart = full || charts.get(findCardOfEvent(event));
  if (chart && handleZoomKey(chart, event)) return true;
  if (full) return false;
  if (event.key === "j" || event.key === "k") return focusCard(event, event.key === "j" ? 1 : -1);
  const target = chart || charts.get(page.querySelector("[data-card]:not([hidden]):has(.chart)"));
  if (event.key !== "f" || !target) return false;
  openFullScreen(target);
  return true;
};

document.addEventListener("keydown", (event) => {
  if (hasModifier(event) || isField(event.target)) return;
  if (handleKey(event)) event.preventDefault();
});
