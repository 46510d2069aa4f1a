// A chart of the metrics tab in full screen, with the choices of how it is drawn; both are the same elements as in the page.
(() => {
  const metrics = window.lazuli.metrics, dialog = document.getElementById("chart-dialog");
  if (!metrics || !dialog) return;
  const { page, choices } = metrics;
  const part = (name) => dialog.querySelector(`[data-full-${name}]`);
  const tools = page.querySelector(".chart-tools");
  let chart = null;

  const open = (wanted) => {
    if (chart) putBack();
    chart = wanted;
    chart.home = document.createComment("The chart is in full screen.");
    chart.box.replaceWith(chart.home);
    part("place").append(chart.box);
    // Of figures there is nothing to choose here.
    if (tools && chart.members.length) part("tools").append(tools);
    dialog.querySelector("h2").textContent = chart.title;
    const csv = chart.card.querySelector("[data-csv]");
    part("csv").hidden = !csv;
    if (csv) part("csv").href = csv.href;
    show(chart);
    if (!dialog.open) dialog.showModal();
    choices.full = chart.title;
    metrics.write();
    metrics.reshow(chart);
  };

  const show = (changed) => { if (changed === chart) part("reset").hidden = !choices.zoom.has(chart.title); };

  const putBack = () => {
    chart.home.replaceWith(chart.box);
    if (tools) page.querySelector("[data-tools-home]").after(tools);
    const left = chart;
    chart = null;
    metrics.reshow(left);
  };

  dialog.addEventListener("close", () => {
    const card = chart?.card;
    if (chart) putBack();
    choices.full = "";
    metrics.write();
    card?.querySelector("[data-chart-full]")?.focus();
  });

  const step = (by) => {
    const all = metrics.inPage();
    open(all[(all.indexOf(chart) + by + all.length) % all.length]);
  };

  dialog.addEventListener("click", (event) => {
    const by = event.target.closest("[data-full-step]");
    if (by) step(Number(by.dataset.fullStep));
    if (event.target.closest("[data-full-save]")) lazuli.charts.save(chart.element, chart.title);
    if (event.target.closest("[data-full-reset]")) metrics.reset(chart);
  });

  // Whether the key was one of ours.
  const press = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!chart || !by || event.shiftKey) return false;
    step(by);
    return true;
  };

  metrics.full = { open, press, show, chart: () => chart, holds: (one) => one === chart };
})();
