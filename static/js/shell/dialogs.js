// <form data-confirm="Text" data-confirm-name="text to type" data-confirm-title data-confirm-yes="Delete" data-confirm-no="Keep"> asks for confirmation before it is sent.
// data-dialog-open="id" opens a <dialog>; data-dialog-close closes the one around it; so does a click on the backdrop.
// <input data-required-text="text"> keeps the button of its form disabled until that text is in it.

const dialog = document.getElementById("confirm");

const askConfirmation = (options) => new Promise((resolve) => {
  const findPart = (name) => dialog.querySelector(`[data-confirm-${name}]`);
  const input = dialog.querySelector("input");
  const yes = findPart("yes");
  dialog.querySelector("h2").textContent = options.confirmTitle || "Are you sure?";
  findPart("text").textContent = options.confirm;
  findPart("field").hidden = !options.confirmName;
  findPart("word").textContent = options.confirmName || "";
  yes.textContent = options.confirmYes || "Confirm";
  findPart("no").textContent = options.confirmNo || "Cancel";
  input.value = "";
  yes.disabled = Boolean(options.confirmName);
  input.oninput = () => { yes.disabled = Boolean(options.confirmName) && input.value !== options.confirmName; };
  dialog.onclose = () => resolve(dialog.returnValue === "yes" && !yes.disabled ? { typed: input.value } : null);
  dialog.returnValue = "no";
  dialog.showModal();
  (options.confirmName ? input : yes).focus();
});

const addTypedName = (form, typed) => {
  const field = form.elements.confirm_name || form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name: "confirm_name" }));
  field.value = typed;
};

// In the capture phase, so that it comes before htmx.
document.addEventListener("submit", async (event) => {
  const form = event.target, { submitter } = event;
  const options = submitter?.dataset.confirm ? submitter.dataset : form.dataset;
  if (!dialog || !options.confirm || form.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const answer = await askConfirmation(options);
  if (!answer) return;
  if (options.confirmName) addTypedName(form, answer.typed);
  // A poll has replaced the form meanwhile; the server answers for what it is about.
  if (!form.isConnected) document.body.append(Object.assign(form, { hidden: true }));
  form.dataset.confirmed = "yes";
  form.requestSubmit(submitter);
  delete form.dataset.confirmed;
}, true);

const updateSubmitButton = (input) => { input.form.querySelector("button:not([type=button])").disabled = input.value !== input.dataset.requiredText; };

const isOutside = (event) => {
  const box = event.target.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
};

for (const input of document.querySelectorAll("input[data-required-text]")) updateSubmitButton(input);
document.addEventListener("input", (event) => { if (event.target.dataset.requiredText) updateSubmitButton(event.target); });

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog-open]");
  if (opener) document.getElementById(opener.dataset.dialogOpen).showModal();
  event.target.closest("[data-dialog-close]")?.closest("dialog").close();
  if (event.target.matches("dialog") && isOutside(event)) event.target.close();
});
