// A text that is cut by an ellipsis shows whole under the pointer, unless its page gives it a title.
const isCut = (one) => one instanceof HTMLElement && one.scrollWidth > one.clientWidth && getComputedStyle(one).textOverflow === "ellipsis";

document.addEventListener("pointerover", ({ target }) => {
  const cut = [target, target.parentElement].find(isCut);
  if (!cut || (cut.closest("[title]") && !("whole" in cut.dataset))) return;
  cut.dataset.whole = "";
  cut.title = cut.textContent.trim().replace(/\s+/g, " ");
});
