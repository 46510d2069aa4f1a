// Curves of several jobs: a chart is fetched when it comes into view; legend, smoothing and scale need no server.
(() => {
  const LIVE = 5000;
  const charts = new Map();
  let page, hidden, live = false, timer = 0, seen;

  const cardOf = (name) => [...page.querySelectorAll("[data-curve]")].find((card) => card.dataset.curve === name);
  const chartOf = (name) => cardOf(name)?.querySelector(".chart");
  const weight = () => Number(page.querySelector("[data-chart-smooth]").value);
  const isLog = () => page.querySelector("[data-chart-log]").checked;

  // Exponential moving average; gaps stay gaps.
  const smoothed = (values) => {
    let last = null;
    return values.map((value) => {
      if (value === null) return null;
      last = last === null ? value : last * weight() + value * (1 - weight());
      return last;
    });
  };

  const isShown = (trace) => !hidden.has(trace.meta);
  const lighter = (label) => {
    const mark = [...page.querySelectorAll("[data-line]")].find((item) => item.dataset.line === label);
    return getComputedStyle(mark.querySelector(".line-mark")).color.replace("rgb(", "rgba(").replace(")", ", 0.16)");
  };
  const lookOf = ({ band, ...trace }) => {
    if (trace.ids) return barsOf(trace);
    const shown = { ...trace, visible: isShown(trace), y: weight() ? smoothed(trace.y) : trace.y };
    if (band) shown.fillcolor = lighter(trace.meta);
    return shown;
  };
  const barsOf = ({ ids, ...trace }) => {
    const places = ids.map((id, place) => place).filter((place) => !hidden.has(ids[place]));
    const pick = (values) => places.map((place) => values[place]);
    const errors = trace.error_y && { error_y: { ...trace.error_y, array: pick(trace.error_y.array) } };
    return { ...trace, ...errors, x: pick(trace.x), y: pick(trace.y), text: pick(trace.text), colours: pick(trace.colours) };
  };

  const draw = (name) => {
    const figure = charts.get(name), element = chartOf(name);
    if (!figure || !element) return undefined;
    const size = cardOf(name).classList.contains("compare-wide") ? 560 : figure.layout.height;
    const search = new URLSearchParams(location.search);
    const layout = {
      ...figure.layout, height: size, uirevision: `${search.get("x")} ${isLog()}`,
      yaxis: { ...figure.layout.yaxis, type: isLog() ? "log" : "linear" },
    };
    return lazuli.charts.draw(element, { data: figure.data.map(lookOf), layout });
  };
  const drawAll = () => { for (const name of charts.keys()) draw(name); };

  const load = async (name) => {
    const query = new URLSearchParams(location.search);
    query.set("name", name);
    const answer = await fetch(`${page.dataset.url}?${query}`).catch(() => null);
    if (!answer?.ok) return fail(name);
    const { figure, templates, live: more } = await answer.json();
    lazuli.charts.setTemplates(templates);
    live = more;
    charts.set(name, figure);
    return draw(name);
  };
  const fail = (name) => {
    const element = chartOf(name);
    if (element && !charts.has(name)) element.replaceChildren(Object.assign(document.createElement("p"), { className: "nothing", textContent: "The chart could not be loaded." }));
  };

  const renew = async () => {
    clearTimeout(timer);
    if (live && !document.hidden) for (const name of charts.keys()) if (cardOf(name)) await load(name);
    timer = setTimeout(renew, LIVE);
  };

  // ---- choices

  const show = (box) => {
    const names = [...page.querySelectorAll("[data-show]:checked")].map((one) => one.value);
    lazuli.compare.address("show", names);
    if (!box.checked) return cardOf(box.value)?.remove();
    const card = document.getElementById("curve-card").content.firstElementChild.cloneNode(true);
    card.dataset.curve = card.querySelector("h2").textContent = card.querySelector("h2").title = box.value;
    card.querySelector(".chart").setAttribute("aria-label", `${box.value} of the compared jobs`);
    for (const button of card.querySelectorAll("button")) button.setAttribute("aria-label", button.ariaLabel + box.value);
    page.querySelector(".compare-cards").append(card);
    seen.observe(card);
    card.scrollIntoView({ block: "nearest" });
  };

  const mark = () => {
    for (const item of page.querySelectorAll("[data-line]")) item.setAttribute("aria-pressed", !hidden.has(item.dataset.line));
    // Groups are named by values, which the address has no place for.
    if (!new URLSearchParams(location.search).get("group")) lazuli.compare.address("hide", [[...hidden].join(",")]);
    drawAll();
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-show]")) show(event.target);
    if (event.target.matches("[data-chart-log]")) {
      lazuli.compare.address("y", [isLog() ? "log" : ""]);
      drawAll();
    }
  });
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-chart-smooth]")) return;
    page.querySelector(".compare-smooth output").textContent = weight();
    lazuli.compare.address("smooth", [weight() ? String(weight()) : ""]);
    drawAll();
  });
  document.addEventListener("click", (event) => {
    const line = event.target.closest("[data-line]"), all = event.target.closest("[data-lines]");
    if (line) hidden.has(line.dataset.line) ? hidden.delete(line.dataset.line) : hidden.add(line.dataset.line);
    if (all) hidden = new Set(all.dataset.lines === "all" ? [] : [...page.querySelectorAll("[data-line]")].map((item) => item.dataset.line));
    if (line || all) mark();
    const card = event.target.closest("[data-curve]");
    if (!card) return;
    const expand = event.target.closest("[data-chart-expand]");
    if (expand) {
      expand.setAttribute("aria-pressed", card.classList.toggle("compare-wide"));
      draw(card.dataset.curve);
    }
    if (event.target.closest("[data-chart-save]")) Plotly.downloadImage(chartOf(card.dataset.curve), { format: "png", scale: 2, width: 900, height: 500, filename: card.dataset.curve });
  });
  // A double click on a line of the legend shows it alone.
  document.addEventListener("dblclick", (event) => {
    const line = event.target.closest("[data-line]");
    if (!line) return;
    hidden = new Set([...page.querySelectorAll("[data-line]")].map((item) => item.dataset.line));
    hidden.delete(line.dataset.line);
    mark();
  });
  document.addEventListener("lazuli:theme", () => requestAnimationFrame(() => { if (page) drawAll(); }));

  lazuli.compare.onShown(() => {
    page = document.querySelector("[data-compare-charts]");
    if (!page) return;
    charts.clear();
    lazuli.charts.setTemplates(JSON.parse(document.getElementById("chart-templates").textContent));
    const query = new URLSearchParams(location.search);
    hidden = new Set(query.get("group") ? [] : (query.get("hide") || "").split(",").filter(Boolean));
    seen?.disconnect();
    seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        load(target.dataset.curve);
      }
    }, { rootMargin: "200px" });
    for (const card of page.querySelectorAll("[data-curve]")) seen.observe(card);
  });
  timer = setTimeout(renew, LIVE);
})();
