// The metrics tab while the job is live: new points for the charts in view, cards that have changed, metrics that are new.
(() => {
  const metrics = window.lazuli.metrics;
  if (!metrics) return;
  const { page } = metrics;
  const EVERY = 1000, HIDDEN = 10000, MOST_WAIT = 30000;
  // A line that has grown beyond so many points is asked for anew, thinned to what can be seen.
  const MOST_POINTS = 4000;
  let over = !page.hasAttribute("data-live"), wait = EVERY, timer = 0, last = false, asking = false;

  // How many points the page has of each chart in view, and of each other card.
  const known = () => metrics.seenCards().flatMap((card) => {
    const members = metrics.chartOf(card)?.members || [];
    if (members.length) return members.filter((member) => member.whole).map((member) => `${member.key}:${member.whole.count}`);
    return card.dataset.card === "later" ? [] : [`${card.dataset.members}:${card.dataset.count}`];
  }).join(",");

  const say = (words, level = "") => {
    over ||= level === "over";
    const place = document.querySelector("[data-live-state]");
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
    const lines = new Map(news.points.map((more) => [String(more.id), more]));
    for (const chart of metrics.all()) if (grow(chart, lines)) show(chart);
    for (const key of news.anew) await refresh(document.getElementById(`metric-${key}`));
    if (page.dataset.seriesCount !== undefined && String(news.series) !== page.dataset.seriesCount) await renew(news.series);
  };

  // Whether the chart has new points.
  const grow = (chart, lines) => {
    let grown = false;
    for (const member of chart.members) {
      const more = lines.get(member.key);
      // An answer that was overtaken by a newer line is let be.
      if (!more || !member.whole || (more.after && more.after !== member.whole.count)) continue;
      metrics.append(member, more);
      grown = true;
      const shown = chart.card.querySelector("[data-last]");
      if (shown) Object.assign(shown, { textContent: more.last, title: `${more.exact}, the last of ${more.count} values` });
      chart.card.dataset.count = more.count;
    }
    return grown;
  };

  const show = (chart) => {
    const isLong = chart.members.some((member) => member.whole?.steps.length > MOST_POINTS);
    if (metrics.axisKey() || isLong) metrics.load([chart]);
    else metrics.drawSoon(chart);
  };

  // ---- cards that are no lines

  // The card as it is now, at the rows that it shows. What is the same stays, so that nothing flickers, scrolls or loses the focus.
  const refresh = async (card) => {
    if (!card) return;
    const answer = await fetch(`${card.dataset.url}?start=${card.dataset.start}`, { headers: { "HX-Request": "true" } });
    if (!answer.ok || !card.isConnected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-card]");
    const keysOf = (one) => [one.dataset.card, ...[...one.querySelectorAll("[data-view] option")].map((option) => option.value)].join("\n");
    if (keysOf(fresh) === keysOf(card)) update(card, fresh);
    else replace(card, document.adoptNode(fresh));
  };

  const replace = (card, fresh) => {
    metrics.drop(card);
    card.replaceWith(fresh);
    htmx.process(fresh);
    metrics.adopt(fresh);
    metrics.search();
  };

  const update = (card, fresh) => {
    const chart = metrics.chartOf(card), pages = fresh.querySelector(".row-pages");
    card.dataset.count = fresh.dataset.count;
    if (chart) {
      chart.views = lazuli.charts.figureOf(fresh.querySelector(".chart"));
      metrics.drawSoon(chart);
    }
    for (const part of [".card-scroll", "[data-shown]"]) {
      const here = card.querySelector(part), there = fresh.querySelector(part);
      if (here && there) here.replaceChildren(...there.childNodes);
    }
    if (!pages || card.querySelector(".row-pages")?.contains(document.activeElement)) return;
    card.querySelector(".row-pages")?.remove();
    card.append(document.adoptNode(pages));
    htmx.process(pages);
  };

  // There are more metrics, or others are chosen: sections and cards as the server makes them now; those that are there stay.
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
    return metrics.search();
  };

  const insertMissing = (place, fresh, present) => {
    let next = null;
    for (const node of fresh.reverse()) {
      let here = present(node);
      if (here && node.dataset.members !== here.dataset.members) {
        metrics.drop(here);
        here.remove();
        here = null;
      }
      if (!here) {
        here = document.adoptNode(node);
        place.insertBefore(here, next);
        htmx.process(here);
        for (const card of here.matches("[data-card]") ? [here] : here.querySelectorAll("[data-card]")) metrics.adopt(card);
      }
      next = here;
    }
  };

  metrics.renew = renew;
  metrics.live = () => { if (!over) poll(); };
})();
