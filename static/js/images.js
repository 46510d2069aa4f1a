// Left and right step through the images of a run.
document.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: "previous", ArrowRight: "following" }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select") || document.querySelector("dialog[open]")) return;
  document.querySelector(`[data-image-step="${step}"][href]`)?.click();
});
// The chosen thumbnail is in sight.
document.querySelector(".image-list [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
