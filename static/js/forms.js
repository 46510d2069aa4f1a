// data-submit-on-change sends its form; data-submit-once stops a second click; data-show-when="name=value" hides the rest.
(() => {
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
    showMatching(event.target.form);
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

  const showMatching = (form) => {
    for (const part of form?.querySelectorAll("[data-show-when]") || []) {
      const [name, value] = part.dataset.showWhen.split("=");
      part.hidden = form.elements[name]?.value !== value;
    }
  };
  for (const form of document.forms) showMatching(form);
})();
