// [data-compare-add] opens the search for jobs in a panel next to the page instead of on a separate page.
import { onSwapped } from "./swaps.js";

const loadOffers = (words) => {
  const url = new URL(document.querySelector("[data-compare-add]").href);
  if (words) url.searchParams.set("find", words);
  return htmx.ajax("GET", url.pathname + url.search, { target: "[data-compare-offers]", swap: "innerHTML" });
};

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-compare-add]")) return;
  event.preventDefault();
  document.getElementById("compare-add").showModal();
  loadOffers("").then(() => document.getElementById("compare-find")?.focus());
});

// Jobs that are already compared are not offered.
onSwapped(() => { if (document.getElementById("compare-add").open) loadOffers(document.getElementById("compare-find")?.value || ""); });
