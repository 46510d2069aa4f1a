// Lines of the metrics tab, from the server: thinned to the width of their chart.
import { clamp } from "../pure/words.js";
import { fetchJson } from "../shared/requests.js";
import { page } from "./settings.js";

export const measureWidth = (chart) => Math.round(clamp(chart.element.clientWidth || 500, 100, 2000));

// By the key of the series. `more` may name another axis, or a part of it.
export const fetchLines = async (members, width, more = {}) => {
  const query = new URLSearchParams({ series: members.map((member) => member.key).join(","), width, ...more });
  const answer = await fetchJson(`${page.dataset.lines}?${query}`);
  if (!answer.ok) throw new Error(answer.status);
  const { lines } = await answer.json();
  return new Map(lines.map((line) => [String(line.id), line]));
};

// New points go to the end of the line, and of its finer part if that reaches so far.
export const appendPoints = (member, points) => {
  const { whole, detail } = member;
  if (!points.after) {
    member.whole = points;
    return;
  }
  const reachesEnd = detail?.steps.length && detail.steps.at(-1) >= whole.steps.at(-1);
  for (const line of reachesEnd ? [whole, detail] : [whole]) {
    for (const name of ["steps", "times", "values"]) for (const value of points[name]) line[name].push(value);
  }
  whole.count = points.count;
  whole.gaps += points.gaps;
};
