// One chart of the curves of several jobs: from the figure of the server and the controls to what Plotly draws.
import { smoothValues } from "../pure/series.js";
import { toLocalAxis } from "../pure/times.js";
import { shorten } from "../pure/words.js";
import { resolveColour } from "../shell/theme.js";

// More single values than this have no names below them; more lines are shown smoothed only.
const MANY = 12;
// The number of lines that the server highlights: up to this number, no line is pale.
const MAX_BRIGHT = 8;
const WIDE_HEIGHT = 560;

// `options`: {smoothing, isLog, isTime, isWide, hidden, axis, findColour}, where `hidden` has the ids of lines that are not shown.

const makeBand = (colour) => colour.replace("rgb(", "rgba(").replace(")", ", 0.16)");

const makePoints = ({ ids, ...trace }, { hidden }) => {
  const shown = ids.map((_, index) => index).filter((index) => !hidden.has(ids[index]));
  const pickShown = (values) => shown.map((index) => values[index]);
  const errors = trace.error_y && { error_y: { ...trace.error_y, array: pickShown(trace.error_y.array), color: resolveColour("--text-soft") } };
  const marker = { ...trace.marker, symbol: pickShown(trace.marker.symbol) };
  return { ...trace, ...errors, marker, ids: pickShown(ids), x: shown.map((_, index) => index), y: pickShown(trace.y), text: pickShown(trace.text), colours: pickShown(trace.colours) };
};

const makePointTicks = (trace) => {
  if (!trace.ids || trace.x.length > MANY) return {};
  return { showticklabels: true, tickvals: trace.x, ticktext: trace.text.map((text) => shorten(text, 16)) };
};

// The smoothing of a part of a line starts at the start of the whole line.
const smoothPart = (trace, whole, smoothing) => {
  const before = whole?.meta === trace.meta ? whole.y.filter((_, index) => whole.x[index] < trace.x[0]) : [];
  return smoothValues([...before, ...trace.y], smoothing).slice(before.length);
};

const makeTraces = ({ band, ...trace }, whole, count, options) => {
  if (trace.ids) return [makePoints(trace, options)];
  const shown = { ...trace, x: options.isTime ? trace.x.map(toLocalAxis) : trace.x, visible: !options.hidden.has(trace.meta) };
  if (band) shown.fillcolor = makeBand(options.findColour(trace.meta));
  if (!options.smoothing) return [shown];
  const smooth = { ...shown, y: smoothPart(trace, whole, options.smoothing) };
  if (band || count > MANY) return [smooth];
  // With few lines, the unsmoothed lines are drawn behind them.
  return [{ ...shown, opacity: 0.25, hoverinfo: "skip", hovertemplate: undefined, showlegend: false, line: { ...trace.line, width: 1 } }, smooth];
};

// `detail` is the figure of a part of the x axis, with more points; undefined if all is shown.
export const makeFigure = ({ figure, detail }, options) => {
  const { data, layout } = detail || figure, lines = data.filter((trace) => !trace.band);
  const areFew = lines.filter((trace) => !options.hidden.has(trace.meta)).length <= MAX_BRIGHT;
  const traces = data.flatMap((trace, index) => {
    const look = areFew ? { ...trace, opacity: 1 } : trace;
    return makeTraces(look, detail && figure.data[index], lines.length, options);
  });
  return {
    data: traces,
    layout: {
      ...layout, xaxis: { ...layout.xaxis, ...makePointTicks(traces[0]) }, height: options.isWide ? WIDE_HEIGHT : layout.height,
      uirevision: `${options.axis} ${options.isLog}`,
      yaxis: { ...layout.yaxis, type: options.isLog ? "log" : "linear" },
    },
  };
};
