// onKey({ a: action }): a single key, while no text field has the focus and no dialog is open.
import { hasModifier, isDialogOpen, isTextField } from "../shared/keys.js";

export const onKey = (actions) => document.addEventListener("keydown", (event) => {
  if (hasModifier(event) || isDialogOpen() || isTextField(event.target) || !actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
});

const openFile = (step) => {
  const files = [...document.querySelectorAll(".file-state")];
  files[files.findIndex((file) => file.ariaCurrent) + step]?.click();
};

onKey({
  a: () => document.querySelector("[data-compare-add]")?.click(),
  v: () => document.getElementById("compare-jobs-button")?.click(),
  o: () => document.getElementById("compare-only")?.click(),
  j: () => openFile(1),
  k: () => openFile(-1),
});
