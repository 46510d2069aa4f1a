// The cards of the metrics tab become charts when they are added to the page, and are forgotten when they leave it.
import { readFigure } from "../shared/charts.js";
import { cardsInView, charts, isSeen } from "./chart-registry.js";
import { hideChart, showChart } from "./drawing.js";
import { page, settings } from "./settings.js";

const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) cardsInView.add(target);
    else cardsInView.delete(target);
    if (isIntersecting && target.dataset.card === "later") htmx.trigger(target, "card-visible");
    const chart = charts.get(target);
    if (chart && isIntersecting) showChart(chart);
    else if (chart && !isSeen(chart)) hideChart(chart);
  }
}, { rootMargin: "500px 0px" });

const makeMembers = (card) => {
  const names = card.dataset.names.split("\n");
  return card.dataset.members.split(",").map((key, index) => ({ key, name: names[index] || card.dataset.title, whole: null, detail: null }));
};

const makeChart = (card, element) => {
  const chart = { card, element, box: element.parentElement, title: card.dataset.title, members: [], views: null };
  if (element.dataset.chart === "views") return { ...chart, views: readFigure(element) };
  // The placeholder text until it is drawn is its description.
  const words = [...element.children].map((child) => child.textContent).join(". ");
  element.setAttribute("aria-label", `${chart.title}: ${words}`);
  element.setAttribute("role", "img");
  return { ...chart, members: makeMembers(card) };
};

export const addCard = (card) => {
  if (charts.has(card)) return;
  observer.observe(card);
  const element = card.querySelector(".chart");
  if (!element) return;
  const chart = makeChart(card, element), select = card.querySelector("[data-view]");
  charts.set(card, chart);
  if (select && settings.view.has(chart.title)) select.value = settings.view.get(chart.title);
};

export const removeCard = (card) => {
  observer.unobserve(card);
  charts.delete(card);
  cardsInView.delete(card);
};

document.addEventListener("htmx:load", (event) => {
  const { elt } = event.detail;
  for (const card of elt.matches?.("[data-card]") ? [elt] : elt.querySelectorAll?.("[data-card]") || []) addCard(card);
  for (const card of [...charts.keys()]) if (!card.isConnected) removeCard(card);
});

for (const card of page.querySelectorAll("[data-card]")) addCard(card);
