// [data-save-plot] saves the plot of a tab as PNG: the scatter plot by Plotly, parallel coordinates from their SVG with the colours
// of the page.
import { saveChart } from "../shared/charts.js";
import { resolveColour } from "../shell/theme.js";

const STYLES = ["fill", "stroke", "strokeWidth", "strokeLinejoin", "opacity", "font", "textAnchor", "paintOrder", "visibility"];
const FILE_NAME = "parallel coordinates.png";

const loadImage = async (svg) => {
  const copy = svg.cloneNode(true), copied = copy.querySelectorAll("*");
  svg.querySelectorAll("*").forEach((element, index) => {
    const computed = getComputedStyle(element);
    for (const name of STYLES) copied[index].style[name] = computed[name];
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.style.font = getComputedStyle(svg).font;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return image;
};

const saveSvg = async (svg) => {
  const width = 2 * Number(svg.getAttribute("width")), height = 2 * Number(svg.getAttribute("height"));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.fillStyle = resolveColour("--card");
  context.fillRect(0, 0, width, height);
  context.drawImage(await loadImage(svg), 0, 0, width, height);
  Object.assign(document.createElement("a"), { href: canvas.toDataURL("image/png"), download: FILE_NAME }).click();
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-save-plot]");
  if (!button) return;
  const plot = document.querySelector("[data-scatter]"), svg = document.querySelector("[data-parallel] svg");
  if (plot?.layout) saveChart(plot, button.dataset.savePlot);
  else if (svg) saveSvg(svg);
});
