// The entries of a form whose session or page has expired: stored in the tab when the form is sent or a poll reloads the page, removed
// with the next page, and put back if a page with [data-keeps-entries] came in between and the same person opens the page of the form again.
import { chooseStep, describeForm, isEntry, selectEntries } from "../pure/form-entries.js";
import { showToast } from "./toasts.js";

const KEY = "form-entries";

const person = document.body.dataset.person;
const keepsEntries = Boolean(document.querySelector("[data-keeps-entries]"));

const readPage = () => location.pathname + location.search;
const isSent = (form) => form.method === "post" || form.hasAttribute("hx-post");
const listFields = (form) => [...form.elements].filter((field) => field.name && !field.disabled);
const identify = (form) => describeForm(form.getAttribute("action") || form.getAttribute("hx-post") || "", listFields(form));

const removeEntries = () => sessionStorage.removeItem(KEY);
const storeEntries = (stored) => {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(stored));
  } catch {
    // More than the browser stores: better none than those of an earlier form.
    removeEntries();
  }
};

const storeForm = (form) => {
  if (keepsEntries || !person || !isSent(form)) return;
  const entries = selectEntries([...new FormData(form)], listFields(form));
  if (entries.length) storeEntries({ person, page: readPage(), form: identify(form), entries });
  else removeEntries();
};

document.addEventListener("submit", ({ target }) => storeForm(target));

let edited = null;
document.addEventListener("input", ({ target }) => { edited = target.form; });
document.addEventListener("htmx:beforeOnLoad", ({ detail: { xhr } }) => {
  if (edited?.isConnected && xhr.getResponseHeader("HX-Refresh")) storeForm(edited);
});

// The form is processed, unless the page is reloaded, which may lead to the sign-in.
document.addEventListener("htmx:afterRequest", ({ detail: { requestConfig: { verb }, successful, xhr } }) => {
  if (successful && verb === "post" && !xhr.getResponseHeader("HX-Refresh")) removeEntries();
});

// `values` are the entries of its name; each text takes one.
const fillField = (field, values) => {
  if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
  else if (field.options) for (const option of field.options) option.selected = values.includes(option.value);
  else if (values.length) field.value = values.shift();
  for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
};

const restoreEntries = ({ form: description, entries }) => {
  const form = [...document.forms].find((one) => isSent(one) && identify(one) === description);
  if (!form) return;
  const values = new Map();
  for (const [name, value] of entries) values.set(name, [...(values.get(name) || []), value]);
  for (const field of listFields(form)) {
    if (isEntry(field) && !field.matches("[data-submit-on-change]")) fillField(field, values.get(field.name) || []);
  }
  for (let part = form; part; part = part.parentElement) if (part.matches("details")) part.open = true;
  const dialog = form.closest("dialog");
  if (dialog && !dialog.open) dialog.showModal();
  showToast("Your entries are back. Check them and submit again.");
};

const stored = JSON.parse(sessionStorage.getItem(KEY));
if (stored) {
  const step = chooseStep(stored, { person, page: readPage(), keepsEntries });
  if (keepsEntries) storeEntries({ ...stored, isInterrupted: true });
  else if (step !== "keep") removeEntries();
  if (step === "restore") restoreEntries(stored);
}
