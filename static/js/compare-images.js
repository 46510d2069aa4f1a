// The step slider of images side by side: every picture changes at once, without asking the server.
lazuli.compare.onShown(() => {
  const slider = document.querySelector("[data-image-steps]");
  if (!slider) return;
  const steps = JSON.parse(document.getElementById("compare-steps").textContent);
  const pictures = [...document.querySelectorAll("[data-picture]")].map((figure) => ({
    figure, found: JSON.parse(figure.querySelector("script").textContent),
  }));

  const show = ({ figure, found }, place) => {
    const [step, src] = found[place] || [];
    const image = figure.querySelector("img"), link = image.parentElement;
    image.hidden = !src;
    figure.querySelector(".nothing").hidden = Boolean(src);
    figure.querySelector("[data-picture-step]").textContent = src ? `step ${step}` : "";
    if (!src) return link.removeAttribute("href");
    if (image.getAttribute("src") !== src) image.src = src;
    link.href = src;
  };

  slider.addEventListener("input", () => {
    const place = Number(slider.value);
    slider.setAttribute("aria-valuetext", `Step ${steps[place]}`);
    document.querySelector("[data-image-now]").textContent = steps[place];
    lazuli.compare.address("step", [String(steps[place])]);
    for (const one of pictures) show(one, place);
  });
});
