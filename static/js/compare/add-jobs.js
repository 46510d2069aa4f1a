// [data-compare-add] adds jobs beside the page, instead of on a page of its own.
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

// The offers leave out what is compared already.
onSwapped(() => { if (document.getElementById("compare-add").open) loadOffers(document.getElementById("compare-find")?.value || ""); });
