// "n" and "p", or [data-difference]: go to the next and the previous difference of a table, a log or a file, also on another
// page of a long table.
import { wrapIndex } from "../pure/words.js";
import { onKey } from "./keys.js";
import { onTabShown } from "./swaps.js";

const CURRENT = "is-current-difference";

let current = -1;
// The direction of the last change of page: 1, -1, or 0.
let turned = 0;

const findDifferences = () => [...document.querySelectorAll("#compare [data-differs]")];
const findPageButton = (label) => [...document.querySelectorAll("#compare .pager button")].find((button) => button.textContent === label);

const showDifference = (index) => {
  current = index;
  const found = findDifferences();
  found.forEach((element, number) => element.classList.toggle(CURRENT, number === current));
  found[current].scrollIntoView({ block: "center", inline: "nearest" });
  const suffix = document.querySelector("#compare .pager") ? " on this page" : "";
  const label = `Difference ${current + 1} of ${found.length}${suffix}: ${found[current].dataset.differs}`;
  document.querySelector("[data-difference-count]").textContent = label;
};

const moveToDifference = (step) => {
  const count = findDifferences().length, first = step > 0 ? 0 : count - 1;
  const next = current < 0 ? first : current + step;
  const button = findPageButton(step > 0 ? "Next" : "Previous");
  if ((next < 0 || next >= count) && button) {
    turned = step;
    button.click();
  } else if (count) showDifference(wrapIndex(next, count));
};

onTabShown((isUpdate) => {
  if (!isUpdate) current = -1;
  const found = findDifferences();
  if (turned && found.length) showDifference(turned > 0 ? 0 : found.length - 1);
  else if (current >= 0 && current < found.length) found[current].classList.add(CURRENT);
  turned = 0;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-difference]");
  if (button) moveToDifference(Number(button.dataset.difference));
});
onKey({ n: () => moveToDifference(1), p: () => moveToDifference(-1) });
