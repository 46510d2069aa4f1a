// form[data-edit-text]: Ctrl+S saves, and leaving with unsaved text asks first.
const form = document.querySelector("[data-edit-text]");
const area = form.querySelector("textarea");
const saved = area.value;
let isSaving = false;

form.addEventListener("submit", () => { isSaving = true; });

window.addEventListener("beforeunload", (event) => {
  if (!isSaving && area.value !== saved) event.preventDefault();
});

form.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    form.requestSubmit();
  }
});
