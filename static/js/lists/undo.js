// Undo in a toast ([data-undo]): only the table is updated, and the page stays.
import { showToast } from "../shell/toasts.js";
import { showAnswer } from "./answers.js";

document.addEventListener("submit", async (event) => {
  const form = event.target, toast = form.closest("[data-undo]");
  if (!toast || !document.getElementById("run-table")) return;
  event.preventDefault();
  form.querySelector("button").disabled = true;
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form) }).catch(() => null);
  if (!answer?.ok) {
    form.querySelector("button").disabled = false;
    showToast("This was not undone. Try again.", "error");
    return;
  }
  showAnswer(await answer.text());
});
