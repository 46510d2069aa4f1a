// An act on ticked jobs leads back to their list. The list is loaded again in its place: it is no step of the history.
import { showToast } from "../shell/toasts.js";
import { findMatchingBox } from "./selection.js";

const isOfList = (address) => /\/(delete|cancel|tag|untag|colour)\/$/.test(new URL(address).pathname);

// All that match are shown by a page of their own first.
document.addEventListener("submit", async (event) => {
  const form = event.target, { submitter } = event;
  if (form.id !== "runs-form" || event.defaultPrevented || findMatchingBox()?.checked) return;
  if (!submitter?.formAction || !isOfList(submitter.formAction)) return;
  event.preventDefault();
  const body = new FormData(form, submitter);
  const answer = await fetch(submitter.formAction, { method: "POST", body, redirect: "manual" }).catch(() => null);
  if (answer?.type === "opaqueredirect") location.replace(location.pathname + location.search);
  else {
    delete form.dataset.sent;
    showToast("Nothing was changed. Load the page again and try once more.", "error");
  }
});
