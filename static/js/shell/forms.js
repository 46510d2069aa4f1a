// data-submit-on-change sends the form of a field; data-submit-once ignores a second click;
// data-show-when="name=value" shows a part of a form only while that field has that value.

const updateVisibleParts = (form) => {
  for (const part of form?.querySelectorAll("[data-show-when]") || []) {
    const [name, value] = part.dataset.showWhen.split("=");
    part.hidden = form.elements[name]?.value !== value;
  }
};

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
  updateVisibleParts(event.target.form);
});

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || !event.target.matches("[data-submit-once]")) return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});

// A page that comes back from the history may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-sent]")) delete form.dataset.sent;
});

for (const form of document.forms) updateVisibleParts(form);
