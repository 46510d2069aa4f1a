// The charts of the metrics tab, by their card. A chart of series has members: {key, name, whole, detail}, with the whole line
// and finer points of the part that is zoomed to; a chart of views has figures to choose from.
import { page, settings } from "./settings.js";

export const charts = new Map();
export const cardsInView = new Set();
let fullScreenChart = null;

export const getFullScreenChart = () => fullScreenChart;
export const setFullScreenChart = (chart) => { fullScreenChart = chart; };

export const isSeen = (chart) => cardsInView.has(chart.card) || chart === fullScreenChart;

export const findSeenCards = () => [...new Set([...cardsInView, ...(fullScreenChart ? [fullScreenChart.card] : [])])];

export const findShownCards = () => [...page.querySelectorAll("[data-card]:not([hidden])")].filter((card) => card.offsetParent);

// In the order of the page, which a person may have changed.
export const findShownCharts = () => findShownCards().map((card) => charts.get(card)).filter(Boolean);

// The button that shows all of a zoomed chart, in its card and in full screen.
export const updateResetButtons = (chart) => {
  const inCard = chart.card.querySelector("[data-chart-reset]");
  const inDialog = chart === fullScreenChart ? document.querySelector("#chart-dialog [data-full-reset]") : null;
  for (const button of [inCard, inDialog]) if (button) button.hidden = !settings.zoom.has(chart.title);
};
