import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseTimeUnit, formatAge, formatDuration, fromLocalAxis, parseAxisTime, toLocalAxis } from "../../static/js/pure/times.js";

const DAY = 86400;

// As tests/studio/test_shell.py has them for the server's side, so that nothing moves when the script takes over.
for (const [seconds, text] of [
  [-6, ""], [-5, "just now"], [9.9, "just now"], [10, "10 s ago"], [59.9, "59 s ago"], [60, "1 min ago"], [3599, "59 min ago"],
  [3600, "1 h ago"], [DAY - 1, "23 h ago"], [DAY, "yesterday"], [2 * DAY, "2 days ago"], [7 * DAY - 1, "6 days ago"], [7 * DAY, ""],
]) test(`an age of ${seconds} s`, () => assert.equal(formatAge(seconds), text));

for (const [seconds, text] of [
  [-3, "0s"], [0, "0s"], [59.4, "59s"], [59.6, "1m 0s"], [95, "1m 35s"], [3600, "1h 0m"], [3661, "1h 1m"], [DAY, "1d 0h"], [90061, "1d 1h"],
]) test(`a duration of ${seconds} s`, () => assert.equal(formatDuration(seconds), text));

test("relative time is in a unit of which there are more than three", () => {
  assert.deepEqual(chooseTimeUnit(3000), [1, "Seconds"]);
  assert.deepEqual(chooseTimeUnit(181_000), [60, "Minutes"]);
  assert.deepEqual(chooseTimeUnit(10_801_000), [3600, "Hours"]);
  assert.deepEqual(chooseTimeUnit(4 * DAY * 1000), [DAY, "Days"]);
});

test("an axis in local time leads back to the same moment", () => {
  for (const time of [0, 1_700_000_000_000]) assert.equal(fromLocalAxis(toLocalAxis(time)), time);
});

test("an end of an axis is a number or Plotly's text", () => {
  assert.equal(parseAxisTime(5), 5);
  assert.equal(parseAxisTime("2026-01-31 12:30"), Date.UTC(2026, 0, 31, 12, 30));
  assert.equal(parseAxisTime("2026-01-31"), Date.UTC(2026, 0, 31));
});
