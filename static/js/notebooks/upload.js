// form[data-share-upload]: sends the chosen files, or a folder with its content, one after the other. Without this
// module the form sends files alone.
import { readCsrfToken } from "../shared/requests.js";

const form = document.querySelector("[data-share-upload]");

// An error of the server is a toast for htmx: its text is in a header.
const readError = (answer) => {
  const header = answer.headers.get("HX-Trigger");
  return (header && JSON.parse(header).toast.toasts[0]?.text) || `The server answered ${answer.status}.`;
};

const sendFile = async (path, file, isReplacing) => {
  const query = `?path=${encodeURIComponent(path)}${isReplacing ? "&replaces" : ""}`;
  const headers = { "Content-Type": "application/octet-stream", "X-CSRFToken": readCsrfToken(), "HX-Request": "true" };
  const answer = await fetch(form.dataset.fileUrl + query, { method: "POST", body: file, headers });
  if (!answer.ok) throw new Error(readError(answer));
};

const sendAll = async (files, state) => {
  const folder = form.elements.folder.value, problems = [];
  for (const [index, file] of files.entries()) {
    state.textContent = `${index + 1} of ${files.length}: ${file.webkitRelativePath || file.name}`;
    try {
      await sendFile(`${folder}/${file.webkitRelativePath || file.name}`, file, form.elements.replaces.checked);
    } catch (error) {
      problems.push(error.message);
    }
  }
  return problems;
};

const upload = async (event) => {
  event.preventDefault();
  const inputs = [form.elements.files, form.querySelector("[data-folder-input]")];
  const files = inputs.flatMap((input) => [...input.files]);
  const state = form.querySelector("[data-upload-state]"), error = form.querySelector("[data-upload-error]");
  const button = form.querySelector("button:not([type=button])");
  error.textContent = "";
  if (!files.length) {
    error.textContent = "Choose files or a folder.";
    return;
  }
  button.disabled = true;
  const problems = await sendAll(files, state);
  button.disabled = false;
  state.textContent = `${files.length - problems.length} of ${files.length} uploaded.`;
  if (!problems.length) window.location.reload();
  else error.textContent = [...problems.slice(0, 3), problems.length > 3 ? `and ${problems.length - 3} more.` : ""].join(" ");
};

if (form) {
  form.querySelector("[data-folder-field]").hidden = false;
  form.addEventListener("submit", upload);
}
