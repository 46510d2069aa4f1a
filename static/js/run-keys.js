// "1" to "6" open the tabs of a job.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), textarea, select") || document.querySelector("dialog[open]")) return;
  if (/^[1-9]$/.test(event.key)) document.querySelector(`[data-tab-key="${event.key}"]`)?.click();
});
