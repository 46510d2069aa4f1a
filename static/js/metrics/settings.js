// The settings of the charts of the metrics tab, read from the URL. Every change is written back, so that the URL can
// be shared. [data-chart-setting="name"] are the controls.
import { readCharts, setZoom, writeCharts, writeShownMetrics } from "../pure/metric-address.js";
import { parseSmoothing } from "../pure/series.js";

export const page = document.querySelector("[data-metrics]");

const DEFAULTS = { x: "step", log: "", clip: "0", group: "prefix" };
const CONTROLS = [...Object.keys(DEFAULTS), "smooth"];
// What a person chooses is remembered for the other jobs of the experiment; what they look at, such as a zoom, is not.
// The page of a single metric reads it but does not write it, because it does not have all settings.
const REMEMBERED = [...CONTROLS, "at"];
const STORAGE_KEY = `lazuli.metrics.${page.dataset.experiment}`;
const isSingleMetric = page.hasAttribute("data-single-metric");

// `zoom`, `view` and `at` are maps by the title of a chart: {x: [from, to], y: [from, to]} in the units of the axes, the key
// of a view, an index in its section. `full` is the title of the chart in full screen.
export const settings = { ...DEFAULTS, smooth: 0, zoom: new Map(), view: new Map(), at: new Map(), full: "" };

const findControl = (name) => document.querySelector(`[data-chart-setting="${name}"]`);
const findSections = () => [...page.querySelectorAll("[data-section]")];

export const setChartZoom = (title, axis, range) => setZoom(settings.zoom, title, axis, range);

// The key of the metric that is the x axis, if one is.
export const findAxisKey = () => (settings.x.startsWith("m:") ? findControl("x").selectedOptions[0]?.dataset.key : undefined);

const showControls = () => {
  for (const name of CONTROLS) if (findControl(name)) findControl(name).value = settings[name];
  const output = document.querySelector(".smooth output"), reset = page.querySelector("[data-default-order]");
  if (output) output.textContent = settings.smooth;
  if (reset) reset.hidden = !settings.at.size;
};

// ---- reading the address

const readSections = (query) => {
  for (const section of findSections()) {
    section.dataset.isOpenByDefault = section.open;
    if (query.getAll("fold").includes(section.dataset.section)) section.open = false;
    if (query.getAll("unfold").includes(section.dataset.section)) section.open = true;
  }
};

const readSettings = () => {
  const query = new URLSearchParams(location.search);
  for (const name of Object.keys(DEFAULTS)) {
    const options = [...(findControl(name)?.options || [])];
    if (options.some((option) => option.value === query.get(name))) settings[name] = query.get(name);
  }
  settings.smooth = parseSmoothing(query.get("smooth"));
  settings.full = query.get("full") || "";
  Object.assign(settings, readCharts(query));
  showControls();
  readSections(query);
};

const recallSettings = () => {
  const remembered = new URLSearchParams((!location.search && localStorage.getItem(STORAGE_KEY)) || "");
  if (isSingleMetric) for (const name of ["group", "at"]) remembered.delete(name);
  if (!remembered.size) return;
  // The server places cards; everything else is for the scripts.
  if (remembered.has("group") || remembered.has("at")) location.replace(`?${remembered}`);
  else history.replaceState(null, "", `?${remembered}`);
};

// ---- writing it

const rememberSettings = (query) => {
  if (isSingleMetric) return;
  const remembered = new URLSearchParams([...query].filter(([name]) => REMEMBERED.includes(name)));
  if (remembered.size) localStorage.setItem(STORAGE_KEY, remembered);
  else localStorage.removeItem(STORAGE_KEY);
};

const writeSections = (query) => {
  for (const section of findSections()) {
    const isOpenByDefault = section.dataset.isOpenByDefault === "true";
    if (section.open !== isOpenByDefault) query.append(isOpenByDefault ? "fold" : "unfold", section.dataset.section);
  }
};

export const saveSettings = () => {
  const query = new URLSearchParams();
  for (const [name, usual] of Object.entries(DEFAULTS)) if (settings[name] !== usual) query.set(name, settings[name]);
  if (settings.smooth) query.set("smooth", settings.smooth);
  if (settings.full) query.set("full", settings.full);
  const words = page.querySelector("[data-metric-search]")?.value;
  if (words) query.set("q", words);
  const boxes = [...page.querySelectorAll("[data-series]")];
  writeShownMetrics(query, boxes.map((box) => ({ name: box.value, isShown: box.checked })));
  writeSections(query);
  writeCharts(query, settings);
  const start = new URLSearchParams(location.search).get("start");
  if (start) query.set("start", start);
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  rememberSettings(query);
  showControls();
};

// Applies the value of a control; returns what to do: "draw" the charts, "load" their lines, or load the "page".
export const applyControl = (control) => {
  const name = control.dataset.chartSetting;
  settings[name] = name === "smooth" ? Number(control.value) : control.value;
  // Another axis has another zoom.
  const axis = { x: "x", clip: "y" }[name];
  for (const title of axis ? [...settings.zoom.keys()] : []) setChartZoom(title, axis, null);
  // Other charts have other positions.
  if (name === "group") settings.at.clear();
  saveSettings();
  return { group: "page", x: "load" }[name] || "draw";
};

recallSettings();
readSettings();
