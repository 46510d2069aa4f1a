// [data-figure]: draws the figure that the template wrote behind the element, by `json_script`.
import { drawChart, readFigure } from "./charts.js";

for (const element of document.querySelectorAll("[data-figure]")) drawChart(element, readFigure(element));
