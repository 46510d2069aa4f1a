// Parallel coordinates, drawn by hand: an axis for each value, a line for each job, and ranges that keep only some of them.
// The table below says the same without looking.
(() => {
  const HEIGHT = 340, TOP = 44, BOTTOM = 30, SIDE = 90, NARROWEST = 120, NEAR = 18;
  const SVG = "http://www.w3.org/2000/svg";
  let box, plot, ranges, axes, shades;

  const make = (tag, attributes, ...children) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const moment = (seconds) => new Date(seconds * 1000).toLocaleString("en-US", { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).replace(",", "");
  const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const written = (value) => (Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-3) ? value.toExponential(1) : String(Number(value.toPrecision(4))));

  // How many characters long names begin with in common.
  const shared = (names) => {
    let length = 0;
    while (names.length > 1 && length < names[0].length && names.every((name) => name[length] === names[0][length])) length += 1;
    return length > 8 ? length : 0;
  };

  // Round numbers between two ends: of a logarithmic axis powers of ten.
  const round = (low, high, isLog) => {
    if (isLog) return Array.from({ length: Math.floor(Math.log10(high)) - Math.ceil(Math.log10(low)) + 1 }, (one, number) => 10 ** (Math.ceil(Math.log10(low)) + number));
    const rough = (high - low) / 4, size = 10 ** Math.floor(Math.log10(rough));
    const step = size * [1, 2, 5, 10].find((times) => times * size >= rough);
    return Array.from({ length: Math.floor(high / step) - Math.ceil(low / step) + 1 }, (one, number) => (Math.ceil(low / step) + number) * step);
  };

  // Where each job lies on an axis, from 0 at the bottom to 1 at the top; null without a value.
  const ofNumbers = (axis, present) => {
    const low = Math.min(...present), high = Math.max(...present);
    const text = axis.time ? moment : written;
    const isLog = axis.log, bend = isLog ? Math.log : (value) => value, back = isLog ? Math.exp : (value) => value;
    const start = bend(low), span = bend(high) - start;
    const placeOf = (value) => (span ? (bend(value) - start) / span : 0.5);
    const inner = span && !axis.time ? round(low, high, isLog).filter((value) => placeOf(value) > 0.06 && placeOf(value) < 0.94) : [];
    const ticks = [...new Set([low, ...inner, high])].map((value) => [placeOf(value), text(value)]);
    return { ...axis, ticks, valueAt: (place) => text(back(start + place * span)), places: axis.values.map((value) => (value === null ? null : placeOf(value))) };
  };
  const ofTexts = (axis, present) => {
    const names = [...new Set(present)].sort((one, other) => one.localeCompare(other, undefined, { numeric: true }));
    const placeOf = new Map(names.map((name, number) => [name, names.length > 1 ? number / (names.length - 1) : 0.5]));
    const every = Math.ceil(names.length / 14);
    const skip = shared(names);
    const ticks = names.filter((name, number) => number % every === 0).map((name) => [placeOf.get(name), short(skip ? `…${name.slice(skip)}` : name, 16)]);
    const valueAt = (place) => names[Math.round(place * (names.length - 1))] || "";
    return { ...axis, names, ticks, valueAt, places: axis.values.map((value) => (value === null ? null : placeOf.get(value))) };
  };
  const scaled = (axis) => (axis.numeric ? ofNumbers : ofTexts)(axis, axis.values.filter((value) => value !== null));

  // Lines have the colours of their jobs, or those of a value: numbers from dark to light, texts one after the other.
  const lookOf = (run, number) => {
    const colour = shades;
    if (!colour) return { class: `dot-${run.colour}` };
    const place = colour.places[number];
    if (place === null) return { class: "dot-9" };
    if (!colour.numeric) return { class: `dot-${colour.names.indexOf(colour.values[number]) % 9}` };
    return { style: `--dot: color-mix(in oklch, var(--shade-high) ${Math.round(place * 100)}%, var(--shade-low))` };
  };
  const explain = () => {
    const place = document.querySelector("[data-shades]");
    if (!place || !shades) return;
    const part = (className, text, style) => Object.assign(document.createElement("span"), { className, textContent: text, style });
    const values = shades.numeric ? [part("", shades.valueAt(0)), part("shade-bar", ""), part("", shades.valueAt(1))]
      : shades.names.slice(0, 9).flatMap((name, number) => [part(`dot dot-${number}`, ""), part("cut", name)]);
    place.replaceChildren(...values);
  };

  const yOf = (place) => (place === null ? HEIGHT - 6 : TOP + (1 - place) * (HEIGHT - TOP - BOTTOM));
  const placeOf = (y) => Math.min(1, Math.max(0, 1 - (y - TOP) / (HEIGHT - TOP - BOTTOM)));

  const isKept = (number) => axes.every(({ word, places }) => {
    const range = ranges.get(word);
    return !range || (places[number] !== null && places[number] >= range[0] - 1e-9 && places[number] <= range[1] + 1e-9);
  });

  const paint = () => {
    const kept = plot.runs.map((run, number) => isKept(number));
    plot.runs.forEach((run, number) => {
      box.querySelector(`[data-number="${number}"]`).classList.toggle("is-out", !kept[number]);
      document.querySelector(`.compare-values tr[data-run="${CSS.escape(run.id)}"]`)?.classList.toggle("is-out", !kept[number]);
    });
    for (const axis of axes) paintRange(axis);
    document.querySelector("[data-brushed]").textContent = ranges.size ? `${kept.filter(Boolean).length} of ${kept.length} jobs in range` : "";
    document.querySelector("[data-brush-clear]").hidden = !ranges.size;
  };

  const paintRange = ({ word, group, valueAt }) => {
    const range = ranges.get(word), brush = group.querySelector(".brush");
    brush.setAttribute("visibility", range ? "visible" : "hidden");
    const said = range ? `${valueAt(range[0])} to ${valueAt(range[1])}` : "all";
    group.setAttribute("aria-valuetext", said);
    group.setAttribute("aria-valuenow", range ? Math.round(((range[0] + range[1]) / 2) * 100) : 50);
    if (!range) return;
    brush.setAttribute("y", yOf(range[1]) - 2);
    brush.setAttribute("height", yOf(range[0]) - yOf(range[1]) + 4);
  };

  const setRange = (word, range) => {
    range ? ranges.set(word, range) : ranges.delete(word);
    lazuli.compare.address("brush", [...ranges].map(([name, [low, high]]) => `${name}:${low.toFixed(3)}:${high.toFixed(3)}`));
    paint();
  };

  const drag = (axis, event) => {
    const top = box.querySelector("svg").getBoundingClientRect().top, start = placeOf(event.clientY - top);
    axis.group.focus();
    axis.hit.setPointerCapture(event.pointerId);
    const move = (moved) => {
      const now = placeOf(moved.clientY - top);
      if (Math.abs(now - start) > 0.01) setRange(axis.word, [Math.min(start, now), Math.max(start, now)]);
    };
    const end = (moved) => {
      axis.hit.removeEventListener("pointermove", move);
      // A click clears.
      if (Math.abs(placeOf(moved.clientY - top) - start) <= 0.01) setRange(axis.word, null);
    };
    axis.hit.addEventListener("pointermove", move);
    axis.hit.addEventListener("pointerup", end, { once: true });
  };

  const press = (axis, event) => {
    const by = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key];
    if (event.key === "Escape" && ranges.has(axis.word)) return setRange(axis.word, null);
    if (!by) return undefined;
    event.preventDefault();
    const [low, high] = ranges.get(axis.word) || (by > 0 ? [0.4, 0.95] : [0.05, 0.6]);
    if (event.shiftKey) return setRange(axis.word, [low, Math.min(1, Math.max(low + 0.02, high + by))]);
    const moved = by > 0 ? Math.min(by, 1 - high) : Math.max(by, -low);
    return setRange(axis.word, [low + moved, high + moved]);
  };

  const axisOf = (axis, x) => {
    const label = make("text", { x, y: 18, "text-anchor": "middle", class: "axis-name" }, short(axis.label, 18), make("title", {}, axis.label));
    const ticks = axis.ticks.flatMap(([place, text]) => [
      make("line", { x1: x - 4, x2: x, y1: yOf(place), y2: yOf(place), class: "axis-tick" }),
      make("text", { x: x - 8, y: yOf(place) + 4, "text-anchor": "end" }, text),
    ]);
    if (axis.places.includes(null)) ticks.push(make("text", { x: x - 8, y: yOf(null) + 2, "text-anchor": "end" }, "none"));
    const hit = make("rect", { x: x - NEAR, y: TOP - 8, width: 2 * NEAR, height: HEIGHT - TOP - BOTTOM + 16, class: "axis-hit" });
    const line = make("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM, class: "axis-line" });
    const brush = make("rect", { x: x - 7, width: 14, rx: 3, class: "brush", visibility: "hidden" });
    const spoken = { role: "slider", tabindex: 0, "aria-orientation": "vertical", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": `Range of ${axis.label}` };
    Object.assign(axis, { hit, group: make("g", { class: "axis", ...spoken }, line, label, ...ticks, brush, hit) });
    hit.addEventListener("pointerdown", (event) => drag(axis, event));
    axis.group.addEventListener("keydown", (event) => press(axis, event));
    return axis.group;
  };

  const light = (number, on) => {
    box.querySelector(`[data-number="${number}"]`)?.classList.toggle("is-lit", on);
    document.querySelector(`.compare-values tr[data-run="${CSS.escape(plot.runs[number].id)}"]`)?.classList.toggle("is-lit", on);
  };

  const lineOf = (run, number, xs) => {
    const path = axes.map(({ places }, place) => `${place ? "L" : "M"}${xs[place]},${yOf(places[number])}`).join("");
    const group = make("g", { "data-number": number, ...lookOf(run, number) }, make("title", {}, run.name), make("path", { d: path, class: "run-line" }), make("path", { d: path, class: "run-hit" }));
    group.addEventListener("pointerenter", () => light(number, true));
    group.addEventListener("pointerleave", () => light(number, false));
    group.addEventListener("click", () => { location.href = run.url; });
    return group;
  };

  const draw = () => {
    const width = Math.max(box.clientWidth, (axes.length - 1) * NARROWEST + 2 * SIDE);
    const xs = axes.map((axis, place) => SIDE + (place * (width - 2 * SIDE)) / (axes.length - 1));
    const svg = make("svg", { width, height: HEIGHT, role: "group", "aria-label": "Parallel coordinates; the table below has the values" });
    svg.append(...plot.runs.map((run, number) => lineOf(run, number, xs)), ...axes.map((axis, place) => axisOf(axis, xs[place])));
    box.replaceChildren(svg);
    paint();
  };

  const readRanges = () => new Map(new URLSearchParams(location.search).getAll("brush").map((text) => {
    const parts = text.split(":");
    const [low, high] = parts.splice(-2).map(Number);
    return [parts.join(":"), [low, high]];
  }).filter(([word, [low, high]]) => plot.axes.some((axis) => axis.word === word) && low >= 0 && high <= 1 && low < high));

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-brush-clear]")) return;
    for (const word of [...ranges.keys()]) setRange(word, null);
    box.focus();
  });
  for (const [kind, on] of [["mouseover", true], ["mouseout", false]]) {
    document.addEventListener(kind, (event) => {
      const row = event.target.closest?.(".compare-values tr[data-run]");
      const number = row && plot ? plot.runs.findIndex((run) => run.id === row.dataset.run) : -1;
      if (number >= 0) light(number, on);
    });
  }

  let resized = null;
  lazuli.compare.onShown(() => {
    box = document.querySelector("[data-parallel]");
    if (!box) return;
    plot = JSON.parse(document.getElementById("parallel-data").textContent);
    axes = plot.axes.map(scaled);
    shades = plot.colour && scaled(plot.colour);
    explain();
    ranges = readRanges();
    resized?.disconnect();
    resized = new ResizeObserver(draw);
    resized.observe(box);
  });
})();
