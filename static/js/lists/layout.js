// The layout of a list: in the address, and on the server for the person.
import { postForm } from "../shared/requests.js";
import { showToast } from "../shell/toasts.js";

export const saveLayout = (url) => {
  const form = document.getElementById("run-search"), body = new URLSearchParams({ query: url.search.slice(1) });
  history.replaceState(history.state, "", url);
  if (form.dataset.experiment) body.set("experiment", form.dataset.experiment);
  postForm(document.getElementById("list-panel").dataset.saveUrl, body, { redirect: "manual" })
    .catch(() => showToast("The layout could not be saved.", "warning"));
};
