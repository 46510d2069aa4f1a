// The small charts above the runs of an experiment, for the runs that the table shows; again while one of them is live.
(() => {
  const box = document.querySelector("[data-experiment-charts]");
  if (!box) return;
  const LIVE = 5000;
  let timer = 0;

  const cardOf = (name) => {
    const known = [...box.children].find((card) => card.dataset.name === name);
    if (known) return known.querySelector(".chart");
    const card = document.createElement("section");
    card.className = "card metric-card";
    card.dataset.name = name;
    const title = Object.assign(document.createElement("h2"), { textContent: name, className: "cut", title: name });
    const chart = Object.assign(document.createElement("div"), { className: "chart" });
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", `${name} of the jobs shown`);
    card.append(title, chart);
    box.append(card);
    return chart;
  };

  const load = async () => {
    clearTimeout(timer);
    let live = true;
    if (!document.hidden) {
      const answer = await fetch(box.dataset.experimentCharts + location.search).catch(() => null);
      if (answer?.ok) live = show(await answer.json());
    }
    if (live) timer = setTimeout(load, LIVE);
  };

  const show = ({ charts, templates, live }) => {
    lazuli.charts.setTemplates(templates);
    const names = new Set(charts.map((chart) => chart.name));
    for (const card of [...box.querySelectorAll("[data-name]")]) if (!names.has(card.dataset.name)) card.remove();
    box.hidden = !charts.length;
    // First all cards, for each narrows the others; then the charts, which measure their card.
    for (const { name } of charts) cardOf(name);
    for (const { name, figure } of charts) lazuli.charts.draw(cardOf(name), figure);
    return live;
  };

  document.addEventListener("htmx:afterSettle", (event) => { if (event.detail.elt.id === "run-table") load(); });
  load();
})();
