// The metrics tab: lines are asked for when their card is seen, and drawn one after another, so that hundreds of charts are
// light and a person can scroll meanwhile. The other metrics-*.js are its parts; this is the last of them.
(() => {
  const metrics = window.lazuli.metrics;
  if (!metrics) return;
  const { page, choices } = metrics;
  // So many series in one question, which is what the server allows.
  const AT_ONCE = 60;
  // By card: a chart of series has members with their lines, a chart of views has figures to choose from.
  const charts = new Map();
  const inView = new Set();
  const isSeen = (chart) => inView.has(chart.card) || metrics.full?.holds(chart);

  // ---- cards

  const adopt = (card) => {
    const element = card.querySelector(".chart");
    if (charts.has(card)) return;
    watcher.observe(card);
    if (!element) return;
    const chart = { card, element, box: element.parentElement, title: card.dataset.title, members: [], views: null };
    if (element.dataset.chart === "views") chart.views = lazuli.charts.figureOf(element);
    else {
      // The words that stand there until it is drawn say what a picture of it would.
      element.setAttribute("aria-label", `${chart.title}: ${[...element.children].map((words) => words.textContent).join(". ")}`);
      element.setAttribute("role", "img");
      const names = card.dataset.names.split("\n");
      chart.members = card.dataset.members.split(",").map((key, place) => ({ key, name: names[place] || chart.title, whole: null, detail: null }));
    }
    charts.set(card, chart);
    const select = card.querySelector("[data-view]");
    if (select && choices.view.has(chart.title)) select.value = choices.view.get(chart.title);
  };

  const drop = (card) => {
    watcher.unobserve(card);
    charts.delete(card);
    inView.delete(card);
  };

  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const chart = charts.get(target);
      if (isIntersecting) inView.add(target);
      else inView.delete(target);
      if (isIntersecting && target.dataset.card === "later") htmx.trigger(target, "near");
      if (!chart) continue;
      if (isIntersecting) show(chart);
      else if (!isSeen(chart)) forget(chart);
    }
  }, { rootMargin: "500px 0px" });

  const forget = (chart) => {
    lazuli.charts.forget(chart.element);
    chart.heard = false;
  };

  const show = (chart) => {
    if (chart.views || chart.members.every((member) => member.whole)) drawSoon(chart);
    else want(chart);
  };

  // ---- drawing: one chart after another, with a rest between them; what is out of sight by then is let be

  const due = new Set();
  let drawing = false;
  const rest = () => new Promise((done) => { setTimeout(done); });

  const drawSoon = async (chart) => {
    due.add(chart);
    if (drawing) return;
    drawing = true;
    for (const next of due) {
      due.delete(next);
      if (isSeen(next)) await draw(next).catch(reportError);
      await rest();
    }
    drawing = false;
  };

  const draw = async (chart) => {
    if (chart.views) return drawViews(chart);
    await metrics.draw(chart);
    if (!chart.heard && chart.element.on) {
      chart.heard = true;
      metrics.hear(chart);
    }
    return undefined;
  };

  const drawViews = (chart) => {
    const key = chart.card.querySelector("[data-view]")?.value;
    const { figure } = chart.views.find((view) => view.key === key) || chart.views[0];
    return lazuli.charts.draw(chart.element, { ...figure, layout: { ...figure.layout, height: undefined, autosize: true } });
  };

  // Into full screen or back: of another width, it may show more or fewer points.
  const reshow = (chart) => {
    if (chart.views) return drawSoon(chart);
    return load([chart]).then(() => metrics.refine(chart));
  };

  // ---- lines

  let wanted = new Set(), wanting = 0;
  const want = (chart) => {
    wanted.add(chart);
    clearTimeout(wanting);
    wanting = setTimeout(loadWanted, 30);
  };

  const loadWanted = async () => {
    let some = [], count = 0;
    const all = [...wanted].filter(isSeen);
    wanted = new Set();
    for (const chart of all) {
      if (count + chart.members.length > AT_ONCE) {
        await load(some);
        [some, count] = [[], 0];
      }
      some.push(chart);
      count += chart.members.length;
    }
    if (some.length) await load(some);
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
    for (const chart of some) drawSoon(chart);
    return undefined;
  };

  // ---- choices

  const cardsOf = (box) => [...page.querySelectorAll("[data-card]")].some((card) => card.dataset.members.split(",").includes(box.dataset.series));

  const search = () => {
    const words = (page.querySelector("[data-metric-search]")?.value || "").toLowerCase().split(/\s+/).filter(Boolean);
    const hasWords = (text) => words.every((word) => text.toLowerCase().includes(word));
    const off = new Set([...page.querySelectorAll("[data-series]:not(:checked)")].map((box) => box.dataset.series));
    for (const item of page.querySelectorAll("#metric-names > li")) item.hidden = !hasWords(item.textContent);
    for (const card of page.querySelectorAll("[data-card]")) card.hidden = !hasWords(card.dataset.names) || card.dataset.members.split(",").every((key) => off.has(key));
    for (const section of page.querySelectorAll("[data-section]")) {
      const all = section.querySelectorAll("[data-card]"), shown = [...all].filter((card) => !card.hidden).length;
      section.hidden = !shown;
      section.querySelector(".count").textContent = shown === all.length ? shown : `${shown} of ${all.length}`;
    }
    const none = page.querySelector("[data-no-match]");
    if (none) none.hidden = Boolean(page.querySelector("[data-card]:not([hidden])"));
  };

  const pick = (boxes) => {
    search();
    metrics.write();
    if (boxes.some((box) => box.checked && !cardsOf(box))) metrics.renew(page.dataset.seriesCount);
  };

  // The controls may stand in the dialog of full screen.
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-metric-search]")) {
      search();
      metrics.write();
    }
    if (!event.target.dataset?.choice) return;
    const then = metrics.take(event.target);
    if (then === "page") location.reload();
    if (then === "load") for (const chart of charts.values()) for (const member of chart.members) Object.assign(member, { whole: null, detail: null });
    for (const chart of charts.values()) if (chart.members.length && isSeen(chart)) show(chart);
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-series]")) pick([event.target]);
    if (!event.target.matches("[data-view]")) return;
    const chart = charts.get(event.target.closest("[data-card]"));
    choices.view.set(chart.title, event.target.value);
    metrics.write();
    drawViews(chart);
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
    const chart = charts.get(event.target.closest("[data-card]"));
    if (!chart) return;
    if (event.target.closest("[data-chart-save]")) lazuli.charts.save(chart.element, chart.title);
    if (event.target.closest("[data-chart-full]")) metrics.full.open(chart);
    if (event.target.closest("[data-chart-reset]")) metrics.reset(chart);
  });

  document.addEventListener("htmx:load", (event) => {
    const { elt } = event.detail;
    for (const card of elt.matches?.("[data-card]") ? [elt] : elt.querySelectorAll?.("[data-card]") || []) adopt(card);
    for (const card of [...charts.keys()]) if (!card.isConnected) drop(card);
  });

  // ---- keys

  const cardsShown = () => [...page.querySelectorAll("[data-card]:not([hidden])")].filter((card) => card.offsetParent);
  const cardOf = (event) => event.target.closest("[data-card]") || page.querySelector("[data-card]:hover");

  // To the card after or before the one with the focus.
  const walk = (event, by) => {
    const cards = cardsShown(), at = cards.indexOf(cardOf(event)), next = cards[at < 0 ? (by > 0 ? 0 : cards.length - 1) : at + by];
    (next?.querySelector("h3 a") || next?.querySelector("[data-chart-full]"))?.focus();
    next?.scrollIntoView({ block: "nearest" });
    return Boolean(next);
  };

  const press = (event) => {
    if (metrics.full?.press(event)) return true;
    const isFull = Boolean(metrics.full?.chart());
    if (document.querySelector("dialog[open]") && !isFull) return false;
    const chart = metrics.full?.chart() || charts.get(cardOf(event));
    if (chart && metrics.press(chart, event)) return true;
    if (isFull) return false;
    if (event.key === "j" || event.key === "k") return walk(event, event.key === "j" ? 1 : -1);
    const wanted = chart || charts.get(page.querySelector("[data-card]:not([hidden]):has(.chart)"));
    if (event.key !== "f" || !wanted) return false;
    metrics.full.open(wanted);
    return true;
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    if (press(event)) event.preventDefault();
  });

  Object.assign(metrics, {
    adopt, drop, drawSoon, load, reshow, ask, widthOf, search,
    chartOf: (card) => charts.get(card),
    all: () => [...charts.values()],
    seen: () => [...charts.values()].filter(isSeen),
    seenCards: () => [...inView, ...(metrics.full?.chart() && !inView.has(metrics.full.chart().card) ? [metrics.full.chart().card] : [])],
    // As they stand in the page, which is the order that a person chose.
    inPage: () => cardsShown().map((card) => charts.get(card)).filter(Boolean),
  });

  for (const card of page.querySelectorAll("[data-card]")) adopt(card);
  search();
  const asked = [...charts.values()].find((chart) => chart.title === choices.full);
  if (asked) metrics.full?.open(asked);
  metrics.live();
})();
