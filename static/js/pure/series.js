// Lines of a chart as plain numbers: smoothing, order, finer points, gaps, ranges.

// Exponential moving average; gaps (null) stay gaps.
export const smoothValues = (values, weight) => {
  let average = null;
  return values.map((value) => {
    if (value === null) return null;
    average = average === null ? value : average * weight + value * (1 - weight);
    return average;
  });
};

// The weight in an address; a wrong one counts as none, as on the server.
export const parseSmoothing = (text) => {
  const weight = Number(text);
  return weight >= 0 && weight <= 0.99 ? weight : 0;
};

// A job that resumes from a checkpoint logs a step twice; the line still follows its axis.
export const sortByX = (x, y) => {
  if (x.every((value, index) => !index || value >= x[index - 1])) return { x, y };
  const order = x.map((_, index) => index).sort((one, other) => x[one] - x[other]);
  return { x: order.map((index) => x[index]), y: order.map((index) => y[index]) };
};

// A whole line in which one part is replaced by finer points.
export const insertDetail = (whole, detail) => {
  const first = detail.x[0], last = detail.x.at(-1);
  const found = whole.x.findIndex((value) => value >= first);
  const start = found < 0 ? whole.x.length : found;
  const end = Math.max(start, whole.x.findLastIndex((value) => value <= last) + 1);
  const join = (name) => [...whole[name].slice(0, start), ...detail[name], ...whole[name].slice(end)];
  return { x: join("x"), y: join("y") };
};

// Whether a single value is between gaps, where no line would show it.
export const hasIsolatedPoint = (y) =>
  y.some((value, index) => value !== null && (y[index - 1] ?? null) === null && (y[index + 1] ?? null) === null);

// The range of the values without a share at each end, with a small margin; undefined if it is empty.
export const clipRange = (values, share, isLog) => {
  const sorted = values.filter((value) => value !== null).sort((one, other) => one - other);
  if (!share || sorted.length < 5) return undefined;
  const valueAt = (part) => sorted[Math.round(part * (sorted.length - 1))];
  let low = valueAt(share), high = valueAt(1 - share);
  if (isLog) [low, high] = [Math.log10(low), Math.log10(high)];
  const margin = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
  return [low - margin, high + margin];
};

// A text shown literally: Plotly interprets `<` as a tag.
export const escapeLabel = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
