// Charts of resource use: drawn from the page, then again from the server's response every few seconds.
import { drawChart } from "../shared/charts.js";
import "../shared/figures.js";

const isMonitoring = (element) => element.matches("[data-monitoring]");

document.addEventListener("htmx:configRequest", (event) => {
  if (isMonitoring(event.target)) event.detail.parameters.seen = event.target.dataset.monitoring;
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { xhr } = event.detail;
  // 204: nothing new.
  if (!isMonitoring(event.target) || xhr.status !== 200) return;
  const { seen, cards } = JSON.parse(xhr.responseText);
  const sections = new Map([...event.target.querySelectorAll("[data-monitored]")].map((section) => [section.dataset.monitored, section]));
  if (Object.keys(cards).some((title) => !sections.has(title))) {
    window.location.reload();
    return;
  }
  event.target.dataset.monitoring = seen;
  for (const [title, { figure, last }] of Object.entries(cards)) {
    drawChart(sections.get(title).querySelector(".chart"), figure);
    sections.get(title).querySelector("[data-last]").textContent = last;
  }
});
