// "1" to "9" choose a label, "s" skips the item, "b" goes back: the button or link with this [data-label-key].
import { hasModifier, isDialogOpen, isField } from "../shared/keys.js";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || hasModifier(event) || isField(event.target) || isDialogOpen()) return;
  if (/^[1-9sb]$/.test(event.key)) document.querySelector(`[data-label-key="${event.key}"]`)?.click();
});
