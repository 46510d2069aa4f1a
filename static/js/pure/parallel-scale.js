// Axes of parallel coordinates: the position of each job on an axis, from 0 at the bottom to 1 at the top; null without a value.
import { formatNumber } from "./numbers.js";
import { compareNaturally, countSharedPrefix, shorten } from "./words.js";

const MAX_TICKS = 14, MAX_LABEL = 16;
const DATE = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

const formatTime = (seconds) => new Date(seconds * 1000).toLocaleString("en-US", DATE).replace(",", "");

const listRange = (from, to, valueAt) => Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => valueAt(from + index));

// Round numbers between two ends: of a logarithmic axis powers of ten.
export const listRoundNumbers = (low, high, isLog) => {
  if (isLog) return listRange(Math.ceil(Math.log10(low)), Math.floor(Math.log10(high)), (power) => 10 ** power);
  const rough = (high - low) / 4, size = 10 ** Math.floor(Math.log10(rough));
  const step = size * [1, 2, 5, 10].find((factor) => factor * size >= rough);
  return listRange(Math.ceil(low / step), Math.floor(high / step), (index) => index * step);
};

const scaleNumbers = (axis, present) => {
  const low = Math.min(...present), high = Math.max(...present);
  const format = axis.time ? formatTime : formatNumber;
  const transform = axis.log ? Math.log : (value) => value, invert = axis.log ? Math.exp : (value) => value;
  const start = transform(low), span = transform(high) - start;
  const positionOf = (value) => (span ? (transform(value) - start) / span : 0.5);
  // The ends have their own labels; labels near them would overlap.
  const isApart = (value) => positionOf(value) > 0.06 && positionOf(value) < 0.94;
  const inner = span && !axis.time ? listRoundNumbers(low, high, axis.log).filter(isApart) : [];
  const ticks = [...new Set([low, ...inner, high])].map((value) => [positionOf(value), format(value)]);
  const positions = axis.values.map((value) => (value === null ? null : positionOf(value)));
  return { ...axis, ticks, positions, labelAt: (position) => format(invert(start + position * span)) };
};

const scaleTexts = (axis, present) => {
  const names = [...new Set(present)].sort(compareNaturally);
  const positionOf = new Map(names.map((name, index) => [name, names.length > 1 ? index / (names.length - 1) : 0.5]));
  const every = Math.ceil(names.length / MAX_TICKS), prefix = countSharedPrefix(names);
  const labelOf = (name) => shorten(prefix ? `…${name.slice(prefix)}` : name, MAX_LABEL);
  const ticks = names.filter((_, index) => index % every === 0).map((name) => [positionOf.get(name), labelOf(name)]);
  const positions = axis.values.map((value) => (value === null ? null : positionOf.get(value)));
  return { ...axis, names, ticks, positions, labelAt: (position) => names[Math.round(position * (names.length - 1))] || "" };
};

export const scaleAxis = (axis) => (axis.numeric ? scaleNumbers : scaleTexts)(axis, axis.values.filter((value) => value !== null));

// Ranges of axes in the address: brush=<axis>:<from>:<to>, where an axis may hold colons itself.
export const readRanges = (query, words) => {
  const ranges = new Map();
  for (const text of query.getAll("brush")) {
    const parts = text.split(":"), [low, high] = parts.splice(-2).map(Number), word = parts.join(":");
    if (words.includes(word) && low >= 0 && high <= 1 && low < high) ranges.set(word, [low, high]);
  }
  return ranges;
};

export const writeRanges = (ranges) => [...ranges].map(([word, [low, high]]) => `${word}:${low.toFixed(3)}:${high.toFixed(3)}`);

// Whether a job is within all ranges.
export const isInRanges = (axes, ranges, index) => axes.every(({ word, positions }) => {
  const range = ranges.get(word), position = positions[index];
  return !range || (position !== null && position >= range[0] - 1e-9 && position <= range[1] + 1e-9);
});

// The range after an arrow key: it moves, or with `isResizing` its upper end does.
export const moveRange = (range, step, isResizing) => {
  const [low, high] = range || (step > 0 ? [0.4, 0.95] : [0.05, 0.6]);
  if (isResizing) return [low, Math.min(1, Math.max(low + 0.02, high + step))];
  const by = step > 0 ? Math.min(step, 1 - high) : Math.max(step, -low);
  return [low + by, high + by];
};
