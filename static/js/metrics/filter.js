// Which cards of the metrics tab are shown: those that match the search and whose metrics are selected.
import { hasAllWords, splitWords } from "../pure/words.js";
import { page } from "./settings.js";

const updateSection = (section) => {
  const cards = [...section.querySelectorAll("[data-card]")], shown = cards.filter((card) => !card.hidden).length;
  section.hidden = !shown;
  section.querySelector(".count").textContent = shown === cards.length ? shown : `${shown} of ${cards.length}`;
};

export const filterCards = () => {
  const words = splitWords(page.querySelector("[data-metric-search]")?.value);
  const off = new Set([...page.querySelectorAll("[data-series]:not(:checked)")].map((box) => box.dataset.series));
  for (const item of page.querySelectorAll("#metric-names > li")) item.hidden = !hasAllWords(item.textContent, words);
  for (const card of page.querySelectorAll("[data-card]")) {
    card.hidden = !hasAllWords(card.dataset.names, words) || card.dataset.members.split(",").every((key) => off.has(key));
  }
  for (const section of page.querySelectorAll("[data-section]")) updateSection(section);
  const nothing = page.querySelector("[data-no-match]");
  if (nothing) nothing.hidden = Boolean(page.querySelector("[data-card]:not([hidden])"));
};

filterCards();
