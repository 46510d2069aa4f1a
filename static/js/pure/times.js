// Durations and moments in words, as studio/templatetags/studio.py writes them.
const MINUTE = 60, HOUR = 3600, DAY = 86400;

// How long ago a moment was: empty for one that is a week old or still to come.
export const formatAge = (seconds) => {
  if (seconds < -5 || seconds >= 7 * DAY) return "";
  if (seconds < 10) return "just now";
  if (seconds < MINUTE) return `${Math.floor(seconds)} s ago`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ago`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ago`;
  const days = Math.floor(seconds / DAY);
  return days === 1 ? "yesterday" : `${days} days ago`;
};

export const formatDuration = (seconds) => {
  const whole = Math.max(0, Math.round(seconds));
  const days = Math.floor(whole / DAY), hours = Math.floor((whole % DAY) / HOUR), minutes = Math.floor((whole % HOUR) / MINUTE);
  if (days) return `${days}d ${hours}h`;
  if (hours) return `${hours}h ${minutes}m`;
  return minutes ? `${minutes}m ${whole % MINUTE}s` : `${whole}s`;
};

// Plotly draws times as if they were UTC; a person reads local time. Both are milliseconds since 1970.
export const toLocalAxis = (time) => time - new Date(time).getTimezoneOffset() * 60000;
export const fromLocalAxis = (time) => time + new Date(time).getTimezoneOffset() * 60000;

// The end of an axis range, which Plotly gives as a number or as text such as "2026-01-31 12:30".
export const parseAxisTime = (value) => (typeof value === "number" ? value : Date.parse(`${String(value).replace(" ", "T")}Z`));

// The unit for relative time, by how long a run took: [seconds in one, name].
export const chooseTimeUnit = (milliseconds) =>
  [[DAY, "Days"], [HOUR, "Hours"], [MINUTE, "Minutes"]].find(([size]) => milliseconds > size * 3000) || [1, "Seconds"];
