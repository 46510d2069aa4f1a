// data-copy="text", or data-copy-from="#id" for the text of an element.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const from = button.dataset.copyFrom;
  const text = from ? document.querySelector(from).textContent : button.dataset.copy;
  if (await lazuli.copyText(text)) {
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
    lazuli.toast("Copied.", "success", 1500);
  } else {
    lazuli.toast("The browser did not allow copying. Select the text and copy it by hand.", "warning");
  }
});

lazuli.copyText = async (text) => {
  // The clipboard interface exists only on https and localhost.
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
};
