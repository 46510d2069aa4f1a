// "1" to "9" open the tab that has this key ([data-tab-key]).
import { hasModifier, isDialogOpen, isField } from "../shared/keys.js";

document.addEventListener("keydown", (event) => {
  if (hasModifier(event) || isField(event.target) || isDialogOpen()) return;
  if (/^[1-9]$/.test(event.key)) document.querySelector(`[data-tab-key="${event.key}"]`)?.click();
});
