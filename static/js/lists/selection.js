// Selecting jobs of a list: ticked rows, all rows of the page ([data-select-all]), all that match ([data-select-matching]).
// [data-needs-selection] are the buttons that act on them; data-min-selected and data-max-selected limit how many rows.
import { showToast } from "../shell/toasts.js";
import { describeSelection, isEnabled } from "../pure/selection.js";

const BOX = "#runs-form input[name=run], input[form=bulk-form][name=name]";

export const findBoxes = () => [...document.querySelectorAll(BOX)];

export const findMatchingBox = () => document.querySelector("[data-select-matching]");

// For all that match, the next page shows what the action takes.
const updateConfirmation = (button, isAll, subject) => {
  button.dataset.confirmTemplate ??= button.dataset.confirm;
  button.dataset.confirm = isAll ? "" : button.dataset.confirmTemplate.replace("#", subject);
};

// Once, when one more than a button takes is selected.
const isOverLimit = (count, { dataset }) => {
  const isOver = Boolean(dataset.limit) && count > Number(dataset.maxSelected), wasOver = dataset.isOver === "yes";
  dataset.isOver = isOver ? "yes" : "";
  return isOver && !wasOver;
};

const updateButtons = (count, isAll, { jobs, subject }) => {
  for (const button of document.querySelectorAll("[data-needs-selection]")) {
    button.disabled = !isEnabled(count, isAll, { min: button.dataset.minSelected, max: button.dataset.maxSelected });
    if (isOverLimit(count, button)) showToast(button.dataset.limit);
    if ("confirm" in button.dataset) updateConfirmation(button, isAll, subject);
  }
  for (const element of document.querySelectorAll("[data-selection-text]")) element.textContent = jobs;
};

export const showSelection = () => {
  const boxes = findBoxes(), ticked = boxes.filter((box) => box.checked), isAll = Boolean(findMatchingBox()?.checked);
  const count = isAll ? Number(findMatchingBox().dataset.count) : ticked.length;
  const words = describeSelection(count, isAll);
  updateButtons(count, isAll, words);
  for (const box of boxes) box.closest("tr")?.setAttribute("aria-selected", box.checked || isAll);
  const status = document.querySelector("[data-selection-count]");
  if (status) status.textContent = words.status;
  const pageBox = document.querySelector("[data-select-all]");
  if (!pageBox) return;
  pageBox.checked = boxes.length > 0 && ticked.length === boxes.length;
  pageBox.indeterminate = ticked.length > 0 && ticked.length < boxes.length;
};

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select-all]")) for (const box of findBoxes()) box.checked = event.target.checked;
  if (event.target.matches(`[data-select-all], [data-select-matching], ${BOX}`)) showSelection();
});

showSelection();
