// data-copy="text" copies the text; data-copy-from="#id" copies the text of that element.
import { showToast } from "./toasts.js";

export const copyText = async (text) => {
  // The clipboard interface exists only on https and localhost.
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
};

// Pages show a minus sign before numbers, which spreadsheets and code do not take for one.
document.addEventListener("copy", (event) => {
  const text = event.target.closest?.("input, textarea") ? "" : String(getSelection());
  if (!/−[\d∞]/.test(text)) return;
  event.clipboardData.setData("text/plain", text.replace(/−(?=[\d∞])/g, "-"));
  event.preventDefault();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom;
  const text = source ? document.querySelector(source).textContent : button.dataset.copy;
  if (await copyText(text)) {
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
    showToast("Copied.", "success", 1500);
  } else {
    showToast("The browser did not allow copying. Select the text and copy it by hand.", "warning");
  }
});
