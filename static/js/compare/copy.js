// a[data-copy-table] copies the table of a tab, which the server writes: all its pages, with all digits. [data-copy-address]
// copies the address.
import { copyText } from "../shell/clipboard.js";
import { showToast } from "../shell/toasts.js";

const loadTable = (link) => fetch(link.href).then((answer) => (answer.ok ? answer.text() : null), () => null);

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-copy-table]");
  if (!link && !event.target.closest("[data-copy-address]")) return;
  if (link) event.preventDefault();
  link?.closest("[popover]").hidePopover();
  const text = link ? await loadTable(link) : location.href;
  if (text === null) showToast("The table could not be loaded.", "warning");
  else if (await copyText(text)) showToast("Copied.", "success", 2000);
  else showToast("The browser did not allow copying.", "warning");
});
