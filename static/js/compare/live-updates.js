// While jobs run, a tab polls its content: 204 if the jobs are unchanged. Nothing is swapped while a person is using a
// control.

const isPoll = (element) => element?.id === "compare-live";

let isPressed = false;
for (const kind of ["pointerdown", "pointerup", "pointercancel"]) document.addEventListener(kind, () => { isPressed = kind === "pointerdown"; }, true);

const isBusy = () => {
  const selection = getSelection(), compare = document.getElementById("compare");
  return isPressed || compare.querySelector(":popover-open, details[open], select:focus") || document.querySelector("dialog[open]")
    || (!selection.isCollapsed && compare.contains(selection.anchorNode));
};

document.addEventListener("htmx:configRequest", ({ detail }) => {
  // Scripts change the address without asking the server.
  if (isPoll(detail.elt)) detail.path = `${location.pathname}${location.search}&seen=${detail.elt.dataset.seen}`;
});
document.addEventListener("htmx:beforeRequest", (event) => { if (isPoll(event.detail.elt) && isBusy()) event.preventDefault(); });
document.addEventListener("htmx:beforeSwap", (event) => {
  if (isPoll(event.detail.requestConfig?.elt) && isBusy()) event.detail.shouldSwap = false;
});
