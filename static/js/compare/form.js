// The form of the comparison, its menus and its tabs.
import { findForm } from "./address.js";
import { onTabShown } from "./swaps.js";

const TYPING_MS = 250;

// Parameters that the server left out are not sent again.
onTabShown(() => {
  const source = document.querySelector("#compare [data-clean-query]");
  if (source) history.replaceState(history.state, "", `?${source.dataset.cleanQuery}`);
});

// On a narrow page the tabs scroll.
onTabShown(() => {
  const tab = document.querySelector("#compare .tabs [aria-current]");
  if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 40;
});

let typingTimer = 0;
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-submit-while-typing]")) return;
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => findForm().requestSubmit(), TYPING_MS);
});

// htmx does not know which button sent the form, because the buttons are outside the form.
document.addEventListener("htmx:configRequest", (event) => {
  const button = event.detail.triggeringEvent?.submitter;
  if (event.detail.elt === findForm() && button?.name) event.detail.parameters[button.name] = button.value;
});

// A menu opens below its button.
document.addEventListener("toggle", (event) => {
  if (event.newState !== "open" || !event.target.matches(".compare-menu")) return;
  const box = document.querySelector(`[popovertarget="${event.target.id}"]`).getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left, innerWidth - event.target.offsetWidth - 8));
  Object.assign(event.target.style, { left: `${left}px`, top: `${box.bottom + 4}px` });
}, true);
