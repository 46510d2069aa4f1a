import assert from "node:assert/strict";
import { test } from "node:test";
import { clipRange, escapeLabel, hasIsolatedPoint, insertDetail, parseSmoothing, smoothValues, sortByX } from "../../static/js/pure/series.js";

test("smoothing is an exponential moving average, and gaps stay gaps", () => {
  assert.deepEqual(smoothValues([4, null, 8, 0], 0.5), [4, null, 6, 3]);
  assert.deepEqual(smoothValues([1, 2, 3], 0), [1, 2, 3]);
  assert.deepEqual(smoothValues([null, 2], 0.9), [null, 2]);
});

test("a wrong weight in an address counts as none", () => {
  assert.deepEqual(["0.6", "0.99", "0", null, "", "x", "-1", "1", "99999"].map(parseSmoothing), [0.6, 0.99, 0, 0, 0, 0, 0, 0, 0]);
});

test("a line that went back follows its axis", () => {
  assert.deepEqual(sortByX([0, 2, 1], [5, 7, 6]), { x: [0, 1, 2], y: [5, 6, 7] });
  const x = [0, 1, 1], y = [5, 6, 7];
  assert.equal(sortByX(x, y).x, x, "what is in order is not copied");
});

test("finer points replace the part of the line that they cover", () => {
  const whole = { x: [0, 10, 20, 30], y: [0, 1, 2, 3] };
  const middle = { x: [10, 15, 20], y: [1, 9, 2] };
  assert.deepEqual(insertDetail(whole, middle), { x: [0, 10, 15, 20, 30], y: [0, 1, 9, 2, 3] });
  const between = { x: [12, 14], y: [7, 8] };
  assert.deepEqual(insertDetail(whole, between), { x: [0, 10, 12, 14, 20, 30], y: [0, 1, 7, 8, 2, 3] });
  const after = { x: [40, 50], y: [4, 5] };
  assert.deepEqual(insertDetail(whole, after).x, [0, 10, 20, 30, 40, 50]);
  const all = { x: [-1, 31], y: [8, 9] };
  assert.deepEqual(insertDetail(whole, all).x, [-1, 31]);
});

test("a value between gaps has no line", () => {
  assert.ok(hasIsolatedPoint([null, 1, null]));
  assert.ok(hasIsolatedPoint([1]));
  assert.ok(!hasIsolatedPoint([1, 2, null, 3, 4]));
  assert.ok(!hasIsolatedPoint([null, null]));
});

test("outliers are cut, with a little room", () => {
  const values = Array.from({ length: 101 }, (_, index) => index);
  assert.deepEqual(clipRange([...values, null], 0.05, false), [5 - 4.5, 95 + 4.5]);
  assert.equal(clipRange(values, 0, false), undefined);
  assert.equal(clipRange([1, 2, 3], 0.05, false), undefined);
  assert.deepEqual(clipRange([2, 2, 2, 2, 2], 0.05, false), [1.9, 2.1]);
  const [low, high] = clipRange([1, 1, 10, 100, 100], 0.01, true);
  assert.ok(Math.abs(low + 0.1) < 1e-9 && Math.abs(high - 2.1) < 1e-9);
});

test("a name is no tag to Plotly", () => assert.equal(escapeLabel("<b> & </b>"), "&lt;b&gt; &amp; &lt;/b&gt;"));
