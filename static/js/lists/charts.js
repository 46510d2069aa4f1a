// The small charts above a list of jobs, for the jobs that the table shows; again when the table has news.
import { drawChart, removeChart, setTemplates } from "../shared/charts.js";
import { bindChart, releaseChart } from "./highlight.js";
import { isFolded } from "./looks.js";

// A table with news every second or two draws its charts no more often than that.
const PAUSE_MS = 5000;

const bindListCharts = (box) => {
  // What each card shows, as text: a chart is drawn again only if its numbers have changed.
  const shown = new Map();
  let timer = 0, lastLoad = 0, loadedAt = 0;

  const findOrAddCard = (name) => {
    const known = [...box.querySelectorAll("[data-name]")].find((card) => card.dataset.name === name);
    if (known) return known;
    const card = box.querySelector("template").content.firstElementChild.cloneNode(true), [title, chart] = card.children;
    card.dataset.name = title.textContent = title.title = name;
    chart.setAttribute("aria-label", `${name} of the jobs shown`);
    box.append(card);
    return card;
  };

  const removeCard = (card) => {
    removeChart(card.querySelector(".chart"));
    shown.delete(card.dataset.name);
    card.remove();
  };

  const drawCard = (name, figure) => {
    const text = JSON.stringify(figure), chart = findOrAddCard(name).querySelector(".chart");
    if (shown.get(name) === text) return;
    shown.set(name, text);
    if (figure) {
      drawChart(chart, figure).then(() => bindChart(chart));
      return;
    }
    removeChart(chart);
    releaseChart(chart);
    const reason = document.querySelector(".group-row") ? "Open a group to draw its jobs" : "No value in the jobs shown";
    chart.replaceChildren(Object.assign(document.createElement("p"), { className: "no-chart", textContent: reason }));
  };

  const showCharts = ({ charts, templates }) => {
    setTemplates(templates);
    const names = new Set(charts.map((chart) => chart.name));
    box.hidden = !charts.length;
    // First all cards, for each narrows the others; then the charts, which measure their card.
    for (const name of names) findOrAddCard(name);
    for (const card of box.querySelectorAll("[data-name]")) if (!names.has(card.dataset.name)) removeCard(card);
    for (const { name, figure } of charts) drawCard(name, figure);
  };

  const loadCharts = async () => {
    clearTimeout(timer);
    timer = 0;
    // What is folded costs nothing.
    if (isFolded(box)) return;
    loadedAt = Date.now();
    const number = ++lastLoad;
    const answer = await fetch(box.dataset.listCharts + location.search).catch(() => null);
    const found = answer?.ok ? await answer.json() : null;
    // If the list has changed since, a later answer is under way.
    if (found && number === lastLoad) showCharts(found);
  };
  const loadChartsSoon = () => { timer ||= setTimeout(loadCharts, Math.max(0, loadedAt + PAUSE_MS - Date.now())); };

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.requestConfig?.elt.matches("[data-poll]")) loadChartsSoon();
    else if (event.detail.elt.id === "run-table") loadCharts();
  });
  document.addEventListener("charts-shown", loadCharts);
  loadCharts();
};

const listCharts = document.querySelector("[data-list-charts]");
if (listCharts) bindListCharts(listCharts);
