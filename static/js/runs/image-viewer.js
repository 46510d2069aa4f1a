// Images of one name over their steps: a slider, the arrow keys, and new ones while the job runs. The address names the image.
import { clamp } from "../pure/words.js";
import { hasModifier, isDialogOpen, isField } from "../shared/keys.js";

const bindImageViewer = (view) => {
  const findPart = (name) => view.querySelector(`[data-image-${name}]`);
  const slider = findPart("slider");
  const readImages = () => {
    const groups = JSON.parse(document.getElementById("image-groups").textContent);
    return groups.find((group) => group.name === view.dataset.group)?.images || [];
  };
  let images = readImages(), current = Number(view.dataset.index);

  const fileUrl = (image, more = "") => `${view.dataset.file}?path=${encodeURIComponent(image.path)}${more}`;

  const updateStepLink = (link) => {
    const target = images[current + Number(link.dataset.imageStep)];
    if (target) {
      link.removeAttribute("aria-disabled");
      link.href = `?image=${encodeURIComponent(target.path)}`;
    } else {
      link.setAttribute("aria-disabled", "true");
      link.removeAttribute("href");
    }
  };

  const showImage = (index) => {
    current = clamp(index, 0, images.length - 1);
    const image = images[current], label = `${image.name}, step ${image.step}`, element = view.querySelector(".image-stage img");
    element.src = fileUrl(image);
    element.alt = label;
    view.setAttribute("aria-label", label);
    findPart("step-text").textContent = `step ${image.step}`;
    findPart("path").textContent = image.path;
    findPart("save").href = fileUrl(image, "&download");
    slider.nextElementSibling.textContent = image.step;
    slider.value = current;
    slider.setAttribute("aria-valuetext", `step ${image.step}`);
    for (const link of view.querySelectorAll("[data-image-step]")) updateStepLink(link);
    history.replaceState(null, "", `?image=${encodeURIComponent(image.path)}`);
    // Preload the previous and the next image.
    for (const near of [images[current + 1], images[current - 1]]) if (near) new Image().src = fileUrl(near);
  };

  slider.addEventListener("input", () => showImage(Number(slider.value)));

  view.addEventListener("click", (event) => {
    const link = event.target.closest("[data-image-step]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    showImage(current + Number(link.dataset.imageStep));
  });

  document.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || hasModifier(event) || isField(event.target) || isDialogOpen()) return;
    showImage(current + step);
  });

  // If the last image is shown, show the newest one; otherwise keep the shown one.
  document.addEventListener("htmx:load", (event) => {
    if (event.detail.elt.id !== "image-list") return;
    const wasLast = current === images.length - 1, { path } = images[current];
    images = readImages();
    slider.max = images.length - 1;
    slider.closest("label").hidden = images.length < 2;
    showImage(wasLast ? images.length - 1 : Math.max(0, images.findIndex((image) => image.path === path)));
  });
};

const imageView = document.querySelector("[data-images]");
if (imageView) bindImageViewer(imageView);
