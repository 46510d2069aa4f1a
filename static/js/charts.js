// Draws the figures of runs/charts/figures.py in the colours of the theme, and again when the theme changes.
// `lazuli.charts.draw(element, figure)` may be called again with more data: zoom, legend and hover stay.
(() => {
  const CONFIG = { displayModeBar: false, displaylogo: false, responsive: true, doubleClick: "autosize" };
  const drawn = new Map();
  let templates = JSON.parse(document.getElementById("chart-templates")?.textContent || "null");

  const isDark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  };

  // Colours of runs come as places in the theme's list of colours.
  const coloured = (trace, colours) => {
    const { colour, colours: places, ...rest } = trace;
    const pick = (place) => colours[place % colours.length];
    if (colour !== undefined) return { ...rest, line: { ...rest.line, color: pick(colour) }, marker: { ...rest.marker, color: pick(colour) } };
    if (places) return { ...rest, marker: { ...rest.marker, color: places.map(pick) } };
    return rest;
  };

  const draw = (element, figure) => {
    const template = templates[isDark() ? "dark" : "light"];
    // The words that stand in for the chart until there is one.
    if (!drawn.has(element)) element.replaceChildren();
    drawn.set(element, figure);
    const data = figure.data.map((trace) => coloured(trace, template.layout.colorway));
    return Plotly.react(element, data, { ...figure.layout, template }, CONFIG);
  };

  document.addEventListener("lazuli:theme", () => {
    for (const [element, figure] of drawn) element.isConnected ? draw(element, figure) : drawn.delete(element);
  });

  // A chart that is out of sight costs nothing; `draw` brings it back.
  const forget = (element) => {
    if (!drawn.delete(element)) return;
    Plotly.purge(element);
    element.replaceChildren();
  };

  // A picture for a paper or a chat, in the colours of the theme but on a ground of its own.
  const save = (element, title) => {
    const { margin, ...layout } = element.layout, ground = lazuli.colour("--card");
    const whole = { ...layout, title: { text: plain(title), font: { size: 16 } }, margin: { ...margin, t: 56 }, paper_bgcolor: ground, plot_bgcolor: ground };
    return Plotly.downloadImage({ data: element.data, layout: whole }, { format: "png", scale: 2, width: 900, height: 500, filename: title.replaceAll("/", "_") });
  };

  // A name that is to be read as it stands: Plotly takes `<` for a tag.
  const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

  // Exponential moving average; gaps stay gaps.
  const smoothed = (values, weight) => {
    let last = null;
    return values.map((value) => {
      if (value === null) return null;
      last = last === null ? value : last * weight + value * (1 - weight);
      return last;
    });
  };

  window.lazuli.charts = {
    draw,
    forget,
    save,
    plain,
    smoothed,
    isDrawn: (element) => drawn.has(element),
    figureOf: (element) => JSON.parse(element.nextElementSibling.textContent),
    setTemplates: (given) => { templates = given; },
  };
})();
