// A row of the list and its lines in the charts belong together: the pointer on one marks the others; a click on a line opens its job.

const findRow = (pk) => document.getElementById(`run-${pk}`);
const listCharts = () => document.querySelectorAll("#run-charts .js-plotly-plot");

const clearMarks = () => {
  for (const row of document.querySelectorAll("#run-table .is-marked")) row.classList.remove("is-marked");
  for (const chart of listCharts()) {
    chart.classList.remove("has-mark");
    for (const line of chart.querySelectorAll(".is-marked")) line.classList.remove("is-marked");
  }
};

// Plotly keeps its lines in the order of the data.
const markLines = (chart, pk) => {
  const index = chart.data.findIndex((trace) => trace.meta === pk);
  const line = chart.querySelectorAll(".scatterlayer > .trace")[index];
  if (!line) return;
  chart.classList.add("has-mark");
  line.classList.add("is-marked");
};

// A chart says that the pointer has left it some time after it has reached a row.
let isByChart = false;

const markRun = (pk) => {
  clearMarks();
  findRow(pk)?.classList.add("is-marked");
  for (const chart of listCharts()) markLines(chart, pk);
};

// A chart that is drawn again keeps its listeners.
const bound = new WeakSet();
export const bindChart = (chart) => {
  if (bound.has(chart)) return;
  bound.add(chart);
  chart.on("plotly_hover", ({ points }) => {
    isByChart = true;
    markRun(points[0].data.meta);
  });
  chart.on("plotly_unhover", () => { if (isByChart) clearMarks(); });
  chart.on("plotly_click", ({ points }) => findRow(points[0].data.meta)?.querySelector(".row-link").click());
};
export const releaseChart = (chart) => bound.delete(chart);

document.addEventListener("pointerover", (event) => {
  const row = event.target.closest?.("#run-table tbody tr[id]");
  if (!row || (!isByChart && row.classList.contains("is-marked"))) return;
  isByChart = false;
  markRun(Number(row.id.slice("run-".length)));
});
document.addEventListener("pointerout", (event) => {
  if (event.target.closest?.("#run-table tbody tr[id]") && !event.relatedTarget?.closest?.("#run-table tbody tr[id]")) clearMarks();
});
