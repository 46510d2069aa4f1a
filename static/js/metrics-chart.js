// One chart of the metrics tab: from the lines that the server sent, and how a person wants to see them, to what Plotly draws.
(() => {
  const metrics = window.lazuli.metrics;
  if (!metrics) return;
  const { choices } = metrics;
  const skeleton = JSON.parse(document.getElementById("chart-line")?.textContent || "null");
  const MARKERS = 30;

  // Exponential moving average; gaps stay gaps.
  const smoothed = (values, weight) => {
    let last = null;
    return values.map((value) => {
      if (value === null) return null;
      last = last === null ? value : last * weight + value * (1 - weight);
      return last;
    });
  };

  // Plotly draws times as if they were UTC; a person reads their own.
  const asLocal = (time) => time - new Date(time).getTimezoneOffset() * 60000;
  const fromLocal = (time) => time + new Date(time).getTimezoneOffset() * 60000;

  const xOf = (line, origin) => {
    if (choices.x === "step") return line.steps;
    if (choices.x === "time") return line.times.map(asLocal);
    if (choices.x === "relative") return line.times.map((time) => (time - origin) / 1000);
    return line.xs || [];
  };

  // The whole line, with finer points where the chart is zoomed.
  const shownOf = (member, origin) => {
    const { whole, detail } = member;
    const x = xOf(whole, origin), y = whole.values;
    if (!detail?.steps.length) return { x, y };
    const finer = xOf(detail, origin), first = finer[0], last = finer.at(-1);
    const before = x.findIndex((value) => value >= first), after = x.findLastIndex((value) => value <= last) + 1;
    const cut = before < 0 ? x.length : before;
    return {
      x: [...x.slice(0, cut), ...finer, ...x.slice(Math.max(after, cut))],
      y: [...y.slice(0, cut), ...detail.values, ...y.slice(Math.max(after, cut))],
    };
  };

  // Times are counted from the first value of any line of the chart.
  const originOf = (chart) => Math.min(...chart.members.map((member) => member.whole?.times[0] ?? Infinity));

  const tracesOf = (member, place, origin) => {
    const { x, y } = shownOf(member, origin);
    const base = { ...skeleton.data[0], name: member.name, colour: place, marker: { size: 5 }, line: { width: 2 } };
    const raw = { ...base, x, y, mode: x.length > MARKERS ? "lines" : "lines+markers" };
    if (!choices.smooth) return [raw];
    return [
      { ...raw, mode: "lines", opacity: 0.3, hoverinfo: "skip", showlegend: false, line: { width: 1 } },
      { ...base, x, y: smoothed(y, choices.smooth), mode: "lines" },
    ];
  };

  // Between these shares of the values, sorted; with a little room.
  const clipped = (traces) => {
    const share = Number(choices.clip) / 100, log = choices.log.includes("y");
    const values = traces.flatMap((trace) => trace.y).filter((value) => value !== null && (!log || value > 0)).sort((a, b) => a - b);
    if (!share || values.length < 5) return undefined;
    const at = (part) => values[Math.round(part * (values.length - 1))];
    let [low, high] = [at(share), at(1 - share)];
    if (log) [low, high] = [Math.log10(low), Math.log10(high)];
    const room = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
    return [low - room, high + room];
  };

  const TITLES = { step: "Step", relative: "Seconds since the first value", time: "Time" };

  const layoutOf = (chart, traces) => {
    const { layout } = skeleton, zoom = choices.zoom.get(chart.title), logX = choices.log.includes("x") && choices.x !== "time";
    const range = clipped(traces);
    const y = { ...layout.yaxis, type: choices.log.includes("y") ? "log" : "linear", ...(range ? { range } : { autorange: true }) };
    const x = { ...layout.xaxis, title: { ...layout.xaxis.title, text: TITLES[choices.x] || choices.x.slice(2) }, type: choices.x === "time" ? "date" : logX ? "log" : "linear" };
    x.spikecolor = lazuli.colour("--text-soft");
    if (zoom) x.range = zoom.map((value) => (logX ? Math.log10(value) : choices.x === "time" ? asLocal(value) : value));
    else x.autorange = true;
    return {
      ...layout, xaxis: x, yaxis: y, height: undefined, autosize: true,
      showlegend: chart.members.length > 1,
      // What a person has zoomed to stays until one of these is chosen anew.
      uirevision: [choices.x, choices.log, choices.clip].join(" "),
    };
  };

  const draw = async (chart) => {
    const origin = originOf(chart);
    const traces = chart.members.flatMap((member, place) => (member.whole ? tracesOf(member, place, origin) : []));
    if (!traces.length) return;
    await lazuli.charts.draw(chart.element, { data: traces, layout: layoutOf(chart, traces) });
    note(chart);
  };

  const note = (chart) => {
    const place = chart.card.querySelector("[data-note]");
    const gaps = chart.members.reduce((sum, member) => sum + (member.whole?.gaps || 0), 0);
    const empty = choices.x.startsWith("m:") && chart.members.every((member) => !member.whole?.steps.length);
    const words = [];
    if (gaps) words.push(`${gaps.toLocaleString("en-US")} ${gaps === 1 ? "value is" : "values are"} NaN or infinite: gaps in the line`);
    if (empty) words.push("No step has a value of both metrics");
    if (!place) return;
    place.textContent = words.join(". ");
    place.hidden = !words.length;
  };

  // What is shown of the axis, in the axis's own words: steps, seconds, epoch milliseconds; null if it is all.
  const rangeOf = (chart) => {
    const axis = chart.element.layout?.xaxis;
    if (!axis || axis.autorange || !axis.range) return null;
    const [from, to] = axis.range;
    if (axis.type === "log") return [10 ** from, 10 ** to];
    if (axis.type === "date") return [from, to].map((moment) => fromLocal(typeof moment === "number" ? moment : Date.parse(`${String(moment).replace(" ", "T")}Z`)));
    return [from, to];
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
