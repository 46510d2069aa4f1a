// The points of the scatter plot link to their jobs.
import { drawChart, readFigure } from "../shared/charts.js";
import { onTabShown } from "./swaps.js";

const NARROW = 600, FEW = 9;

onTabShown(() => {
  const plot = document.querySelector("[data-scatter]");
  if (!plot) return;
  const { data, layout } = readFigure(plot);
  // Beside the names of many jobs, a narrow screen has no place for the points; the table below has names and colours.
  const isNarrow = plot.clientWidth < NARROW;
  const narrow = data.length > FEW ? { showlegend: false } : { legend: { orientation: "h", y: -0.2 } };
  drawChart(plot, { data, layout: isNarrow ? { ...layout, ...narrow } : layout });
  plot.on("plotly_click", ({ points: [point] }) => { location.href = point.customdata; });
});
