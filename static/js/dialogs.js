// <form data-confirm="Text" data-confirm-name="word to type" data-confirm-title data-confirm-yes="Delete"> asks before it is sent.
// data-dialog-open="id" opens a <dialog>; data-dialog-close closes the one around it; a click on the backdrop closes it too.
(() => {
  const dialog = document.getElementById("confirm");

  const ask = (data) => new Promise((resolve) => {
    const part = (name) => dialog.querySelector(`[data-confirm-${name}]`);
    const input = dialog.querySelector("input");
    const yes = part("yes");
    dialog.querySelector("h2").textContent = data.confirmTitle || "Are you sure?";
    part("text").textContent = data.confirm;
    part("field").hidden = !data.confirmName;
    part("word").textContent = data.confirmName || "";
    yes.textContent = data.confirmYes || "Confirm";
    input.value = "";
    yes.disabled = Boolean(data.confirmName);
    input.oninput = () => { yes.disabled = Boolean(data.confirmName) && input.value !== data.confirmName; };
    dialog.onclose = () => resolve(dialog.returnValue === "yes" && !yes.disabled ? { typed: input.value } : null);
    dialog.returnValue = "no";
    dialog.showModal();
    (data.confirmName ? input : yes).focus();
  });

  const withTypedName = (form, typed) => {
    const field = form.elements.confirm_name || form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name: "confirm_name" }));
    field.value = typed;
  };

  // Capturing, so that it comes before htmx.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const asked = event.submitter?.dataset.confirm ? event.submitter.dataset : form.dataset;
    if (!dialog || !asked.confirm || form.dataset.confirmed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const submitter = event.submitter;
    const answer = await ask(asked);
    if (!answer) return;
    if (asked.confirmName) withTypedName(form, answer.typed);
    form.dataset.confirmed = "yes";
    form.requestSubmit(submitter);
    delete form.dataset.confirmed;
  }, true);

  // <input data-typed="word">: the button of its form stays off until the word is there.
  const judge = (input) => { input.form.querySelector("button:not([type=button])").disabled = input.value !== input.dataset.typed; };
  for (const input of document.querySelectorAll("input[data-typed]")) judge(input);
  document.addEventListener("input", (event) => { if (event.target.dataset.typed) judge(event.target); });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog-open]");
    if (opener) document.getElementById(opener.dataset.dialogOpen).showModal();
    const closer = event.target.closest("[data-dialog-close]");
    if (closer) closer.closest("dialog").close();
    if (event.target.matches("dialog") && outside(event)) event.target.close();
  });

  const outside = (event) => {
    const box = event.target.getBoundingClientRect();
    return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
  };
})();
