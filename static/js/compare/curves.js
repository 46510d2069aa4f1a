// Curves of several jobs: a chart is loaded when it comes into view, and again while jobs run; a part that a person zooms to in
// more detail. Legend, smoothing and scale need no server; the address has them.
import { fromLocalAxis, parseAxisTime } from "../pure/times.js";
import { drawChart, saveChart } from "../shared/charts.js";
import { isWaiting, recordAnswer, recordMiss } from "../shared/missed-polls.js";
import { fetchUrl } from "../shared/requests.js";
import { onThemeChange } from "../shell/theme.js";
import { setParameter } from "./address.js";
import { makeFigure } from "./curve-figure.js";
import { onKey } from "./keys.js";
import { onTabShown } from "./swaps.js";

const POLL_MS = 5000, ZOOM_DELAY_MS = 200;
const WIDE = "compare-wide";

// By name of the metric: {figure, live, seen, zoom, detail, isBound, timer}.
const charts = new Map();
// `hidden` has the ids of jobs, or the names of groups, whose lines are not shown.
let page, hidden, observer, pollTimer = 0, frame = 0;

const readQuery = () => new URLSearchParams(location.search);
const findCards = () => [...page.querySelectorAll("[data-curve]")];
const findCard = (name) => findCards().find((card) => card.dataset.curve === name);
const findElement = (name) => findCard(name)?.querySelector(".chart");
const findLegend = () => [...page.querySelectorAll("[data-line]")];
const readSmoothing = () => Number(page.querySelector("[data-chart-smooth]").value);
const isLog = () => page.querySelector("[data-chart-log]").checked;
const isTime = () => readQuery().get("x") === "time";

const findColour = (line) => getComputedStyle(findLegend().find((item) => item.dataset.line === line).querySelector(".line-mark")).color;

const drawCurve = (name) => {
  const chart = charts.get(name), card = findCard(name), element = findElement(name);
  if (!chart?.figure || !card) return;
  const axis = readQuery().get("x"), isWide = card.classList.contains(WIDE);
  drawChart(element, makeFigure(chart, { smoothing: readSmoothing(), isLog: isLog(), isTime: isTime(), isWide, hidden, axis, findColour }));
  if (chart.isBound) return;
  chart.isBound = true;
  element.on("plotly_relayout", (change) => handleZoom(name, change));
};

const drawAll = () => { for (const name of charts.keys()) drawCurve(name); };

// ---- loading

// null if nothing is new.
const fetchCurve = async (name, more) => {
  const query = readQuery(), card = "seen" in more && findCard(name);
  for (const [parameter, value] of Object.entries({ name, ...more })) query.set(parameter, value);
  const answer = await fetchUrl(`${page.dataset.url}?${query}`).catch(() => null);
  if (card) (answer?.ok ? recordAnswer : recordMiss)(card);
  if (!answer?.ok) throw new Error(`The chart of ${name} could not be loaded.`);
  return answer.status === 204 ? null : answer.json();
};

const loadCurve = async (name, more = {}) => {
  const chart = charts.get(name) || {};
  charts.set(name, chart);
  try {
    const found = await fetchCurve(name, more);
    if (!found) return;
    Object.assign(chart, found);
    if (chart.zoom) await loadDetail(name);
    drawCurve(name);
  } catch (error) {
    const message = Object.assign(document.createElement("p"), { className: "nothing", textContent: error.message });
    if (!chart.figure) findElement(name)?.replaceChildren(message);
  }
};

const loadDetail = async (name) => {
  const chart = charts.get(name), { zoom } = chart;
  const found = await fetchCurve(name, { from: zoom[0], to: zoom[1] });
  if (chart.zoom === zoom && found) chart.detail = found.figure;
};

const handleZoom = (name, change) => {
  const chart = charts.get(name), axis = findElement(name)?.layout?.xaxis;
  clearTimeout(chart.timer);
  if (change["xaxis.autorange"]) {
    chart.zoom = chart.detail = undefined;
    drawCurve(name);
    return;
  }
  const isZoomed = axis?.range && ("xaxis.range[0]" in change || "xaxis.range" in change);
  // For times since the first value, only the loaded points can be shown.
  if (!isZoomed || readQuery().get("x") === "relative") return;
  chart.zoom = isTime() ? axis.range.map((value) => fromLocalAxis(parseAxisTime(value))) : [...axis.range];
  // Without more points, the loaded ones stay.
  chart.timer = setTimeout(() => loadDetail(name).then(() => drawCurve(name), () => {}), ZOOM_DELAY_MS);
};

const isInView = (card) => {
  const { top, bottom } = card.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
};

const poll = async () => {
  clearTimeout(pollTimer);
  const isResting = document.hidden || !page;
  const isDue = (card) => card && isInView(card) && !isWaiting(card);
  const due = isResting ? [] : [...charts].filter(([name, chart]) => chart.live && isDue(findCard(name)));
  for (const [name, chart] of due) await loadCurve(name, { seen: chart.seen });
  pollTimer = setTimeout(poll, POLL_MS);
};

// ---- shown metrics and lines

const addCard = (name) => {
  const card = document.getElementById("curve-card").content.firstElementChild.cloneNode(true), heading = card.querySelector("h2");
  card.dataset.curve = heading.textContent = heading.title = name;
  card.querySelector(".chart").setAttribute("aria-label", `${name} of the compared jobs`);
  for (const button of card.querySelectorAll("button")) button.setAttribute("aria-label", button.ariaLabel + name);
  page.querySelector(".compare-cards").append(card);
  observer.observe(card);
  card.scrollIntoView({ block: "nearest" });
};

const showMetric = (box) => {
  setParameter("show", [...page.querySelectorAll("[data-show-metric]:checked")].map((one) => one.value));
  if (box.checked) {
    addCard(box.value);
    return;
  }
  charts.delete(box.value);
  findCard(box.value)?.remove();
};

const listLines = () => findLegend().map((item) => item.dataset.line);

const setHidden = (lines) => {
  hidden = new Set(lines);
  for (const item of findLegend()) item.setAttribute("aria-pressed", !hidden.has(item.dataset.line));
  // Groups are named by values, which may hold commas.
  if (readQuery().get("group")) setParameter("off", [...hidden]);
  else setParameter("hide", [[...hidden].join(",")]);
  drawAll();
};

const toggleLine = (line) => setHidden(hidden.has(line) ? [...hidden].filter((one) => one !== line) : [...hidden, line]);

// ---- buttons of a card

const toggleWide = (card) => {
  card.querySelector("[data-chart-expand]").setAttribute("aria-pressed", card.classList.toggle(WIDE));
  drawCurve(card.dataset.curve);
  Plotly.Plots.resize(card.querySelector(".chart"));
  card.scrollIntoView({ block: "nearest" });
};

// With the legend, which the page has once for all charts.
const saveCurve = (card) => {
  const { data, layout } = card.querySelector(".chart");
  const legend = { orientation: "v", x: 1.02, xanchor: "left", y: 1, yanchor: "top" };
  if (layout) saveChart({ data, layout: { ...layout, showlegend: data.length > 1, legend } }, card.dataset.curve);
};

// ---- events

// In the capture phase, before the form is sent: other groups have other names, so nothing stays hidden.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-compare-charts] [name=group]")) setParameter("off", []);
}, true);

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-show-metric]")) showMetric(event.target);
  if (!event.target.matches("[data-chart-log]")) return;
  setParameter("y", [isLog() ? "log" : ""]);
  drawAll();
});

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-chart-smooth]")) return;
  const smoothing = readSmoothing();
  page.querySelector(".compare-smooth output").textContent = smoothing;
  setParameter("smooth", [smoothing ? String(smoothing) : ""]);
  // A slider sends more events than the screen has frames.
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(drawAll);
});

document.addEventListener("click", (event) => {
  const line = event.target.closest("[data-line]"), all = event.target.closest("[data-show-lines]"), card = event.target.closest("[data-curve]");
  if (line) toggleLine(line.dataset.line);
  if (all) setHidden(all.dataset.showLines === "all" ? [] : listLines());
  if (event.target.closest("[data-chart-expand]")) toggleWide(card);
  if (event.target.closest("[data-chart-save]")) saveCurve(card);
});

// A double click on a line of the legend shows only that one.
document.addEventListener("dblclick", (event) => {
  const line = event.target.closest("[data-line]");
  if (line) setHidden(listLines().filter((one) => one !== line.dataset.line));
});

// Bands take their colours from the legend, which has those of the new theme by the next frame.
onThemeChange(() => requestAnimationFrame(() => { if (page) drawAll(); }));

onKey({
  f: () => {
    const card = document.activeElement.closest("[data-curve]") || document.querySelector("[data-curve]:hover");
    if (card) toggleWide(card);
  },
});

const observeCards = () => {
  observer?.disconnect();
  observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      loadCurve(target.dataset.curve);
    }
  }, { rootMargin: "200px" });
  for (const card of findCards()) observer.observe(card);
};

onTabShown(() => {
  page = document.querySelector("[data-compare-charts]");
  if (!page) return;
  charts.clear();
  hidden = new Set(findLegend().filter((item) => item.getAttribute("aria-pressed") === "false").map((item) => item.dataset.line));
  observeCards();
});

pollTimer = setTimeout(poll, POLL_MS);
