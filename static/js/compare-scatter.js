// The points of the scatter lead to their jobs.
lazuli.compare.onShown(() => {
  const plot = document.querySelector("[data-scatter]");
  if (!plot) return;
  lazuli.charts.draw(plot, lazuli.charts.figureOf(plot));
  plot.on("plotly_click", ({ points: [point] }) => { location.href = point.customdata; });
});
