// The metrics tab: axes and smoothing, choosing metrics, and new points while the run is active. Every choice is in the address.
(() => {
  const page = document.querySelector("[data-metrics]");
  if (!page) return;
  const EVERY = 1000, HIDDEN = 10000, MOST_WAIT = 30000;
  // Beyond this many points a chart asks for its line anew, thinned to what can be seen.
  const MOST_POINTS = 4000, MARKERS = 30;
  const series = new Map();
  const options = { x: "step", y: "linear", smooth: 0 };

  // ---- what is drawn

  const chartOf = (card) => card.querySelector('[data-chart="series"]');

  const adopt = (card) => {
    const element = chartOf(card);
    if (!element) return;
    const figure = lazuli.charts.figureOf(element);
    const [trace] = figure.data;
    series.set(Number(card.dataset.card), { element, layout: figure.layout, trace, steps: trace.x, values: trace.y, times: figure.times });
  };

  const xOf = (one, from = 0) => {
    if (options.x === "step") return one.steps.slice(from);
    const times = one.times.slice(from);
    return options.x === "time" ? times.map((time) => new Date(time).toISOString()) : times.map((time) => (time - one.times[0]) / 1000);
  };

  // Exponential moving average; gaps stay gaps.
  const smoothed = (values, weight, start = null) => {
    let last = start;
    return values.map((value) => {
      if (value === null) return null;
      last = last === null ? value : last * weight + value * (1 - weight);
      return last;
    });
  };

  const tracesOf = (one) => {
    const x = xOf(one), mode = x.length > MARKERS ? "lines" : "lines+markers";
    // A copy: Plotly extends its own array, and ours gets the new points first.
    const raw = { ...one.trace, x, y: one.values.slice(), mode, colour: 0 };
    if (!options.smooth) return [raw];
    one.smooth = smoothed(one.values, options.smooth);
    return [
      { ...raw, mode: "lines", opacity: 0.3, hoverinfo: "skip" },
      { ...one.trace, x, y: one.smooth, mode: "lines", colour: 0 },
    ];
  };

  const TITLES = { step: "Step", relative: "Seconds since the first value", time: "Time" };
  const layoutOf = (one) => ({
    ...one.layout,
    // Another axis is another zoom.
    uirevision: `${options.x} ${options.y}`,
    xaxis: { ...one.layout.xaxis, title: { ...one.layout.xaxis?.title, text: TITLES[options.x] }, type: options.x === "time" ? "date" : "linear" },
    yaxis: { ...one.layout.yaxis, type: options.y },
  });

  const draw = (one) => lazuli.charts.draw(one.element, { data: tracesOf(one), layout: layoutOf(one) });

  const append = (id, more) => {
    const one = series.get(id), card = document.getElementById(`metric-${id}`);
    // An answer that was overtaken by a newer line of this chart.
    if (more.after && more.after !== Number(card.dataset.count)) return undefined;
    card.dataset.count = more.count;
    const last = more.values.findLast((value) => value !== null);
    if (last !== undefined) card.querySelector("[data-last]").textContent = Number(last.toPrecision(6)).toLocaleString("en-US", { maximumSignificantDigits: 6 });
    const before = one.steps.length;
    for (const name of ["steps", "times", "values"]) {
      if (!more.after) one[name].length = 0;
      for (const value of more[name]) one[name].push(value);
    }
    // Few points have marks, many have none; and a line that came anew replaces the old one.
    if (!more.after || options.smooth || (before <= MARKERS && one.steps.length > MARKERS)) return draw(one);
    return Plotly.extendTraces(one.element, { x: [xOf(one, before)], y: [more.values] }, [0]);
  };

  // ---- new points

  const knownCounts = () => {
    const shown = [...page.querySelectorAll("[data-card]")].map((card) => [card.dataset.card, card.dataset.count]);
    const ids = new Set(shown.map(([id]) => id));
    const others = [...page.querySelectorAll("[data-series]")].map((box) => box.dataset.series).filter((id) => !ids.has(id));
    return [...shown, ...others.map((id) => [id, -1])].map(([id, count]) => `${id}:${count}`).join(",");
  };

  let over = !page.hasAttribute("data-live");
  const say = (words, level = "") => {
    over ||= level === "over";
    const place = page.querySelector("[data-live-state]");
    if (place && place.textContent !== words) place.textContent = words;
    if (place) place.dataset.level = level;
    return level !== "over";
  };

  let wait = EVERY, timer = 0, last = false, asking = false;
  const poll = async () => {
    if (asking) return;
    clearTimeout(timer);
    asking = true;
    const again = await look();
    asking = false;
    if (again) timer = setTimeout(poll, document.hidden ? Math.max(HIDDEN, wait) : wait);
  };

  // Whether to look again.
  const look = async () => {
    try {
      const answer = await fetch(`${page.dataset.url}?after=${knownCounts()}`, { headers: { Accept: "application/json" } });
      if (answer.status === 404) return say("The job was deleted", "over");
      if (!answer.ok) throw new Error(answer.status);
      const news = await answer.json();
      for (const more of news.points) if (series.has(more.id)) await append(more.id, more);
      const long = [...series].filter(([, one]) => one.steps.length > MOST_POINTS).map(([id]) => id);
      if (news.anew.length || long.length) await renew([...news.anew, ...long]);
      wait = EVERY;
      // The last points may come a moment after the end.
      if (!news.active && last) return say("Ended", "over");
      last = !news.active;
      say("Live", "live");
    } catch {
      wait = Math.min(wait * 2, MOST_WAIT);
      say("Waiting for the studio");
    }
    return true;
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !over) poll(); });

  // Cards as the server draws them now; a chart that is there already only gets its new line.
  const renew = async (ids) => {
    if (!page.querySelector("#metric-cards")) return location.reload();
    const answer = await fetch(location.href);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    page.querySelector("#metric-names").replaceWith(document.adoptNode(fresh.querySelector("#metric-names")));
    const order = [...fresh.querySelectorAll("[data-card]")].map((card) => card.id);
    for (const id of ids) place(fresh.getElementById(`metric-${id}`), order);
  };

  const place = (card, order) => {
    if (!card) return;
    const present = document.getElementById(card.id), id = Number(card.dataset.card);
    if (present && chartOf(present) && chartOf(card)) {
      const figure = lazuli.charts.figureOf(chartOf(card));
      Object.assign(series.get(id), { steps: figure.data[0].x, values: figure.data[0].y, times: figure.times });
      present.dataset.count = card.dataset.count;
      return draw(series.get(id));
    }
    document.adoptNode(card);
    const next = order.slice(order.indexOf(card.id) + 1).map((other) => document.getElementById(other)).find(Boolean);
    if (present) present.replaceWith(card);
    else page.querySelector("#metric-cards").insertBefore(card, next || null);
    adopt(card);
    if (series.has(id)) draw(series.get(id));
    lazuli.charts.drawStill(card);
  };

  // ---- choices

  const writeAddress = () => {
    const query = new URLSearchParams();
    const picks = [...page.querySelectorAll("[data-series]")];
    if (picks.some((box) => !box.checked)) {
      const ticked = picks.filter((box) => box.checked);
      for (const box of ticked) query.append("show", box.value);
      if (!ticked.length) query.append("show", "");
    }
    if (options.x !== "step") query.set("x", options.x);
    if (options.y !== "linear") query.set("y", options.y);
    if (options.smooth) query.set("smooth", options.smooth);
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  };

  const readAddress = () => {
    const query = new URLSearchParams(location.search);
    if (["relative", "time"].includes(query.get("x"))) options.x = query.get("x");
    if (query.get("y") === "log") options.y = "log";
    options.smooth = Math.min(0.99, Math.max(0, Number(query.get("smooth")) || 0));
    for (const input of page.querySelectorAll("[data-chart-option]")) {
      if (input.type === "checkbox") input.checked = options.y === "log";
      else input.value = options[input.dataset.chartOption];
    }
    const output = page.querySelector("output");
    if (output) output.textContent = options.smooth;
  };

  const pick = async (changed) => {
    for (const box of changed) {
      const card = document.getElementById(`metric-${box.dataset.series}`);
      if (card) card.hidden = !box.checked;
    }
    writeAddress();
    const missing = changed.filter((box) => box.checked && !document.getElementById(`metric-${box.dataset.series}`));
    if (missing.length) await renew(missing.map((box) => Number(box.dataset.series)));
    // A chart that was hidden while it was drawn has to measure itself.
    for (const one of series.values()) if (one.element.offsetParent) Plotly.Plots.resize(one.element);
  };

  page.addEventListener("input", (event) => {
    const name = event.target.dataset.chartOption;
    if (!name) return;
    options[name] = name === "y" ? (event.target.checked ? "log" : "linear") : name === "smooth" ? Number(event.target.value) : event.target.value;
    const output = event.target.parentElement.querySelector("output");
    if (output) output.textContent = options.smooth;
    writeAddress();
    for (const one of series.values()) draw(one);
  });

  page.addEventListener("change", (event) => { if (event.target.matches("[data-series]")) pick([event.target]); });

  page.addEventListener("click", (event) => {
    const every = event.target.closest("[data-pick]");
    if (every) {
      const boxes = [...page.querySelectorAll("#metric-names li:not([hidden]) [data-series]")];
      for (const box of boxes) box.checked = every.dataset.pick === "all";
      pick(boxes);
    }
    const card = event.target.closest("[data-card]"), one = card && series.get(Number(card.dataset.card));
    if (one && event.target.closest("[data-chart-save]")) Plotly.downloadImage(one.element, { format: "png", scale: 2, width: 900, height: 500, filename: one.trace.name });
    const expand = event.target.closest("[data-chart-expand]");
    if (one && expand) {
      const large = card.classList.toggle("metric-wide");
      expand.setAttribute("aria-pressed", large);
      one.layout = { ...one.layout, height: large ? 520 : 260 };
      draw(one);
    }
  });

  readAddress();
  for (const card of page.querySelectorAll("[data-card]")) adopt(card);
  for (const one of series.values()) draw(one);
  if (!over) poll();
})();
