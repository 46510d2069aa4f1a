// Zoom of the charts of the metrics tab, by mouse and by keys: it is kept in the address, and finer points come where a line
// leaves some out. And one crosshair for all charts.
(() => {
  const metrics = window.lazuli.metrics;
  if (!metrics) return;
  const { choices } = metrics;
  const SOON = 120;

  // Called once for each chart that Plotly has made.
  const hear = (chart) => {
    chart.element.on("plotly_relayout", (change) => zoomed(chart, Object.keys(change)));
    chart.element.on("plotly_hover", (hover) => point(chart, hover));
    chart.element.on("plotly_unhover", () => unpoint(chart));
    if (choices.zoom.has(chart.title)) refine(chart);
  };

  const zoomed = (chart, changes) => {
    const axes = ["x", "y"].filter((axis) => changes.some((name) => name.startsWith(`${axis}axis.`)));
    if (!axes.length) return;
    for (const axis of axes) metrics.setZoom(chart.title, axis, metrics.rangeOf(chart, axis));
    metrics.write();
    const isWhole = !choices.zoom.has(chart.title), reset = chart.card.querySelector("[data-chart-reset]");
    if (reset) reset.hidden = isWhole;
    metrics.full?.show(chart);
    // What all of a chart is, is for us to say: clipped, it is not what Plotly shows.
    if (isWhole && choices.clip !== "0") {
      chart.resets = (chart.resets || 0) + 1;
      metrics.draw(chart);
    }
    clearTimeout(chart.refining);
    chart.refining = setTimeout(() => refine(chart), SOON);
  };

  // The points between, if the line leaves some out.
  const refine = async (chart) => {
    const zoom = choices.zoom.get(chart.title)?.x, thinned = chart.members.filter((member) => member.whole && member.whole.steps.length < member.whole.count);
    if (!zoom || metrics.axisKey()) {
      const had = chart.members.some((member) => member.detail);
      for (const member of chart.members) member.detail = null;
      return had && metrics.draw(chart);
    }
    if (!thinned.length) return undefined;
    const origin = metrics.originOf(chart);
    const [from, to] = choices.x === "relative" ? zoom.map((seconds) => origin + seconds * 1000) : zoom;
    const lines = await metrics.ask(thinned, metrics.widthOf(chart), { axis: choices.x === "step" ? "step" : "time", from, to }).catch(() => null);
    if (!lines || choices.zoom.get(chart.title)?.x !== zoom) return undefined;
    for (const member of thinned) member.detail = lines.get(member.key) || null;
    return metrics.draw(chart);
  };

  const reset = (chart) => Plotly.relayout(chart.element, { "xaxis.autorange": true, "yaxis.autorange": true });

  // ---- by keys: + and - about the middle, Shift and an arrow to the side; of views, only lines have such axes

  const change = (chart, shares) => {
    const axis = chart.element._fullLayout?.xaxis;
    if (!axis || axis.type === "category") return;
    const [from, to] = axis.range.map((value) => axis.r2l(value)), span = to - from;
    Plotly.relayout(chart.element, { "xaxis.range": shares.map((share) => axis.l2r(from + share * span)) });
  };
  const KEYS = { "+": [0.25, 0.75], "=": [0.25, 0.75], "-": [-0.5, 1.5], "_": [-0.5, 1.5] };
  const ARROWS = { ArrowLeft: [-0.25, 0.75], ArrowRight: [0.25, 1.25] };

  // Whether the key was one of ours.
  const press = (chart, event) => {
    if (!lazuli.charts.isDrawn(chart.element)) return false;
    const shares = KEYS[event.key] || (event.shiftKey && ARROWS[event.key]);
    if (shares) change(chart, shares);
    else if (event.key === "0") reset(chart);
    else return false;
    return true;
  };

  // ---- one crosshair for all

  const others = (chart) => metrics.seen().filter((other) => other !== chart && other.members.length && lazuli.charts.isDrawn(other.element));
  const point = (chart, { event, xvals }) => {
    // What we call up in other charts is no event of a mouse.
    if (!(event instanceof MouseEvent) || !xvals) return;
    for (const other of others(chart)) if (other.element._fullLayout) Plotly.Fx.hover(other.element, { xval: xvals[0] }, "xy");
  };
  const unpoint = (chart) => { for (const other of others(chart)) Plotly.Fx.unhover(other.element); };

  Object.assign(metrics, { hear, refine, reset, press });
})();
