// The answer to an act is the list's page with messages: they are shown, and the table is loaded again.
import { showToast } from "../shell/toasts.js";
import { openAddress, readAddress } from "./table-address.js";

export const closePopovers = () => {
  for (const open of document.querySelectorAll(":popover-open")) open.hidePopover();
};

export const showAnswer = (text) => {
  const page = new DOMParser().parseFromString(text, "text/html"), found = page.querySelector(".toasts-undo");
  for (const message of page.querySelectorAll("[data-toast]")) {
    showToast(message.querySelector("span").textContent.trim(), message.dataset.toast);
  }
  for (const shown of document.querySelectorAll(".toasts-undo")) shown.remove();
  if (found) document.body.append(document.adoptNode(found));
  return openAddress(readAddress());
};
