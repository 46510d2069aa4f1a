// [data-trials]: the objective of each child job; a click on a point opens the job.
import { drawChart } from "../shared/charts.js";

const chart = document.querySelector("[data-trials]");

if (chart) {
  drawChart(chart, JSON.parse(document.getElementById("trials-figure").textContent)).then(() => {
    chart.on("plotly_click", ({ points }) => {
      const address = points.map((point) => point.customdata).find(Boolean);
      if (address) window.location.assign(address);
    });
  });
}
