// An act on ticked jobs updates the table and shows the messages; the page stays where it is.
import { closePopovers, showAnswer } from "./answers.js";
import { findBoxes, findMatchingBox } from "./selection.js";
import { showToast } from "../shell/toasts.js";

const isOfList = (address) => /\/(delete|cancel|tag|untag|colour)\/$/.test(new URL(address).pathname);

// The row that the focus goes to if the rows of the act are gone.
const findNextRow = () => {
  const boxes = findBoxes(), last = boxes.findLastIndex((box) => box.checked);
  const free = (box) => !box.checked;
  return (boxes.slice(last + 1).find(free) || boxes.slice(0, last).findLast(free))?.value;
};

// Not from a row that is still there.
const focusRow = (value) => document.activeElement.closest("#run-table tbody") || findBoxes().find((box) => box.value === value)?.closest("tr").querySelector(".row-link")?.focus({ preventScroll: true });

// All that match are shown by a page of their own first.
document.addEventListener("submit", async (event) => {
  const form = event.target, { submitter } = event;
  if (form.id !== "runs-form" || event.defaultPrevented || findMatchingBox()?.checked) return;
  if (!submitter?.formAction || !isOfList(submitter.formAction)) return;
  event.preventDefault();
  const body = new FormData(form, submitter), isByKey = Boolean(document.activeElement.closest("#run-table")), next = findNextRow();
  const answer = await fetch(submitter.formAction, { method: "POST", body }).catch(() => null);
  delete form.dataset.sent;
  if (!answer?.ok || !answer.redirected) {
    showToast("Nothing was changed. Load the page again and try once more.", "error");
    return;
  }
  closePopovers();
  if (isByKey) document.addEventListener("htmx:afterSettle", () => focusRow(next), { once: true });
  showAnswer(await answer.text());
});
