// The small charts above the runs of an experiment, for the runs that the table shows; again when the table has news.
(() => {
  const box = document.querySelector("[data-experiment-charts]");
  if (!box) return;
  // A table with news every second or two draws its charts anew no more often than that.
  const PAUSE = 5000;
  // What each card shows, as text: a chart is drawn anew only if its numbers have changed.
  const shown = new Map();
  let timer = 0, asked = 0, at = 0;

  const cardOf = (name) => {
    const known = [...box.querySelectorAll("[data-name]")].find((card) => card.dataset.name === name);
    if (known) return known;
    const card = box.querySelector("template").content.firstElementChild.cloneNode(true), [title, chart] = card.children;
    card.dataset.name = title.textContent = title.title = name;
    chart.setAttribute("aria-label", `${name} of the jobs shown`);
    box.append(card);
    return card;
  };

  const load = async () => {
    clearTimeout(timer);
    timer = 0;
    at = Date.now();
    const mine = (asked += 1);
    const answer = await fetch(box.dataset.experimentCharts + location.search).catch(() => null);
    const found = answer?.ok ? await answer.json() : null;
    // If the list has changed since, a later answer is under way.
    if (found && mine === asked) show(found);
  };
  const soon = () => { timer ||= setTimeout(load, Math.max(0, at + PAUSE - Date.now())); };

  const show = ({ charts, templates }) => {
    lazuli.charts.setTemplates(templates);
    const names = new Set(charts.map((chart) => chart.name));
    box.hidden = !charts.length;
    // First all cards, for each narrows the others; then the charts, which measure their card.
    for (const { name } of charts) cardOf(name);
    for (const card of box.querySelectorAll("[data-name]")) if (!names.has(card.dataset.name)) forget(card);
    for (const { name, figure } of charts) draw(name, figure);
  };

  const forget = (card) => {
    lazuli.charts.forget(card.querySelector(".chart"));
    shown.delete(card.dataset.name);
    card.remove();
  };

  const draw = (name, figure) => {
    const text = JSON.stringify(figure), chart = cardOf(name).querySelector(".chart");
    if (shown.get(name) === text) return;
    shown.set(name, text);
    if (figure) return lazuli.charts.draw(chart, figure);
    lazuli.charts.forget(chart);
    const words = document.querySelector(".group-row") ? "Unfold a group to draw its jobs" : "No value in the jobs shown";
    chart.replaceChildren(Object.assign(document.createElement("p"), { className: "no-chart", textContent: words }));
  };

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.requestConfig?.elt.matches("[data-poll]")) soon();
    else if (event.detail.elt.id === "run-table") load();
  });
  load();
})();
