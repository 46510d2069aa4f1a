// [data-compare-run="id"]: adds the job to those that this tab compares. The first one shows a message; with a second one, they are compared.
import { showToast } from "../shell/toasts.js";

const MAX_RUNS = 50;

const keyOf = (link) => `compare:${new URL(link.href).pathname}`;

const readRuns = (link) => JSON.parse(sessionStorage.getItem(keyOf(link)) || "[]");

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-compare-run]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const runs = [...new Set([...readRuns(link), link.dataset.compareRun])].slice(-MAX_RUNS);
  sessionStorage.setItem(keyOf(link), JSON.stringify(runs));
  if (runs.length < 2) {
    showToast("Added to the comparison. Open another job and select Compare there too.", "success");
    return;
  }
  const query = new URLSearchParams(runs.map((id) => ["runs", id]));
  window.location.assign(`${new URL(link.href).pathname}?${query}`);
});
