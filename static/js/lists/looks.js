// Display settings of lists: [data-density-toggle] for the height of rows, [data-charts-toggle] folds the charts above.
// Cookies store them, so that the next page has the same state.

const remember = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`; };

// Without a choice, CSS folds them on small screens.
export const isFolded = (box) => getComputedStyle(box).display === "none" && !box.hidden;

const findCharts = () => document.getElementById("run-charts");
const findList = () => document.querySelector("[data-density]");

const showLooks = () => {
  const charts = findCharts(), list = findList();
  document.querySelector("[data-charts-toggle]")?.setAttribute("aria-expanded", Boolean(charts) && !isFolded(charts));
  document.querySelector("[data-density-toggle]")?.setAttribute("aria-pressed", list?.dataset.density === "comfortable");
};

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-density-toggle]")) {
    const list = findList(), density = list.dataset.density === "compact" ? "comfortable" : "compact";
    list.dataset.density = density;
    remember("density", density);
  } else if (event.target.closest("[data-charts-toggle]")) {
    const charts = findCharts(), fold = isFolded(charts) ? "open" : "folded";
    charts.dataset.fold = fold;
    remember("charts_fold", fold);
    if (fold === "open") document.dispatchEvent(new Event("charts-shown"));
  } else return;
  showLooks();
});

document.addEventListener("htmx:afterSettle", showLooks);
showLooks();
