// One chart of the metrics tab: from the lines that the server sent, and how a person wants to see them, to what Plotly draws.
(() => {
  const metrics = window.lazuli.metrics;
  if (!metrics) return;
  const { page, choices } = metrics;
  const skeleton = JSON.parse(document.getElementById("chart-line")?.textContent || "null");
  const MARKERS = 30, MOST_IN_LEGEND = 6;
  // A finger that strokes over a chart scrolls the page; in full screen it zooms.
  const isTouched = matchMedia("(pointer: coarse)");

  // ---- the axes

  // Plotly draws times as if they were UTC; a person reads their own.
  const asLocal = (time) => time - new Date(time).getTimezoneOffset() * 60000;
  const fromLocal = (time) => time + new Date(time).getTimezoneOffset() * 60000;

  // One unit for all charts, by how long the job has run when the page is opened.
  const began = Number(page.dataset.start) * 1000, ended = Number(page.dataset.end) * 1000 || Date.now();
  const [unit, unitName] = [[86400, "Days"], [3600, "Hours"], [60, "Minutes"]].find(([size]) => ended - began > size * 3000) || [1, "Seconds"];

  // Where relative time begins: with the job, or with the first value if that is older, as of a job that was copied here.
  const originOf = (chart) => {
    const first = Math.min(...chart.members.map((member) => member.whole?.times[0] ?? Infinity));
    return began && began <= first ? began : first;
  };

  const xOf = (line, origin) => {
    if (choices.x === "step") return line.steps;
    if (choices.x === "time") return line.times.map(asLocal);
    if (choices.x === "relative") return line.times.map((time) => (time - origin) / 1000 / unit);
    return line.xs || [];
  };

  const titleOf = (origin) => {
    if (choices.x === "relative") return `${unitName} since ${origin === began ? "the start" : "the first value"}`;
    return { step: "Step", time: "Time" }[choices.x] || lazuli.charts.plain(choices.x.slice(2));
  };

  const isLog = (axis) => choices.log.includes(axis) && !(axis === "x" && choices.x === "time");
  const typeOf = (axis) => (isLog(axis) ? "log" : axis === "x" && choices.x === "time" ? "date" : "linear");

  // A range of values as Plotly wants it on this axis, and back: steps, seconds, epoch milliseconds.
  const toAxis = (axis, range) => {
    if (isLog(axis)) return range[0] > 0 ? range.map((value) => Math.log10(axis === "x" ? inUnit(value) : value)) : undefined;
    return range.map((value) => (axis === "y" ? value : choices.x === "time" ? asLocal(value) : inUnit(value)));
  };
  const inUnit = (value) => (choices.x === "relative" ? value / unit : value);

  // What is shown of an axis; null if it is all.
  const rangeOf = (chart, name) => {
    const axis = chart.element.layout?.[`${name}axis`];
    if (!axis || axis.autorange || !axis.range) return null;
    const plain = axis.range.map((value) => {
      if (axis.type === "log") return 10 ** value;
      if (axis.type === "date") return fromLocal(typeof value === "number" ? value : Date.parse(`${String(value).replace(" ", "T")}Z`));
      return value;
    });
    return plain.map((value) => Number((name === "x" && choices.x === "relative" ? value * unit : value).toPrecision(13)));
  };

  // ---- the lines

  // A job that goes on from a checkpoint logs a step twice; a line runs along its axis all the same.
  const inOrder = (x, y) => {
    if (choices.x.startsWith("m:") || x.every((value, place) => !place || value >= x[place - 1])) return { x, y };
    const places = x.map((_, place) => place).sort((one, other) => x[one] - x[other]);
    return { x: places.map((place) => x[place]), y: places.map((place) => y[place]) };
  };

  // The whole line, with finer points where the chart is zoomed.
  const shownOf = ({ whole, detail }, origin) => {
    const all = inOrder(xOf(whole, origin), whole.values);
    if (!detail?.steps.length) return all;
    const finer = inOrder(xOf(detail, origin), detail.values), [first, last] = [finer.x[0], finer.x.at(-1)];
    const before = all.x.findIndex((value) => value >= first), cut = before < 0 ? all.x.length : before;
    const after = Math.max(cut, all.x.findLastIndex((value) => value <= last) + 1);
    const joined = (name) => [...all[name].slice(0, cut), ...finer[name], ...all[name].slice(after)];
    return { x: joined("x"), y: joined("y") };
  };

  // A line has no end where a single value stands between gaps.
  const hasLonely = (y) => y.some((value, place) => value !== null && (y[place - 1] ?? null) === null && (y[place + 1] ?? null) === null);

  const tracesOf = (member, place, origin) => {
    const { x, y } = shownOf(member, origin);
    const base = { ...skeleton.data[0], name: lazuli.charts.plain(member.name), colour: place, marker: { size: 5 }, line: { width: 2 } };
    const shown = drawable(y), raw = { ...base, x, y: shown, mode: x.length > MARKERS && !hasLonely(shown) ? "lines" : "lines+markers" };
    if (!choices.smooth) return [raw];
    return [
      { ...raw, mode: "lines", opacity: 0.3, hoverinfo: "skip", showlegend: false, line: { width: 1 } },
      { ...base, x, y: drawable(lazuli.charts.smoothed(y, choices.smooth)), mode: raw.mode },
    ];
  };

  // Plotly would draw a line down to the edge of the chart where the logarithm ends.
  const drawable = (values) => (isLog("y") ? values.map((value) => (value > 0 ? value : null)) : values);

  // Between these shares of the values, sorted; with a little room.
  const clipped = (traces) => {
    const share = Number(choices.clip) / 100;
    const values = traces.flatMap((trace) => trace.y).filter((value) => value !== null).sort((a, b) => a - b);
    if (!share || values.length < 5) return undefined;
    const at = (part) => values[Math.round(part * (values.length - 1))];
    let [low, high] = [at(share), at(1 - share)];
    if (isLog("y")) [low, high] = [Math.log10(low), Math.log10(high)];
    const room = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
    return [low - room, high + room];
  };

  // ---- the whole chart

  const layoutOf = (chart, traces, origin, nothing) => {
    const { layout } = skeleton, zoom = choices.zoom.get(chart.title) || {}, isFull = Boolean(chart.box.closest("dialog"));
    const axis = (name, range) => ({ ...layout[`${name}axis`], type: typeOf(name), ...(range ? { range, autorange: false } : { autorange: true }) });
    const x = axis("x", zoom.x && toAxis("x", zoom.x)), y = axis("y", (zoom.y && toAxis("y", zoom.y)) || clipped(traces));
    x.title = { ...x.title, text: titleOf(origin) };
    x.spikecolor = lazuli.colour("--text-soft");
    const words = { text: nothing, showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5, font: { size: 13 } };
    return {
      ...layout, height: undefined, autosize: true,
      xaxis: { ...x, visible: !nothing }, yaxis: { ...y, visible: !nothing }, annotations: nothing ? [words] : [],
      showlegend: chart.members.length > 1 && (isFull || chart.members.length <= MOST_IN_LEGEND),
      dragmode: isTouched.matches && !isFull ? false : "zoom",
      // What a person has zoomed to stays until one of these is chosen anew.
      uirevision: [choices.x, choices.log, choices.clip, chart.resets || 0].join(" "),
    };
  };

  // Why a chart is empty, if it is: a person who sees axes alone would look for a fault.
  const whyNothing = (chart, traces) => {
    if (traces.some(({ x, y }) => y.some((value, place) => value !== null && isOnAxis(x[place])))) return "";
    if (choices.x.startsWith("m:") && traces.every(({ x }) => !x.length)) return "No step has a value of both metrics";
    if (chart.members.every(({ whole }) => !whole?.values.some((value) => value !== null))) return "No value is a finite number";
    return "No value is above 0, where a logarithmic<br>axis begins";
  };
  const isOnAxis = (x) => x !== null && !(isLog("x") && x <= 0);

  const note = (chart, traces, nothing) => {
    const place = chart.box.querySelector("[data-note]"), words = [], lines = chart.members.map((member) => member.whole).filter(Boolean);
    const gaps = lines.reduce((sum, line) => sum + line.gaps, 0);
    if (gaps) words.push(`${gaps.toLocaleString("en-US")} ${gaps === 1 ? "value is" : "values are"} NaN or infinite: gaps in the line`);
    const isBelow = (isLog("y") && lines.some((line) => line.values.some((value) => value !== null && value <= 0))) || traces.some(({ x }) => !x.every(isOnAxis));
    if (!nothing && isBelow) words.push("What is 0 or less is not drawn on a logarithmic axis");
    if (!place) return;
    place.textContent = words.join(". ");
    place.hidden = !words.length;
  };

  const draw = async (chart) => {
    const origin = originOf(chart);
    const traces = chart.members.flatMap((member, place) => (member.whole ? tracesOf(member, place, origin) : []));
    if (!traces.length) return;
    const nothing = whyNothing(chart, traces), reset = chart.card.querySelector("[data-chart-reset]");
    // The note first, for it takes of the height that the chart has.
    note(chart, traces, nothing);
    if (reset) reset.hidden = !choices.zoom.has(chart.title);
    await lazuli.charts.draw(chart.element, { data: traces, layout: layoutOf(chart, traces, origin, nothing) });
  };

  // New points go to the end of the line, and of its finer part if that reaches so far.
  const append = (member, more) => {
    const { whole, detail } = member;
    if (!more.after) {
      member.whole = more;
      return;
    }
    const reaches = detail?.steps.length && detail.steps.at(-1) >= whole.steps.at(-1);
    for (const line of reaches ? [whole, detail] : [whole]) {
      for (const name of ["steps", "times", "values"]) for (const value of more[name]) line[name].push(value);
    }
    whole.count = more.count;
    whole.gaps += more.gaps;
  };

  Object.assign(metrics, { draw, rangeOf, originOf, append });
})();
