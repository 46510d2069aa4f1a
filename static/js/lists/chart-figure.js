// Builds the figure that Plotly draws from the server's figure and a person's settings.
import { smoothValues } from "../pure/series.js";

const LARGE_HEIGHT = 440;

const smoothTrace = (trace, weight) => {
  const isLine = trace.mode?.startsWith("lines");
  return isLine && weight ? { ...trace, y: smoothValues(trace.y, weight) } : trace;
};

// In a large chart, names next to the highlighted lines; the best first.
const nameLines = (data) => data.map((trace) => ({ ...trace, showlegend: !trace.band && (trace.opacity ?? 1) === 1 }));

// `settings`: {smooth, isLog, isLarge}
export const arrangeFigure = ({ data, layout }, { smooth, isLog, isLarge }) => {
  const traces = data.map((trace) => smoothTrace(trace, smooth));
  // Single values are drawn along the x axis.
  const axis = layout.yaxis?.visible === false ? "xaxis" : "yaxis";
  return {
    data: isLarge ? nameLines(traces) : traces,
    layout: {
      ...layout, [axis]: { ...layout[axis], type: isLog ? "log" : "linear" },
      ...(isLarge && { height: LARGE_HEIGHT, showlegend: true, legend: { orientation: "v", x: 1.01, xanchor: "left", y: 1, yanchor: "top", traceorder: "reversed" } }),
    },
  };
};
