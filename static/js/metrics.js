// The metrics tab: lines are asked for when their card is seen, finer ones when one zooms, new ones while the job is live.
(() => {
  const metrics = window.lazuli.metrics;
  if (!metrics) return;
  const { page, choices } = metrics;
  const EVERY = 1000, HIDDEN = 10000, MOST_WAIT = 30000, AT_ONCE = 20;
  // A line that has grown beyond so many points is asked for anew, thinned to what can be seen.
  const MOST_POINTS = 4000;
  // By card: a chart of series has members with their lines, a chart of views has figures to choose from.
  const charts = new Map();
  const inView = new Set();

  // ---- cards

  const adopt = (card) => {
    const element = card.querySelector(".chart");
    if (charts.has(card)) return;
    watcher.observe(card);
    if (!element) return;
    const chart = { card, element, title: card.dataset.title, members: [], views: null };
    if (element.dataset.chart === "views") chart.views = lazuli.charts.figureOf(element);
    else {
      const names = card.dataset.names.split("\n");
      chart.members = card.dataset.members.split(",").map((key, place) => ({ key, name: names[place] || chart.title, whole: null, detail: null }));
    }
    charts.set(card, chart);
    const select = card.querySelector("[data-view]");
    if (select && choices.view.has(chart.title)) select.value = choices.view.get(chart.title);
  };

  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const chart = charts.get(target);
      if (isIntersecting) inView.add(target);
      else inView.delete(target);
      if (!chart) continue;
      if (isIntersecting) show(chart);
      else if (!dialog?.contains(chart.element)) lazuli.charts.forget(chart.element);
    }
  }, { rootMargin: "500px 0px" });

  const show = (chart) => {
    if (chart.views) return showViews(chart);
    if (chart.members.every((member) => member.whole)) return draw(chart);
    return want(chart);
  };

  const showViews = (chart) => {
    const key = chart.card.querySelector("[data-view]")?.value;
    const { figure } = chart.views.find((view) => view.key === key) || chart.views[0];
    return lazuli.charts.draw(chart.element, { ...figure, layout: { ...figure.layout, height: undefined, autosize: true } });
  };

  const draw = async (chart) => {
    await metrics.draw(chart);
    if (chart.heard || !chart.element.on) return;
    chart.heard = true;
    chart.element.on("plotly_relayout", (change) => { if (Object.keys(change).some((key) => key.startsWith("xaxis."))) zoomed(chart); });
    chart.element.on("plotly_hover", (hover) => point(chart, hover));
    chart.element.on("plotly_unhover", () => unpoint(chart));
    if (choices.zoom.has(chart.title)) refine(chart);
  };

  // ---- lines

  let wanted = new Set(), wanting = 0;
  const want = (chart) => {
    wanted.add(chart);
    clearTimeout(wanting);
    wanting = setTimeout(loadWanted, 30);
  };

  const loadWanted = async () => {
    const all = [...wanted];
    wanted = new Set();
    for (let start = 0; start < all.length; start += AT_ONCE) await load(all.slice(start, start + AT_ONCE));
  };

  const widthOf = (chart) => Math.round(Math.min(2000, Math.max(100, chart.element.clientWidth || 500)));

  const ask = async (members, width, more = {}) => {
    const query = new URLSearchParams({ series: members.map((member) => member.key).join(","), width, ...more });
    const answer = await fetch(`${page.dataset.lines}?${query}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.status);
    const { lines } = await answer.json();
    return new Map(lines.map((line) => [String(line.id), line]));
  };

  const load = async (some) => {
    const members = some.flatMap((chart) => chart.members), axis = metrics.axisKey();
    try {
      const lines = await ask(members, Math.max(...some.map(widthOf)), axis ? { axis: "metric", metric: axis } : {});
      for (const member of members) member.whole = lines.get(member.key) || member.whole;
    } catch {
      return lazuli.toast("The values of some charts could not be loaded. They come with the next refresh.", "error");
    }
    for (const chart of some) if (inView.has(chart.card) || dialog?.contains(chart.element)) await draw(chart);
  };

  // ---- zoom

  const zoomed = (chart) => {
    const range = metrics.rangeOf(chart);
    if (range) choices.zoom.set(chart.title, range.map((value) => Number(value.toPrecision(10))));
    else choices.zoom.delete(chart.title);
    metrics.write();
    clearTimeout(chart.refining);
    chart.refining = setTimeout(() => refine(chart), 120);
  };

  // The points between, if the line leaves some out.
  const refine = async (chart) => {
    const zoom = choices.zoom.get(chart.title), thinned = chart.members.filter((member) => member.whole && member.whole.steps.length < member.whole.count);
    if (!zoom || metrics.axisKey()) {
      const had = chart.members.some((member) => member.detail);
      for (const member of chart.members) member.detail = null;
      return had && draw(chart);
    }
    if (!thinned.length) return undefined;
    const origin = metrics.originOf(chart);
    const [from, to] = choices.x === "relative" ? zoom.map((seconds) => origin + seconds * 1000) : zoom;
    const lines = await ask(thinned, widthOf(chart), { axis: choices.x === "step" ? "step" : "time", from, to }).catch(() => null);
    if (!lines || choices.zoom.get(chart.title) !== zoom) return undefined;
    for (const member of thinned) member.detail = lines.get(member.key) || null;
    return draw(chart);
  };

  // ---- one crosshair for all

  const others = (chart) => [...inView].map((card) => charts.get(card)).filter((other) => other && other !== chart && other.members.length && lazuli.charts.isDrawn(other.element));
  const point = (chart, { event, xvals }) => {
    // What we call up in other charts is no event of a mouse.
    if (!(event instanceof MouseEvent) || !xvals) return;
    for (const other of others(chart)) if (other.element._fullLayout) Plotly.Fx.hover(other.element, { xval: xvals[0] }, "xy");
  };
  const unpoint = (chart) => { for (const other of others(chart)) Plotly.Fx.unhover(other.element); };

  // ---- full screen

  const dialog = document.getElementById("chart-dialog");
  let full = null;
  const open = (chart) => {
    if (full) putBack();
    full = { chart, home: chart.element.previousElementSibling };
    dialog.querySelector("h2").textContent = chart.title;
    dialog.querySelector("[data-chart-place]").append(chart.element);
    if (!dialog.open) dialog.showModal();
    choices.full = chart.title;
    metrics.write();
    // Wider, so it may show more.
    if (chart.views) showViews(chart).then(() => Plotly.Plots.resize(chart.element));
    else load([chart]).then(() => lazuli.charts.isDrawn(chart.element) && Plotly.Plots.resize(chart.element)).then(() => refine(chart));
  };

  const putBack = () => {
    const { chart, home } = full;
    full = null;
    home.after(chart.element);
    if (lazuli.charts.isDrawn(chart.element)) Plotly.Plots.resize(chart.element);
  };

  dialog?.addEventListener("close", () => {
    const { card } = full?.chart || {};
    if (full) putBack();
    choices.full = "";
    metrics.write();
    card?.querySelector("[data-chart-full]")?.focus();
  });

  const step = (by) => {
    const all = [...charts.values()].filter((chart) => !chart.card.hidden);
    open(all[(all.indexOf(full.chart) + by + all.length) % all.length]);
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    if (full && ["ArrowLeft", "ArrowRight"].includes(event.key)) step(event.key === "ArrowLeft" ? -1 : 1);
    if (event.key !== "f" || document.querySelector("dialog[open]")) return;
    const card = page.querySelector("[data-card]:hover") || event.target.closest("[data-card]") || page.querySelector("[data-card]:not([hidden]):has(.chart)");
    if (charts.has(card)) open(charts.get(card));
  });

  // ---- new points

  const known = () => [...inView].flatMap((card) => {
    const members = charts.get(card)?.members || [];
    if (members.length) return members.filter((member) => member.whole).map((member) => `${member.key}:${member.whole.count}`);
    return card.dataset.card === "later" ? [] : [`${card.dataset.members}:${card.dataset.count}`];
  }).join(",");

  let over = !page.hasAttribute("data-live"), wait = EVERY, timer = 0, last = false, asking = false;
  const say = (words, level = "") => {
    over ||= level === "over";
    const place = page.querySelector("[data-live-state]");
    if (place && place.textContent !== words) place.textContent = words;
    if (place) place.dataset.level = level;
    return level !== "over";
  };

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
      const query = new URLSearchParams({ seen: page.dataset.seen, after: known() });
      const answer = await fetch(`${page.dataset.url}?${query}`, { headers: { Accept: "application/json" } });
      if (answer.status === 404) return say("The job was deleted", "over");
      if (!answer.ok) throw new Error(answer.status);
      wait = EVERY;
      if (answer.status === 204) return say("Live", "live");
      const news = await answer.json();
      await take(news);
      page.dataset.seen = news.seen;
      // The last points may come a moment after the end.
      if (!news.active && last) return say("Ended", "over");
      last = !news.active;
      return say("Live", "live");
    } catch {
      wait = Math.min(wait * 2, MOST_WAIT);
      return say("Waiting for the studio");
    }
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !over) poll(); });

  const take = async (news) => {
    const grown = new Set(), lines = new Map(news.points.map((more) => [String(more.id), more]));
    for (const chart of charts.values()) {
      for (const member of chart.members) {
        const more = lines.get(member.key);
        // An answer that was overtaken by a newer line is let be.
        if (!more || !member.whole || (more.after && more.after !== member.whole.count)) continue;
        metrics.append(member, more);
        grown.add(chart);
      }
    }
    for (const chart of grown) await grow(chart);
    for (const key of news.anew) htmx.ajax("GET", document.getElementById(`metric-${key}`).dataset.url, { target: `#metric-${key}`, swap: "outerHTML" });
    if (page.dataset.seriesCount !== undefined && String(news.series) !== page.dataset.seriesCount) await renew(news.series);
  };

  const grow = async (chart) => {
    const [{ whole }] = chart.members, shown = chart.card.querySelector("[data-last]");
    chart.card.dataset.count = whole.count;
    const value = whole.values.findLast((one) => one !== null);
    if (shown && value !== undefined) shown.textContent = Number(value.toPrecision(6)).toLocaleString("en-US", { maximumSignificantDigits: 6 });
    if (metrics.axisKey() || chart.members.some((member) => member.whole.steps.length > MOST_POINTS)) return load([chart]);
    return lazuli.charts.isDrawn(chart.element) ? draw(chart) : undefined;
  };

  // There are more metrics: sections and cards as the server makes them now; those that are there stay.
  const renew = async (count) => {
    if (!page.querySelector("#metric-sections")) return location.reload();
    const answer = await fetch(location.href);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    page.dataset.seriesCount = count;
    page.querySelector("#metric-names").replaceWith(document.adoptNode(fresh.querySelector("#metric-names")));
    insertMissing(page.querySelector("#metric-sections"), [...fresh.querySelectorAll("#metric-sections > [data-section]")], (one) => page.querySelector(`[data-section="${CSS.escape(one.dataset.section)}"]`));
    for (const section of fresh.querySelectorAll("[data-section]")) {
      const place = page.querySelector(`[data-section="${CSS.escape(section.dataset.section)}"] .metric-cards`);
      insertMissing(place, [...section.querySelectorAll("[data-card]")], (card) => document.getElementById(card.id));
      place.closest("[data-section]").querySelector(".count").textContent = place.children.length;
    }
    return search();
  };

  const insertMissing = (place, fresh, present) => {
    let next = null;
    for (const node of fresh.reverse()) {
      let here = present(node);
      if (here && node.dataset.members !== here.dataset.members) { charts.delete(here); here.remove(); here = null; }
      if (!here) {
        here = document.adoptNode(node);
        place.insertBefore(here, next);
        htmx.process(here);
        for (const card of here.matches("[data-card]") ? [here] : here.querySelectorAll("[data-card]")) adopt(card);
      }
      next = here;
    }
  };

  document.addEventListener("htmx:load", (event) => {
    const { elt } = event.detail;
    for (const card of elt.matches?.("[data-card]") ? [elt] : elt.querySelectorAll?.("[data-card]") || []) adopt(card);
    for (const card of [...charts.keys()]) if (!card.isConnected) { charts.delete(card); inView.delete(card); }
  });

  // ---- choices

  const search = () => {
    const words = (page.querySelector("[data-metric-search]")?.value || "").toLowerCase().split(/\s+/).filter(Boolean);
    const hasWords = (text) => words.every((word) => text.toLowerCase().includes(word));
    const off = new Set([...page.querySelectorAll("[data-series]:not(:checked)")].map((box) => box.dataset.series));
    for (const item of page.querySelectorAll("#metric-names > li")) item.hidden = !hasWords(item.textContent);
    for (const card of page.querySelectorAll("[data-card]")) card.hidden = !hasWords(card.dataset.names) || card.dataset.members.split(",").every((key) => off.has(key));
    for (const section of page.querySelectorAll("[data-section]")) section.hidden = !section.querySelector("[data-card]:not([hidden])");
    const none = page.querySelector("[data-no-match]");
    if (none) none.hidden = Boolean(page.querySelector("[data-card]:not([hidden])"));
  };

  const pick = (boxes) => {
    search();
    metrics.write();
    const absent = boxes.some((box) => box.checked && ![...page.querySelectorAll("[data-card]")].some((card) => card.dataset.members.split(",").includes(box.dataset.series)));
    if (absent) renew(page.dataset.seriesCount);
  };

  page.addEventListener("input", (event) => {
    if (event.target.matches("[data-metric-search]")) {
      search();
      metrics.write();
    }
    if (!event.target.dataset.choice) return;
    const then = metrics.take(event.target);
    if (then === "page") location.reload();
    if (then === "load") for (const chart of charts.values()) for (const member of chart.members) Object.assign(member, { whole: null, detail: null });
    if (then === "load" || then === "draw") for (const card of inView) if (charts.get(card)?.members.length) show(charts.get(card));
  });

  page.addEventListener("change", (event) => {
    if (event.target.matches("[data-series]")) pick([event.target]);
    if (!event.target.matches("[data-view]")) return;
    const chart = charts.get(event.target.closest("[data-card]"));
    choices.view.set(chart.title, event.target.value);
    metrics.write();
    showViews(chart);
  });

  page.addEventListener("submit", (event) => { if (event.target.id === "metric-pick" && !page.querySelector("[data-no-match]:not([hidden])")) event.preventDefault(); });
  page.addEventListener("toggle", (event) => { if (event.target.matches("[data-section]")) metrics.write(); }, true);

  page.addEventListener("click", (event) => {
    const every = event.target.closest("[data-pick]");
    if (every) {
      const boxes = [...page.querySelectorAll("#metric-names li:not([hidden]) [data-series]")];
      for (const box of boxes) box.checked = every.dataset.pick === "all";
      pick(boxes);
    }
    const by = event.target.closest("[data-chart-step]");
    if (by) step(Number(by.dataset.chartStep));
    const chart = charts.get(event.target.closest("[data-card]"));
    if (!chart) return;
    if (event.target.closest("[data-chart-save]")) Plotly.downloadImage(chart.element, { format: "png", scale: 2, width: 900, height: 500, filename: chart.title.replaceAll("/", "_") });
    if (event.target.closest("[data-chart-full]")) open(chart);
  });
  dialog?.addEventListener("click", (event) => {
    const by = event.target.closest("[data-chart-step]");
    if (by && !page.contains(dialog)) step(Number(by.dataset.chartStep));
  });

  for (const card of page.querySelectorAll("[data-card]")) adopt(card);
  search();
  const asked = [...charts.values()].find((chart) => chart.title === choices.full);
  if (asked) open(asked);
  if (!over) poll();
})();
