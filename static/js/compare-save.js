// Drawings of the comparison as PNG: the scatter by Plotly, parallel coordinates from their SVG with the colours of the page.
(() => {
  const STYLES = ["fill", "stroke", "strokeWidth", "strokeLinejoin", "opacity", "font", "textAnchor", "paintOrder", "visibility"];
  const NAME = "parallel coordinates.png";

  const pictureOf = (svg) => {
    const copy = svg.cloneNode(true), made = copy.querySelectorAll("*");
    svg.querySelectorAll("*").forEach((element, number) => {
      const looks = getComputedStyle(element);
      for (const name of STYLES) made[number].style[name] = looks[name];
    });
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.style.font = getComputedStyle(svg).font;
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
    return image.decode().then(() => image);
  };

  const saveDrawing = async (svg) => {
    const width = Number(svg.getAttribute("width")), height = Number(svg.getAttribute("height"));
    const canvas = Object.assign(document.createElement("canvas"), { width: 2 * width, height: 2 * height });
    const brush = canvas.getContext("2d");
    brush.fillStyle = lazuli.colour("--card");
    brush.fillRect(0, 0, canvas.width, canvas.height);
    brush.drawImage(await pictureOf(svg), 0, 0, canvas.width, canvas.height);
    Object.assign(document.createElement("a"), { href: canvas.toDataURL("image/png"), download: NAME }).click();
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-save-drawing]");
    if (!button) return;
    const plot = document.querySelector("[data-scatter]"), svg = document.querySelector("[data-parallel] svg");
    if (plot?.layout) lazuli.charts.save(plot, button.dataset.saveDrawing);
    else if (svg) saveDrawing(svg);
  });
})();
