// The step slider of images side by side: all images change together, without a request.
import { showImageAgain } from "../shared/unshown-images.js";
import { setParameter } from "./address.js";
import { onTabShown } from "./swaps.js";

// `images` has [step, URL] for each position of the slider.
const showImage = ({ figure, images }, index) => {
  const [step, address] = images[index] || [];
  const image = figure.querySelector("img"), link = image.parentElement;
  image.hidden = !address;
  figure.querySelector("[data-no-image]").hidden = Boolean(address);
  figure.querySelector("[data-step-text]").textContent = address ? `step ${step}` : "";
  if (!address) {
    showImageAgain(image);
    link.removeAttribute("href");
    return;
  }
  if (image.getAttribute("src") !== address) image.src = address;
  link.href = address;
};

onTabShown(() => {
  const slider = document.querySelector("[data-image-steps]");
  if (!slider) return;
  const steps = JSON.parse(document.getElementById("compare-steps").textContent);
  const figures = [...document.querySelectorAll("[data-images-of-run]")].map((figure) => ({
    figure, images: JSON.parse(figure.querySelector("script").textContent),
  }));
  slider.addEventListener("input", () => {
    const index = Number(slider.value), step = steps[index];
    slider.setAttribute("aria-valuetext", `Step ${step}`);
    document.querySelector("[data-current-step]").textContent = step;
    setParameter("step", [String(step)]);
    for (const one of figures) showImage(one, index);
  });
});
