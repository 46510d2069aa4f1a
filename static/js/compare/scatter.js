// The points of the scatter plot link to their jobs.
import { drawChart, readFigure } from "../shared/charts.js";
import { onTabShown } from "./swaps.js";

onTabShown(() => {
  const plot = document.querySelector("[data-scatter]");
  if (!plot) return;
  drawChart(plot, readFigure(plot));
  plot.on("plotly_click", ({ points: [point] }) => { location.href = point.customdata; });
});
