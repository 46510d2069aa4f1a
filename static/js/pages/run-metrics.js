// The tab Metrics of a job, and the page of one metric. Full screen comes before live updates, because the URL may name a chart.
import "../metrics/cards.js";
import "../metrics/filter.js";
import "../metrics/card-order.js";
import "../metrics/full-screen.js";
import "../metrics/live-updates.js";
import "../metrics/controls.js";
