// Images of one name over their steps: a slider, the arrow keys, and new ones while the job is live. The address names the image.
(() => {
  const view = document.querySelector("[data-images]");
  if (!view) return;
  const part = (name) => view.querySelector(`[data-image-${name}]`);
  const slider = part("slider");
  const read = () => JSON.parse(document.getElementById("image-groups").textContent).find((group) => group.name === view.dataset.group)?.images || [];
  let images = read(), place = Number(view.dataset.place);

  const address = (image, more = "") => `${view.dataset.file}?path=${encodeURIComponent(image.path)}${more}`;

  const show = (wanted) => {
    place = Math.min(images.length - 1, Math.max(0, wanted));
    const image = images[place], words = `${image.name}, step ${image.step}`, picture = view.querySelector(".image-stage img");
    picture.src = address(image);
    picture.alt = words;
    view.setAttribute("aria-label", words);
    part("words").textContent = `step ${image.step}`;
    part("path").textContent = image.path;
    part("save").href = address(image, "&download");
    part("slider").nextElementSibling.textContent = image.step;
    slider.value = place;
    slider.setAttribute("aria-valuetext", `step ${image.step}`);
    for (const link of view.querySelectorAll("[data-image-step]")) {
      const beside = images[place + Number(link.dataset.imageStep)];
      if (beside) link.removeAttribute("aria-disabled");
      else link.setAttribute("aria-disabled", "true");
      if (beside) link.href = `?image=${encodeURIComponent(beside.path)}`;
      else link.removeAttribute("href");
    }
    history.replaceState(null, "", `?image=${encodeURIComponent(image.path)}`);
    // The next ones are there before one asks for them.
    for (const near of [images[place + 1], images[place - 1]]) if (near) new Image().src = address(near);
  };

  slider.addEventListener("input", () => show(Number(slider.value)));

  view.addEventListener("click", (event) => {
    const link = event.target.closest("[data-image-step]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(place + Number(link.dataset.imageStep));
  });

  document.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select") || document.querySelector("dialog[open]")) return;
    show(place + step);
  });

  // Who looks at the last one sees the newest; who looks at another keeps it.
  document.addEventListener("htmx:load", (event) => {
    if (event.detail.elt.id !== "image-list") return;
    const wasLast = place === images.length - 1, path = images[place].path;
    images = read();
    slider.max = images.length - 1;
    slider.closest("label").hidden = images.length < 2;
    show(wasLast ? images.length - 1 : Math.max(0, images.findIndex((image) => image.path === path)));
  });
})();
