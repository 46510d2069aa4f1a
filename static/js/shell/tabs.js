// <div data-tabs> with role=tab buttons (aria-controls) and role=tabpanel parts: for parts of one page.
// Tabs that are separate pages are plain links; where they do not all fit, the row is moved to the current one.
import { wrapIndex } from "../pure/words.js";

const findTabs = (tab) => [...tab.parentElement.querySelectorAll("[role=tab]")];

const showTab = (tab) => {
  for (const other of findTabs(tab)) {
    const isChosen = other === tab;
    other.setAttribute("aria-selected", isChosen);
    other.tabIndex = isChosen ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).hidden = !isChosen;
  }
};

document.addEventListener("click", (event) => {
  const tab = event.target.closest("[data-tabs] [role=tab]");
  if (tab) showTab(tab);
});

document.addEventListener("keydown", (event) => {
  const tab = event.target.closest?.("[data-tabs] [role=tab]");
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!tab || !step) return;
  const tabs = findTabs(tab);
  const next = tabs[wrapIndex(tabs.indexOf(tab) + step, tabs.length)];
  showTab(next);
  next.focus();
});

for (const tab of document.querySelectorAll("main > nav > [aria-current=page]")) {
  const row = tab.parentElement, overhang = tab.getBoundingClientRect().right - row.getBoundingClientRect().right;
  if (overhang > 0) row.scrollLeft += overhang + 24;
}
