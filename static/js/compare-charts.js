// Curves of several jobs: a chart is fetched when it comes into view, and anew while jobs go on; a stretch that one zooms to
// in more detail. Legend, smoothing and scale need no server; what they say is in the address.
(() => {
  const LIVE = 5000, MANY = 12;
  const charts = new Map();
  let page, hidden, seen, timer = 0, frame = 0;

  const query = () => new URLSearchParams(location.search);
  const cards = () => [...page.querySelectorAll("[data-curve]")];
  const cardOf = (name) => cards().find((card) => card.dataset.curve === name);
  const elementOf = (name) => cardOf(name)?.querySelector(".chart");
  const weight = () => Number(page.querySelector("[data-chart-smooth]").value);
  const isLog = () => page.querySelector("[data-chart-log]").checked;
  const lines = () => [...page.querySelectorAll("[data-line]")];

  // ---- what Plotly draws

  // Plotly draws times as if they were UTC; a person reads their own.
  const isTime = () => query().get("x") === "time";
  const shift = (time, sign) => time - sign * new Date(time).getTimezoneOffset() * 60000;
  const xOf = (trace) => (isTime() ? trace.x.map((time) => shift(time, 1)) : trace.x);

  const lighter = (label) => {
    const mark = lines().find((item) => item.dataset.line === label).querySelector(".line-mark");
    return getComputedStyle(mark).color.replace("rgb(", "rgba(").replace(")", ", 0.16)");
  };
  const barsOf = ({ ids, ...trace }) => {
    const places = ids.map((id, place) => place).filter((place) => !hidden.has(ids[place]));
    const pick = (values) => places.map((place) => values[place]);
    const errors = trace.error_y && { error_y: { ...trace.error_y, array: pick(trace.error_y.array), color: lazuli.colour("--text-soft") } };
    return { ...trace, ...errors, x: places.map((place, number) => number), y: pick(trace.y), text: pick(trace.text), colours: pick(trace.colours) };
  };
  // Few bars have their names below them.
  const ticksOf = (bars) => (bars.x?.length <= MANY && bars.type === "bar" ? { showticklabels: true, tickvals: bars.x, ticktext: bars.text.map((text) => (text.length > 16 ? `${text.slice(0, 15)}…` : text)) } : {});
  // Of a stretch, the smoothing begins where the whole line does.
  const smoothed = (trace, whole) => {
    const before = whole?.meta === trace.meta ? whole.y.filter((value, number) => whole.x[number] < trace.x[0]) : [];
    return lazuli.charts.smoothed([...before, ...trace.y], weight()).slice(before.length);
  };
  // Where lines are few, what they were before smoothing stays behind them.
  const tracesOf = ({ band, ...trace }, count, whole) => {
    if (trace.ids) return [barsOf(trace)];
    const shown = { ...trace, x: xOf(trace), visible: !hidden.has(trace.meta) };
    if (band) shown.fillcolor = lighter(trace.meta);
    if (!weight()) return [shown];
    const raw = { ...shown, opacity: 0.25, hoverinfo: "skip", hovertemplate: undefined, showlegend: false, line: { ...trace.line, width: 1 } };
    const smooth = { ...shown, y: smoothed(trace, whole) };
    return band || count > MANY ? [smooth] : [raw, smooth];
  };

  const layoutOf = ({ layout }, card, traces) => ({
    ...layout, xaxis: { ...layout.xaxis, ...ticksOf(traces[0]) }, height: card.classList.contains("compare-wide") ? 560 : layout.height,
    uirevision: `${query().get("x")} ${isLog()}`,
    yaxis: { ...layout.yaxis, type: isLog() ? "log" : "linear" },
  });

  const draw = (name) => {
    const chart = charts.get(name), card = cardOf(name), element = elementOf(name);
    if (!chart?.figure || !card) return;
    const figure = chart.detail || chart.figure, count = figure.data.filter((trace) => !trace.band).length;
    const traces = figure.data.flatMap((trace, number) => tracesOf(trace, count, chart.detail && chart.figure.data[number]));
    lazuli.charts.draw(element, { data: traces, layout: layoutOf(figure, card, traces) });
    if (chart.isBound) return;
    chart.isBound = true;
    element.on("plotly_relayout", (change) => zoomed(name, change));
  };
  const drawAll = () => { for (const name of charts.keys()) draw(name); };

  // ---- asking

  const ask = async (name, more) => {
    const words = query();
    for (const [word, value] of Object.entries({ name, ...more })) words.set(word, value);
    const answer = await fetch(`${page.dataset.url}?${words}`).catch(() => null);
    if (answer?.status === 204) return null;
    if (!answer?.ok) throw new Error(`The chart of ${name} could not be loaded.`);
    return answer.json();
  };

  const load = async (name, more = {}) => {
    const chart = charts.get(name) || {};
    charts.set(name, chart);
    try {
      const found = await ask(name, more);
      if (!found) return;
      Object.assign(chart, found);
      if (chart.zoom) await loadDetail(name);
      draw(name);
    } catch (error) {
      if (!chart.figure) elementOf(name)?.replaceChildren(Object.assign(document.createElement("p"), { className: "nothing", textContent: error.message }));
    }
  };

  // More points of the stretch that is shown; of times since the first value only what is there already.
  const loadDetail = async (name) => {
    const chart = charts.get(name), zoom = chart.zoom;
    const found = await ask(name, { from: zoom[0], to: zoom[1] });
    if (chart.zoom === zoom && found) chart.detail = found.figure;
  };
  const zoomed = (name, change) => {
    const chart = charts.get(name), axis = elementOf(name)?.layout?.xaxis;
    clearTimeout(chart.timer);
    if (change["xaxis.autorange"]) {
      chart.zoom = chart.detail = undefined;
      return draw(name);
    }
    if (!axis?.range || !("xaxis.range[0]" in change || "xaxis.range" in change) || query().get("x") === "relative") return undefined;
    const moment = (at) => shift(typeof at === "number" ? at : Date.parse(`${String(at).replace(" ", "T")}Z`), -1);
    chart.zoom = isTime() ? axis.range.map(moment) : [...axis.range];
    chart.timer = setTimeout(() => loadDetail(name).then(() => draw(name), () => {}), 200);
    return undefined;
  };

  const isInView = (card) => { const { top, bottom } = card.getBoundingClientRect(); return bottom > 0 && top < innerHeight; };
  const renew = async () => {
    clearTimeout(timer);
    const due = document.hidden || !page ? [] : [...charts].filter(([name, chart]) => chart.live && cardOf(name) && isInView(cardOf(name)));
    for (const [name, chart] of due) await load(name, { seen: chart.seen });
    timer = setTimeout(renew, LIVE);
  };

  // ---- choices

  const show = (box) => {
    lazuli.compare.address("show", [...page.querySelectorAll("[data-show]:checked")].map((one) => one.value));
    if (!box.checked) {
      charts.delete(box.value);
      return cardOf(box.value)?.remove();
    }
    const card = document.getElementById("curve-card").content.firstElementChild.cloneNode(true);
    card.dataset.curve = card.querySelector("h2").textContent = card.querySelector("h2").title = box.value;
    card.querySelector(".chart").setAttribute("aria-label", `${box.value} of the compared jobs`);
    for (const button of card.querySelectorAll("button")) button.setAttribute("aria-label", button.ariaLabel + box.value);
    page.querySelector(".compare-cards").append(card);
    seen.observe(card);
    return card.scrollIntoView({ block: "nearest" });
  };

  // Groups are named by values, which may hold commas.
  const mark = () => {
    for (const item of lines()) item.setAttribute("aria-pressed", !hidden.has(item.dataset.line));
    if (query().get("group")) lazuli.compare.address("off", [...hidden]);
    else lazuli.compare.address("hide", [[...hidden].join(",")]);
    drawAll();
  };
  const all = () => lines().map((item) => item.dataset.line);

  const enlarge = (card) => {
    card.querySelector("[data-chart-expand]").setAttribute("aria-pressed", card.classList.toggle("compare-wide"));
    draw(card.dataset.curve);
    Plotly.Plots.resize(card.querySelector(".chart"));
    card.scrollIntoView({ block: "nearest" });
  };
  // With the legend, which the page has once for all charts.
  const save = (card) => {
    const element = card.querySelector(".chart");
    const legend = { orientation: "v", x: 1.02, xanchor: "left", y: 1, yanchor: "top" };
    if (element.layout) lazuli.charts.save({ data: element.data, layout: { ...element.layout, showlegend: element.data.length > 1, legend } }, card.dataset.curve);
  };

  // Other groups have other names: none of them is hidden.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-compare-charts] [name=group]")) lazuli.compare.address("off", []);
  }, true);
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-show]")) show(event.target);
    if (!event.target.matches("[data-chart-log]")) return;
    lazuli.compare.address("y", [isLog() ? "log" : ""]);
    drawAll();
  });
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-chart-smooth]")) return;
    page.querySelector(".compare-smooth output").textContent = weight();
    lazuli.compare.address("smooth", [weight() ? String(weight()) : ""]);
    // A slider says more than one can see.
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(drawAll);
  });
  document.addEventListener("click", (event) => {
    const line = event.target.closest("[data-line]"), every = event.target.closest("[data-lines]");
    if (line) hidden.delete(line.dataset.line) || hidden.add(line.dataset.line);
    if (every) hidden = new Set(every.dataset.lines === "all" ? [] : all());
    if (line || every) mark();
    const card = event.target.closest("[data-curve]");
    if (event.target.closest("[data-chart-expand]")) enlarge(card);
    if (event.target.closest("[data-chart-save]")) save(card);
  });
  // A double click on a line of the legend shows it alone.
  document.addEventListener("dblclick", (event) => {
    const line = event.target.closest("[data-line]");
    if (!line) return;
    hidden = new Set(all());
    hidden.delete(line.dataset.line);
    mark();
  });
  document.addEventListener("lazuli:theme", () => requestAnimationFrame(() => { if (page) drawAll(); }));
  lazuli.compare.onKey({ f: () => { const card = document.activeElement.closest("[data-curve]") || document.querySelector("[data-curve]:hover"); if (card) enlarge(card); } });

  lazuli.compare.onShown(() => {
    page = document.querySelector("[data-compare-charts]");
    if (!page) return;
    charts.clear();
    hidden = new Set(lines().filter((item) => item.getAttribute("aria-pressed") === "false").map((item) => item.dataset.line));
    seen?.disconnect();
    seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        load(target.dataset.curve);
      }
    }, { rootMargin: "200px" });
    for (const card of cards()) seen.observe(card);
  });
  timer = setTimeout(renew, LIVE);
})();
