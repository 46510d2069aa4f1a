// details[data-edit-inline="field"]: edited in place. Opening it moves the focus to the field, Esc or [data-edit-cancel] closes it
// without changes, Ctrl+Enter saves a text of many lines. A poll does not replace an open one.

const readField = (details) => details.querySelector("[name=value]");

const close = (details) => {
  details.querySelector("form").reset();
  details.querySelector("[data-edit-error]").textContent = "";
  readField(details).removeAttribute("aria-invalid");
  details.open = false;
  details.querySelector("summary").focus();
};

let edited = "";

document.addEventListener("toggle", ({ target }) => {
  if (!target.matches?.("[data-edit-inline]") || !target.open) return;
  const field = readField(target);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}, true);

document.addEventListener("keydown", (event) => {
  const details = event.target.closest?.("[data-edit-inline][open]");
  if (!details) return;
  if (event.key === "Escape") {
    event.preventDefault();
    close(details);
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    details.querySelector("form").requestSubmit();
  }
});

document.addEventListener("click", (event) => {
  const details = event.target.closest("[data-edit-cancel]")?.closest("[data-edit-inline]");
  if (details) close(details);
});

document.addEventListener("htmx:beforeRequest", ({ target }) => {
  const details = target.closest?.("[data-edit-inline]");
  if (details) edited = details.dataset.editInline;
});

document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
  if (target.closest?.("[data-edit-inline]") && !detail.successful) edited = "";
});

// A value that is not accepted: the reason is shown at its field, not in a toast.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const details = event.detail.elt.closest("[data-edit-inline]"), { xhr } = event.detail;
  if (!details) return;
  const isRefused = xhr.status === 400, field = readField(details);
  const [notice] = isRefused ? JSON.parse(xhr.getResponseHeader("HX-Trigger")).toast.toasts : [];
  details.querySelector("[data-edit-error]").textContent = notice?.text || "";
  field.setAttribute("aria-invalid", isRefused);
  if (!isRefused) return;
  event.preventDefault();
  field.focus();
});

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const isEditing = event.detail.target.querySelector?.("[data-edit-inline][open]");
  // The answer to the edit itself closes it.
  if (isEditing && !edited) event.detail.shouldSwap = false;
});

document.addEventListener("htmx:afterSettle", () => {
  if (!edited) return;
  document.querySelector(`[data-edit-inline="${edited}"] summary`)?.focus();
  edited = "";
});
