// The metrics tab while the job runs: new points for the charts in view, cards that have changed, metrics that are new.
import { readFigure } from "../shared/charts.js";
import { recordAnswer, recordMiss } from "../shared/missed-polls.js";
import { fetchJson, fetchPiece, fetchUrl } from "../shared/requests.js";
import { addCard, removeCard } from "./cards.js";
import { charts, findSeenCards } from "./chart-registry.js";
import { drawSoon, loadCharts } from "./drawing.js";
import { filterCards } from "./filter.js";
import { appendPoints } from "./lines.js";
import { findAxisKey, page } from "./settings.js";

const POLL_MS = 1000, HIDDEN_POLL_MS = 10000;
// A line that has grown beyond this is loaded again, thinned to what can be seen.
const MAX_POINTS = 4000;

let isOver = !page.hasAttribute("data-live"), pollWait = POLL_MS, timer = 0, wasEnded = false, isPolling = false;

// How many points the page has of each chart in view, and of each other card.
const describeKnown = () => findSeenCards().flatMap((card) => {
  const members = charts.get(card)?.members || [];
  if (members.length) return members.filter((member) => member.whole).map((member) => `${member.key}:${member.whole.count}`);
  return card.dataset.card === "later" ? [] : [`${card.dataset.members}:${card.dataset.count}`];
}).join(",");

// Whether to poll again.
const showState = (words, level = "") => {
  isOver ||= level === "over";
  const badge = document.querySelector("[data-live-state]");
  if (badge && badge.textContent !== words) badge.textContent = words;
  if (badge) badge.dataset.level = level;
  return level !== "over";
};

const loadNews = async () => {
  try {
    const query = new URLSearchParams({ seen: page.dataset.seen, after: describeKnown() });
    const answer = await fetchJson(`${page.dataset.url}?${query}`);
    if (answer.status === 404) return showState("The job was deleted", "over");
    if (!answer.ok) throw new Error(answer.status);
    pollWait = POLL_MS;
    recordAnswer(page);
    if (answer.status === 204) return showState("Live", "live");
    const news = await answer.json();
    await applyNews(news);
    page.dataset.seen = news.seen;
    // The last points may come a moment after the end.
    if (!news.active && wasEnded) return showState("Ended", "over");
    wasEnded = !news.active;
    return showState("Live", "live");
  } catch {
    pollWait = recordMiss(page);
    return showState("Waiting for the studio");
  }
};

const poll = async () => {
  if (isPolling) return;
  clearTimeout(timer);
  isPolling = true;
  const again = await loadNews();
  isPolling = false;
  if (again) timer = setTimeout(poll, document.hidden ? Math.max(HIDDEN_POLL_MS, pollWait) : pollWait);
};

const applyNews = async (news) => {
  const lines = new Map(news.points.map((points) => [String(points.id), points]));
  for (const chart of charts.values()) if (growChart(chart, lines)) redrawGrown(chart);
  for (const key of news.redrawn) await reloadCard(document.getElementById(`metric-${key}`));
  if (page.dataset.seriesCount !== undefined && String(news.series) !== page.dataset.seriesCount) await reloadSections(news.series);
};

// ---- lines

// Whether the chart has new points.
const growChart = (chart, lines) => {
  let hasGrown = false;
  for (const member of chart.members) {
    const points = lines.get(member.key);
    // Points that do not follow the last one belong to a line that was reloaded in the meantime.
    if (!points || !member.whole || (points.after && points.after !== member.whole.count)) continue;
    appendPoints(member, points);
    hasGrown = true;
    const shown = chart.card.querySelector("[data-last]");
    if (shown) Object.assign(shown, { textContent: points.last, title: `${points.exact}, the last of ${points.count} values` });
    chart.card.dataset.count = points.count;
  }
  return hasGrown;
};

const redrawGrown = (chart) => {
  const isLong = chart.members.some((member) => member.whole?.steps.length > MAX_POINTS);
  if (findAxisKey() || isLong) loadCharts([chart]);
  else drawSoon(chart);
};

// ---- cards without lines

const describeViews = (card) =>
  [card.dataset.card, ...[...card.querySelectorAll("[data-view] option")].map((option) => option.value)].join("\n");

// Reload a card at the rows that it shows. Unchanged parts stay, so that nothing flickers, scrolls or loses the focus.
const reloadCard = async (card) => {
  if (!card) return;
  const answer = await fetchPiece(`${card.dataset.url}?start=${card.dataset.start}`);
  if (!answer.ok || !card.isConnected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-card]");
  if (describeViews(fresh) === describeViews(card)) updateCard(card, fresh);
  else replaceCard(card, document.adoptNode(fresh));
};

const replaceCard = (card, fresh) => {
  removeCard(card);
  card.replaceWith(fresh);
  htmx.process(fresh);
  addCard(fresh);
  filterCards();
};

const updateCard = (card, fresh) => {
  const chart = charts.get(card), pages = fresh.querySelector(".row-pages");
  card.dataset.count = fresh.dataset.count;
  if (chart) {
    chart.views = readFigure(fresh.querySelector(".chart"));
    drawSoon(chart);
  }
  for (const part of [".card-scroll", "[data-card-image]"]) {
    const here = card.querySelector(part), there = fresh.querySelector(part);
    if (here && there) here.replaceChildren(...there.childNodes);
  }
  if (!pages || card.querySelector(".row-pages")?.contains(document.activeElement)) return;
  card.querySelector(".row-pages")?.remove();
  card.append(document.adoptNode(pages));
  htmx.process(pages);
};

// ---- new metrics

const findSection = (name) => page.querySelector(`[data-section="${CSS.escape(name)}"]`);

// After a change of metrics: the server's new sections and cards; existing ones stay.
export const reloadSections = async (count) => {
  if (!page.querySelector("#metric-sections")) return location.reload();
  const answer = await fetchUrl(location.href);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  page.dataset.seriesCount = count;
  page.querySelector("#metric-names").replaceWith(document.adoptNode(fresh.querySelector("#metric-names")));
  const sections = [...fresh.querySelectorAll("#metric-sections > [data-section]")];
  insertMissing(page.querySelector("#metric-sections"), sections, (section) => findSection(section.dataset.section));
  for (const section of fresh.querySelectorAll("[data-section]")) {
    const cards = findSection(section.dataset.section).querySelector(".metric-cards");
    insertMissing(cards, [...section.querySelectorAll("[data-card]")], (card) => document.getElementById(card.id));
    cards.closest("[data-section]").querySelector(".count").textContent = cards.children.length;
  }
  return filterCards();
};

const insertNode = (parent, node, next) => {
  const inserted = document.adoptNode(node);
  parent.insertBefore(inserted, next);
  htmx.process(inserted);
  for (const card of inserted.matches("[data-card]") ? [inserted] : inserted.querySelectorAll("[data-card]")) addCard(card);
  return inserted;
};

const insertMissing = (parent, nodes, findPresent) => {
  let next = null;
  for (const node of nodes.reverse()) {
    const present = findPresent(node), hasOtherMembers = present && node.dataset.members !== present.dataset.members;
    if (hasOtherMembers) {
      removeCard(present);
      present.remove();
    }
    next = present && !hasOtherMembers ? present : insertNode(parent, node, next);
  }
};

document.addEventListener("visibilitychange", () => { if (!document.hidden && !isOver) poll(); });
if (!isOver) poll();
