// How the charts of the metrics tab are drawn, as the address says it. `lazuli.metrics.choices` is the truth; every change
// is written back, so that the address can be shared.
(() => {
  const page = document.querySelector("[data-metrics]");
  if (!page) return;
  const WORDS = { x: "step", log: "", clip: "0", group: "prefix" };
  const choices = { ...WORDS, smooth: 0, zoom: new Map(), view: new Map(), full: "" };
  // Names may hold anything, so they come last in what belongs to a chart: zoom=10~20~train/loss, view=pr~accuracy table.
  const SPLIT = "~";

  const read = () => {
    const query = new URLSearchParams(location.search);
    for (const name of Object.keys(WORDS)) {
      const select = control(name);
      if ([...(select?.options || [])].some((option) => option.value === query.get(name))) choices[name] = query.get(name);
    }
    choices.smooth = Math.min(0.99, Math.max(0, Number(query.get("smooth")) || 0));
    choices.full = query.get("full") || "";
    for (const text of query.getAll("zoom")) {
      const [from, to, ...name] = text.split(SPLIT);
      if (Number.isFinite(Number(from)) && Number(from) < Number(to)) choices.zoom.set(name.join(SPLIT), [Number(from), Number(to)]);
    }
    for (const text of query.getAll("view")) {
      const [view, ...name] = text.split(SPLIT);
      choices.view.set(name.join(SPLIT), view);
    }
    for (const name of [...Object.keys(WORDS), "smooth"]) if (control(name)) control(name).value = choices[name];
    showSmooth();
    readFolds(query);
  };

  const control = (name) => page.querySelector(`[data-choice="${name}"]`);
  const showSmooth = () => { const output = page.querySelector("output"); if (output) output.textContent = choices.smooth; };
  const sections = () => [...page.querySelectorAll("[data-section]")];

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
    for (const [name, [from, to]] of choices.zoom) query.append("zoom", [from, to, name].join(SPLIT));
    for (const [name, view] of choices.view) query.append("view", [view, name].join(SPLIT));
    const start = new URLSearchParams(location.search).get("start");
    if (start) query.set("start", start);
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  };

  // Takes what a control says now; returns whether the charts are to be drawn anew ("draw"), asked anew ("load"), or the page ("page").
  const take = (element) => {
    const name = element.dataset.choice;
    choices[name] = name === "smooth" ? Number(element.value) : element.value;
    showSmooth();
    // Another axis is another zoom.
    if (name === "x") choices.zoom.clear();
    write();
    return name === "group" ? "page" : name === "x" ? "load" : "draw";
  };

  // The key of the metric that is the axis, if one is.
  const axisKey = () => (choices.x.startsWith("m:") ? control("x").selectedOptions[0]?.dataset.key : undefined);

  read();
  window.lazuli.metrics = { page, choices, write, take, axisKey };
})();
