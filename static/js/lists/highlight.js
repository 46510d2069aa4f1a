// A row of the list and its lines in the charts belong together: the pointer or the focus on one marks the others; a click on a
// line opens its job or group. The traces of the server have the id of their row as `meta`.

const findRow = (id) => document.getElementById(id);
const listCharts = () => document.querySelectorAll("#run-charts .js-plotly-plot");

const clearMarks = () => {
  for (const row of document.querySelectorAll("#run-table .is-marked")) row.classList.remove("is-marked");
  for (const chart of listCharts()) {
    chart.classList.remove("has-mark");
    for (const line of chart.querySelectorAll(".is-marked")) line.classList.remove("is-marked");
  }
};

// Plotly keeps its lines in the order of the data; a group has its band too.
const markLines = (chart, id) => {
  const lines = chart.querySelectorAll(".scatterlayer > .trace");
  const marked = chart.data.flatMap((trace, index) => (trace.meta === id && lines[index] ? [lines[index]] : []));
  if (marked.length) chart.classList.add("has-mark");
  for (const line of marked) line.classList.add("is-marked");
};

// A chart reports that the pointer left only after the pointer has reached a row.
let isByChart = false;

const markRow = (id) => {
  clearMarks();
  findRow(id)?.classList.add("is-marked");
  for (const chart of listCharts()) markLines(chart, id);
};

// A chart that is drawn again keeps its listeners.
const bound = new WeakSet();
export const bindChart = (chart) => {
  if (bound.has(chart)) return;
  bound.add(chart);
  // The pointer was on a row before the chart was drawn.
  const row = document.querySelector("#run-table .is-marked");
  if (row) markLines(chart, row.id);
  chart.on("plotly_hover", ({ points }) => {
    isByChart = true;
    markRow(points[0].data.meta);
  });
  chart.on("plotly_unhover", () => { if (isByChart) clearMarks(); });
  chart.on("plotly_click", ({ points }) => findRow(points[0].data.meta)?.querySelector(".row-link, .group-toggle").click());
};
export const releaseChart = (chart) => bound.delete(chart);

const ROWS = "#run-table tbody tr[id]";

const markRowOf = (event) => {
  const row = event.target.closest?.(ROWS);
  if (!row || (!isByChart && row.classList.contains("is-marked"))) return;
  isByChart = false;
  markRow(row.id);
};
const unmarkRowOf = (event) => {
  if (event.target.closest?.(ROWS) && !event.relatedTarget?.closest?.(ROWS)) clearMarks();
};

for (const name of ["pointerover", "focusin"]) document.addEventListener(name, markRowOf);
for (const name of ["pointerout", "focusout"]) document.addEventListener(name, unmarkRowOf);
