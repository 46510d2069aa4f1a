import assert from "node:assert/strict";
import { test } from "node:test";
import { replaceParameter } from "../../static/js/pure/address.js";
import { readCharts, setZoom, writeCharts, writeShownMetrics } from "../../static/js/pure/metric-address.js";
import { describeSelection, isEnabled } from "../../static/js/pure/selection.js";
import { cycleSort, replaceWidth } from "../../static/js/pure/sorting.js";

test("one parameter of an address is replaced", () => {
  assert.equal(replaceParameter("?ids=a,b&hide=x&tab=charts", "hide", ["a,b"]), "?ids=a,b&tab=charts&hide=a,b");
  assert.equal(replaceParameter("?hide=x", "hide", []), "?");
  assert.equal(replaceParameter("?q=a%26b", "show", ["train/loss", "x"]), "?q=a%26b&show=train/loss&show=x");
});

test("Shift and a click: sort by it too, the other way round, no longer", () => {
  assert.deepEqual(cycleSort(["name"], "created"), ["name", "created"]);
  assert.deepEqual(cycleSort(["created", "name"], "created"), ["-created", "name"]);
  assert.deepEqual(cycleSort(["-created", "name"], "created"), ["name"]);
});

test("a column has one width", () => {
  assert.deepEqual(replaceWidth(["100:name", "90:tag-a:b"], "tag-a:b", 200), ["100:name", "200:tag-a:b"]);
});

test("charts of an address: names may hold the separator", () => {
  const text = "zoom=1~5~train~loss&zoomy=0~1~train~loss&zoom=5~1~wrong&zoom=a~b~wrong&view=pr~accuracy table&at=3~loss";
  const charts = readCharts(new URLSearchParams(text));
  assert.deepEqual([...charts.zoom], [["train~loss", { x: [1, 5], y: [0, 1] }]]);
  assert.deepEqual([...charts.view, ...charts.at], [["accuracy table", "pr"], ["loss", 3]]);
  const written = new URLSearchParams();
  writeCharts(written, charts);
  assert.deepEqual(readCharts(written), charts);
});

test("a chart that shows all has no zoom", () => {
  const zooms = new Map();
  setZoom(zooms, "loss", "x", [1, 2]);
  setZoom(zooms, "loss", "y", [0, 1]);
  setZoom(zooms, "loss", "x", null);
  assert.deepEqual([...zooms], [["loss", { y: [0, 1] }]]);
  setZoom(zooms, "loss", "y", null);
  assert.equal(zooms.size, 0);
});

test("the address names the fewer of the shown and the hidden metrics", () => {
  const write = (shown) => {
    const query = new URLSearchParams();
    writeShownMetrics(query, ["a", "b", "c"].map((name) => ({ name, isShown: shown.includes(name) })));
    return query.toString();
  };
  assert.deepEqual([["a", "b", "c"], ["a", "b"], ["a"], []].map(write), ["", "hide=c", "show=a", "show="]);
});

test("what is selected, in words", () => {
  assert.deepEqual(describeSelection(1, false), { jobs: "1 job", subject: "1 job is", status: "1 selected" });
  assert.equal(describeSelection(1200, true).status, "All 1,200 selected");
  assert.equal(describeSelection(0, false).status, "");
});

test("a button needs a selection, and may need so many rows", () => {
  assert.ok(!isEnabled(0, false) && isEnabled(1, false) && isEnabled(9, true));
  const pair = { min: "2", max: "10" };
  assert.deepEqual([1, 2, 10, 11].map((count) => isEnabled(count, false, pair)), [false, true, true, false]);
  assert.ok(!isEnabled(5, true, pair));
});
