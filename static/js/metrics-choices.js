// How the charts of the metrics tab are drawn, as the address says it. `lazuli.metrics.choices` is the truth; every change
// is written back, so that the address can be shared.
(() => {
  const page = document.querySelector("[data-metrics]");
  if (!page) return;
  const WORDS = { x: "step", log: "", clip: "0", group: "prefix" };
  // By title of a chart: `zoom` is {x: [from, to], y: [from, to]} in the axes' own words, `at` a place in its section.
  const choices = { ...WORDS, smooth: 0, zoom: new Map(), view: new Map(), at: new Map(), full: "" };
  // Names may hold anything, so they come last in what belongs to a chart: zoom=10~20~train/loss, view=pr~accuracy table.
  const SPLIT = "~";
  const ZOOMS = { zoom: "x", zoomy: "y" };
  // What one chooses is remembered for the other jobs of the experiment; what one looks at, such as a zoom, is not.
  // The page of one metric takes it from there, for it cannot choose everything.
  const isAlone = page.hasAttribute("data-alone");
  const KEPT = [...Object.keys(WORDS), "smooth", "at"], kept = `lazuli.metrics.${page.dataset.experiment}`;

  const ofCharts = (query, word) => query.getAll(word).map((text) => text.split(SPLIT));

  const read = () => {
    const query = new URLSearchParams(location.search);
    for (const name of Object.keys(WORDS)) {
      const select = control(name);
      if ([...(select?.options || [])].some((option) => option.value === query.get(name))) choices[name] = query.get(name);
    }
    choices.smooth = Math.min(0.99, Math.max(0, Number(query.get("smooth")) || 0));
    choices.full = query.get("full") || "";
    for (const [word, axis] of Object.entries(ZOOMS)) {
      for (const [from, to, ...name] of ofCharts(query, word)) {
        if (Number.isFinite(Number(from)) && Number(from) < Number(to)) setZoom(name.join(SPLIT), axis, [Number(from), Number(to)]);
      }
    }
    for (const [view, ...name] of ofCharts(query, "view")) choices.view.set(name.join(SPLIT), view);
    for (const [place, ...name] of ofCharts(query, "at")) choices.at.set(name.join(SPLIT), Number(place));
    showControls();
    readFolds(query);
  };

  const control = (name) => document.querySelector(`[data-choice="${name}"]`);
  const showControls = () => {
    for (const name of [...Object.keys(WORDS), "smooth"]) if (control(name)) control(name).value = choices[name];
    const output = document.querySelector(".smooth output"), usual = page.querySelector("[data-usual-order]");
    if (output) output.textContent = choices.smooth;
    if (usual) usual.hidden = !choices.at.size;
  };
  const sections = () => [...page.querySelectorAll("[data-section]")];

  // `range` is null where all of an axis is shown.
  const setZoom = (title, axis, range) => {
    const { [axis]: _, ...zoom } = choices.zoom.get(title) || {};
    if (range) zoom[axis] = range;
    if (zoom.x || zoom.y) choices.zoom.set(title, zoom);
    else choices.zoom.delete(title);
  };

  const readFolds = (query) => {
    for (const section of sections()) {
      section.dataset.usual = section.open;
      if (query.getAll("fold").includes(section.dataset.section)) section.open = false;
      if (query.getAll("unfold").includes(section.dataset.section)) section.open = true;
    }
  };

  // Whichever of the chosen and the others are fewer.
  const writeShown = (query) => {
    const boxes = [...page.querySelectorAll("[data-series]")], off = boxes.filter((box) => !box.checked);
    const on = boxes.filter((box) => box.checked);
    if (!off.length) return;
    if (off.length <= on.length) for (const box of off) query.append("hide", box.value);
    else for (const box of on) query.append("show", box.value);
    if (!on.length) query.append("show", "");
  };

  const write = () => {
    const query = new URLSearchParams();
    for (const [name, usual] of Object.entries(WORDS)) if (choices[name] !== usual) query.set(name, choices[name]);
    if (choices.smooth) query.set("smooth", choices.smooth);
    if (choices.full) query.set("full", choices.full);
    const words = page.querySelector("[data-metric-search]")?.value;
    if (words) query.set("q", words);
    writeShown(query);
    for (const section of sections()) {
      const usual = section.dataset.usual === "true";
      if (section.open !== usual) query.append(usual ? "fold" : "unfold", section.dataset.section);
    }
    for (const [word, axis] of Object.entries(ZOOMS)) {
      for (const [name, zoom] of choices.zoom) if (zoom[axis]) query.append(word, [...zoom[axis], name].join(SPLIT));
    }
    for (const [name, view] of choices.view) query.append("view", [view, name].join(SPLIT));
    for (const [name, place] of choices.at) query.append("at", [place, name].join(SPLIT));
    const start = new URLSearchParams(location.search).get("start");
    if (start) query.set("start", start);
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
    remember(query);
    showControls();
  };

  const remember = (query) => {
    if (isAlone) return;
    const words = new URLSearchParams([...query].filter(([name]) => KEPT.includes(name)));
    if (words.size) localStorage.setItem(kept, words);
    else localStorage.removeItem(kept);
  };
  const recall = () => {
    const words = new URLSearchParams((!location.search && localStorage.getItem(kept)) || "");
    if (isAlone) for (const name of ["group", "at"]) words.delete(name);
    if (!words.size) return;
    // The server places cards; all else is for the scripts.
    if (words.has("group") || words.has("at")) location.replace(`?${words}`);
    else history.replaceState(null, "", `?${words}`);
  };

  // Takes what a control says now; returns whether the charts are to be drawn anew ("draw"), asked anew ("load"), or the page ("page").
  const take = (element) => {
    const name = element.dataset.choice;
    choices[name] = name === "smooth" ? Number(element.value) : element.value;
    // Another axis is another zoom.
    const axis = { x: "x", clip: "y" }[name];
    for (const title of axis ? [...choices.zoom.keys()] : []) setZoom(title, axis, null);
    // Other charts stand in other places.
    if (name === "group") choices.at.clear();
    write();
    return name === "group" ? "page" : name === "x" ? "load" : "draw";
  };

  // The key of the metric that is the axis, if one is.
  const axisKey = () => (choices.x.startsWith("m:") ? control("x").selectedOptions[0]?.dataset.key : undefined);

  recall();
  read();
  window.lazuli.metrics = { page, choices, write, take, axisKey, setZoom };
})();
