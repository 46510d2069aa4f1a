// [data-figure]: draws the figure that the template wrote behind the element, by `json_script`; also in the response to a poll.
import { drawChart, isDrawn, readFigure } from "./charts.js";

function drawFigures(root) {
  for (const element of root.querySelectorAll("[data-figure]")) {
    if (!isDrawn(element)) drawChart(element, readFigure(element));
  }
}

drawFigures(document);
document.addEventListener("htmx:load", (event) => drawFigures(event.detail.elt.parentNode || document));
