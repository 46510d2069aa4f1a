// The small charts above a list of jobs, for the shown jobs; redrawn when the table changes.
import { parseSmoothing } from "../pure/series.js";
import { drawChart, removeChart, setTemplates } from "../shared/charts.js";
import { fetchUrl } from "../shared/requests.js";
import { arrangeFigure } from "./chart-figure.js";
import { bindChart, releaseChart } from "./highlight.js";
import { saveLayout } from "./layout.js";
import { isFolded } from "./looks.js";
import { readAddress, setParameters } from "./table-address.js";

// If the table changes every second, its charts are drawn no more often than this.
const PAUSE_MS = 5000;

const bindListCharts = (box) => {
  // What each card shows, as text: a chart is drawn again only if its numbers have changed. And the figures themselves.
  const shown = new Map(), figures = new Map();
  let timer = 0, lastLoad = 0, loadedAt = 0;
  // The value while the slider of the panel moves; null once it is in the URL.
  let smoothing = null;

  const listCards = () => [...box.querySelectorAll("[data-name]")];

  const findOrAddCard = (name) => {
    const known = listCards().find((card) => card.dataset.name === name);
    if (known) return known;
    const card = box.querySelector("template").content.firstElementChild.cloneNode(true), title = card.querySelector("h2");
    card.dataset.name = title.textContent = title.title = name;
    card.querySelector(".chart").setAttribute("aria-label", `${name} of the jobs shown`);
    for (const button of card.querySelectorAll("button")) button.setAttribute("aria-label", button.ariaLabel + name);
    box.append(card);
    return card;
  };

  const removeCard = (card) => {
    removeChart(card.querySelector(".chart"));
    shown.delete(card.dataset.name);
    figures.delete(card.dataset.name);
    card.remove();
  };

  const readSettings = (card, names) => {
    const { searchParams } = readAddress();
    return {
      // The page names a wrong value above the charts.
      smooth: smoothing ?? parseSmoothing(searchParams.get("smooth")),
      isLog: searchParams.getAll("log").includes(names[0]),
      isLarge: card.classList.contains("chart-large"),
    };
  };

  const drawCard = (card, { names, figure }) => {
    const settings = readSettings(card, names), text = JSON.stringify([figure, settings]), chart = card.querySelector(".chart");
    if (shown.get(card.dataset.name) === text) return;
    shown.set(card.dataset.name, text);
    const note = card.querySelector(".chart-note");
    note.hidden = !figure?.note;
    note.textContent = figure?.note || "";
    card.querySelector("[data-chart-log]").setAttribute("aria-pressed", settings.isLog);
    if (figure) {
      drawChart(chart, arrangeFigure(figure, settings)).then(() => bindChart(chart));
      return;
    }
    removeChart(chart);
    releaseChart(chart);
    chart.replaceChildren(Object.assign(document.createElement("p"), { className: "no-chart", textContent: "No value in the jobs shown" }));
  };

  // Instead of many empty charts; the values of a sweep belong to its child jobs.
  const noValues = box.querySelector("[data-no-values]");
  const findChildrenSwitch = () => document.querySelector("#state-children:not([aria-current])");
  const showNoValues = (charts) => {
    noValues.hidden = charts.some((chart) => chart.figure);
    // Without jobs the table says so; the space stays, so that the query does not move.
    noValues.style.visibility = document.querySelector("#run-table tbody tr") ? "" : "hidden";
    const hasChildren = findChildrenSwitch() && document.querySelector("#run-table tbody [aria-expanded]");
    for (const part of noValues.querySelectorAll("[data-values-of-children]")) part.hidden = !hasChildren;
  };

  const drawAll = () => { for (const card of listCards()) if (figures.has(card.dataset.name)) drawCard(card, figures.get(card.dataset.name)); };

  const showCharts = ({ charts, templates }) => {
    setTemplates(templates);
    const names = new Set(charts.map((chart) => chart.name));
    // A query with an error has no table.
    // Where no job matched from the start it stays hidden.
    const stays = box.hidden && !document.querySelector("#run-table tbody tr");
    box.hidden = !charts.length || !document.getElementById("run-counts") || stays;
    // First all cards, because each makes the others narrower; then the charts, which measure their card.
    for (const name of names) findOrAddCard(name);
    for (const card of listCards()) if (!names.has(card.dataset.name)) removeCard(card);
    for (const chart of charts) figures.set(chart.name, chart);
    showNoValues(charts);
    drawAll();
  };

  const loadCharts = async () => {
    clearTimeout(timer);
    timer = 0;
    // Folded charts are not loaded.
    if (isFolded(box)) return;
    // They need the same sums as the groups, which are loaded first.
    if (document.querySelector("[data-adding-up]")) return;
    loadedAt = Date.now();
    const number = ++lastLoad;
    const answer = await fetchUrl(box.dataset.listCharts + location.search).catch(() => null);
    const found = answer?.ok ? await answer.json() : null;
    // If the list has changed since, a later request is in progress.
    if (found && number === lastLoad) showCharts(found);
  };
  const loadChartsSoon = () => { timer ||= setTimeout(loadCharts, Math.max(0, loadedAt + PAUSE_MS - Date.now())); };

  // ---- the buttons of a card, and the slider of the panel

  const toggleLog = (card) => {
    const url = readAddress(), [name] = figures.get(card.dataset.name)?.names || [card.dataset.name];
    const logs = url.searchParams.getAll("log");
    setParameters(url, "log", logs.includes(name) ? logs.filter((one) => one !== name) : [...logs, name]);
    saveLayout(url);
    drawAll();
  };

  const toggleLarge = (card) => {
    card.querySelector("[data-chart-expand]").setAttribute("aria-pressed", card.classList.toggle("chart-large"));
    drawAll();
    for (const one of listCards()) if (one.querySelector(".js-plotly-plot")) Plotly.Plots.resize(one.querySelector(".chart"));
    card.scrollIntoView({ block: "nearest" });
  };

  box.addEventListener("click", (event) => {
    const card = event.target.closest("[data-name]");
    if (event.target.closest("[data-chart-log]")) toggleLog(card);
    if (event.target.closest("[data-chart-expand]")) toggleLarge(card);
    if (event.target.closest("[data-values-of-children]")) findChildrenSwitch()?.click();
  });

  document.addEventListener("input", (event) => {
    if (!event.target.matches("#list-panel-body [name=smooth]")) return;
    smoothing = Number(event.target.value);
    event.target.closest("label").querySelector("output").textContent = event.target.value;
    drawAll();
  });
  document.getElementById("list-panel").addEventListener("close", () => {
    smoothing = null;
    drawAll();
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.requestConfig?.elt.matches("[data-poll]")) loadChartsSoon();
    else if (event.detail.elt.id === "run-table") loadCharts();
  });
  document.addEventListener("charts-shown", loadCharts);
  loadCharts();
};

const listCharts = document.querySelector("[data-list-charts]");
if (listCharts) bindListCharts(listCharts);
