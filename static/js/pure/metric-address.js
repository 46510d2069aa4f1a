// Reads and writes the part of a URL with the settings of the charts of the metrics tab.
// Names of charts may hold anything, so they come last: zoom=10~20~train/loss, view=pr~accuracy table, at=3~loss.

const SEPARATOR = "~";
// Parameters of a chart's zoom, and their axes.
const ZOOM_PARAMETERS = { zoom: "x", zoomy: "y" };

const readOfCharts = (query, parameter) => query.getAll(parameter).map((text) => text.split(SEPARATOR));

// `range` is null where all of an axis is shown.
export const setZoom = (zooms, title, axis, range) => {
  const { [axis]: _, ...zoom } = zooms.get(title) || {};
  if (range) zoom[axis] = range;
  if (zoom.x || zoom.y) zooms.set(title, zoom);
  else zooms.delete(title);
};

// {zoom: {title: {x, y}}, view: {title: key}, at: {title: index}} as maps.
export const readCharts = (query) => {
  const charts = { zoom: new Map(), view: new Map(), at: new Map() };
  for (const [parameter, axis] of Object.entries(ZOOM_PARAMETERS)) {
    for (const [from, to, ...name] of readOfCharts(query, parameter)) {
      const range = [Number(from), Number(to)];
      if (Number.isFinite(range[0]) && range[0] < range[1]) setZoom(charts.zoom, name.join(SEPARATOR), axis, range);
    }
  }
  for (const [view, ...name] of readOfCharts(query, "view")) charts.view.set(name.join(SEPARATOR), view);
  for (const [index, ...name] of readOfCharts(query, "at")) charts.at.set(name.join(SEPARATOR), Number(index));
  return charts;
};

export const writeCharts = (query, { zoom, view, at }) => {
  for (const [parameter, axis] of Object.entries(ZOOM_PARAMETERS)) {
    for (const [name, ranges] of zoom) if (ranges[axis]) query.append(parameter, [...ranges[axis], name].join(SEPARATOR));
  }
  for (const [name, key] of view) query.append("view", [key, name].join(SEPARATOR));
  for (const [name, index] of at) query.append("at", [index, name].join(SEPARATOR));
};

// `show` or `hide`, whichever names fewer metrics; nothing if all are shown.
export const writeShownMetrics = (query, metrics) => {
  const shown = metrics.filter((metric) => metric.isShown), hidden = metrics.filter((metric) => !metric.isShown);
  if (!hidden.length) return;
  if (hidden.length <= shown.length) for (const { name } of hidden) query.append("hide", name);
  else for (const { name } of shown) query.append("show", name);
  if (!shown.length) query.append("show", "");
};
