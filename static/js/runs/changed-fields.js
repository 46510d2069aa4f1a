// form[data-changed-fields]: data-original has the first value of each field. A field that differs shows its mark,
// (data-unless="value": not while it has this value, which another field shows), a button [data-restore="name"] that puts that back; [data-changed-summary] lists the labels of all that differ.

const form = document.querySelector("[data-changed-fields]");

const originalOf = (name) => form.querySelector(`[name="${name}"][data-original]`)?.dataset.original ?? "";

const isChanged = (name) => (form.elements[name]?.value ?? "").trim() !== originalOf(name).trim();

const isHidden = (part) => Boolean(part.closest("[data-show-when][hidden]"));

const showChanges = () => {
  const labels = [];
  for (const part of form.querySelectorAll("[data-field]")) {
    const changed = isChanged(part.dataset.field);
    const mark = part.querySelector("[data-restore]");
    if (mark) mark.hidden = !changed;
    const isSaidElsewhere = part.dataset.unless === form.elements[part.dataset.field]?.value;
    if (changed && !isHidden(part) && !isSaidElsewhere) labels.push(part.dataset.label);
  }
  const summary = form.querySelector("[data-changed-summary]");
  if (summary.dataset.before) labels.unshift(summary.dataset.before);
  summary.textContent = labels.join(", ") || summary.dataset.unchanged;
};

const restore = (name) => {
  form.elements[name].value = originalOf(name);
  form.elements[name].focus?.();
  showChanges();
};

if (form) {
  form.addEventListener("input", showChanges);
  // After the parts that a choice shows or hides.
  form.addEventListener("change", () => requestAnimationFrame(showChanges));
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-restore]");
    if (button) restore(button.dataset.restore);
  });
  showChanges();
}
