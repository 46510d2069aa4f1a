// Draws the figures of the server (plain data for Plotly) in the colours of the theme, and again when the theme changes.
// drawChart(element, figure) may be called again with more data: zoom, legend and hover stay.
import { formatNumber } from "../pure/numbers.js";
import { escapeLabel } from "../pure/series.js";
import { isDark, onThemeChange, resolveColour } from "../shell/theme.js";

const CONFIG = { displayModeBar: false, displaylogo: false, responsive: true, doubleClick: "autosize" };
const drawn = new Map();
let templates = JSON.parse(document.getElementById("chart-templates")?.textContent || "null");

export const setTemplates = (given) => { templates = given; };

// The colours of jobs come as indexes of the theme's list of colours.
const applyColours = (trace, colours) => {
  const { colour, colours: indexes, band, ...rest } = trace;
  const pickColour = (index) => colours[index % colours.length];
  // A band is its colour, nearly transparent.
  if (band && rest.fill) rest.fillcolor ??= `${pickColour(colour)}29`;
  if (colour !== undefined) {
    // A faint line has a transparent colour: a layer for each would darken what is behind all of them.
    const { opacity = 1, ...look } = rest;
    const color = pickColour(colour) + (opacity < 1 ? Math.round(opacity * 255).toString(16).padStart(2, "0") : "");
    return { ...look, line: { ...look.line, color }, marker: { ...look.marker, color } };
  }
  if (indexes) return { ...rest, marker: { ...rest.marker, color: indexes.map(pickColour) } };
  return rest;
};

// Plotly's own formats would write 1.235e+4 at the pointer, where the table beside has 12,346.
const ROUNDED = /%\{([xy]):\.4~g\}/;
const formatHover = (trace) => {
  const [part, axis] = trace.hovertemplate?.match(ROUNDED) || [];
  if (!part) return trace;
  const hovertext = trace[axis].map((value) => (value === null ? "" : formatNumber(value)));
  return { ...trace, hovertext, hovertemplate: trace.hovertemplate.replace(part, "%{hovertext}") };
};

export const drawChart = (element, figure) => {
  const template = templates[isDark() ? "dark" : "light"];
  // The placeholder text until the chart is drawn.
  if (!drawn.has(element)) element.replaceChildren();
  drawn.set(element, figure);
  const data = figure.data.map((trace) => formatHover(applyColours(trace, template.layout.colorway)));
  return Plotly.react(element, data, { ...figure.layout, template }, CONFIG);
};

export const isDrawn = (element) => drawn.has(element);

// Remove a chart that is not visible, to save memory; drawChart draws it again.
export const removeChart = (element) => {
  if (!drawn.delete(element)) return;
  Plotly.purge(element);
  element.replaceChildren();
};

// An image of the chart in the colours of the theme, with a background.
export const saveChart = (element, title) => {
  const { margin, ...layout } = element.layout, background = resolveColour("--card");
  const whole = {
    ...layout, title: { text: escapeLabel(title), font: { size: 16 } }, margin: { ...margin, t: 56 },
    paper_bgcolor: background, plot_bgcolor: background,
  };
  const options = { format: "png", scale: 2, width: 900, height: 500, filename: title.replaceAll("/", "_") };
  return Plotly.downloadImage({ data: element.data, layout: whole }, options);
};

// The figure that the template wrote behind the element of a chart, by `json_script`.
export const readFigure = (element) => JSON.parse(element.nextElementSibling.textContent);

onThemeChange(() => {
  for (const [element, figure] of drawn) {
    if (element.isConnected) drawChart(element, figure);
    else drawn.delete(element);
  }
});

// Charts that htmx swaps away.
document.addEventListener("htmx:beforeCleanupElement", (event) => removeChart(event.detail.elt));
