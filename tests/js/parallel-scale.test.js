import assert from "node:assert/strict";
import { test } from "node:test";
import { isInRanges, listRoundNumbers, moveRange, readRanges, scaleAxis, writeRanges } from "../../static/js/pure/parallel-scale.js";

const near = (found, wanted) => found.forEach((value, index) => assert.ok(Math.abs(value - wanted[index]) < 1e-9, `${found} is not ${wanted}`));

test("round numbers between two ends", () => {
  near(listRoundNumbers(0, 1, false), [0, 0.5, 1]);
  near(listRoundNumbers(3, 17, false), [5, 10, 15]);
  assert.deepEqual(listRoundNumbers(0.02, 300, true), [0.1, 1, 10, 100]);
  assert.deepEqual(listRoundNumbers(2, 3, true), []);
});

test("numbers lie between the least and the greatest", () => {
  const axis = scaleAxis({ numeric: true, values: [0, 5, 10, null] });
  assert.deepEqual(axis.positions, [0, 0.5, 1, null]);
  assert.deepEqual(axis.ticks[0], [0, "0"]);
  assert.equal(axis.labelAt(0.5), "5");
});

test("one number lies in the middle", () => {
  const axis = scaleAxis({ numeric: true, values: [3, 3] });
  assert.deepEqual(axis.positions, [0.5, 0.5]);
  assert.deepEqual(axis.ticks, [[0.5, "3"]]);
});

test("a logarithmic axis", () => {
  near(scaleAxis({ numeric: true, log: true, values: [1, 10, 100] }).positions, [0, 0.5, 1]);
});

test("texts are in natural order, and long ones lose what all begin with", () => {
  const axis = scaleAxis({ numeric: false, values: ["fold 10", "fold 2", null, "fold 2"] });
  assert.deepEqual(axis.positions, [1, 0, null, 0]);
  assert.equal(axis.labelAt(1), "fold 10");
  const long = scaleAxis({ numeric: false, values: ["resnet50-lr-0.1", "resnet50-lr-0.2"] });
  assert.deepEqual(long.ticks.map(([, label]) => label), ["…1", "…2"]);
  const many = scaleAxis({ numeric: false, values: Array.from({ length: 60 }, (_, index) => `${index}`) });
  assert.ok(many.ticks.length <= 14);
});

test("ranges go into the address and back", () => {
  const ranges = new Map([["param-a:b", [0.25, 0.5]]]);
  const query = new URLSearchParams(writeRanges(ranges).map((text) => ["brush", text]));
  assert.deepEqual(readRanges(query, ["param-a:b"]), ranges);
  for (const wrong of ["x:0.1:0.5", "a:0.5:0.1", "a:-1:0.5", "a:0:2", "a:b:c", "a"]) {
    assert.equal(readRanges(new URLSearchParams([["brush", wrong]]), ["a"]).size, 0, wrong);
  }
});

test("a job is kept if all its values lie within the ranges", () => {
  const axes = [{ word: "a", positions: [0, 0.5, null] }, { word: "b", positions: [1, 1, 1] }];
  const kept = (ranges) => [0, 1, 2].map((index) => isInRanges(axes, new Map(ranges), index));
  assert.deepEqual(kept([]), [true, true, true]);
  assert.deepEqual(kept([["a", [0, 0.4]]]), [true, false, false]);
  assert.deepEqual(kept([["a", [0, 1]], ["b", [0, 0.5]]]), [false, false, false]);
});

test("arrow keys move a range, and stop at the ends", () => {
  near(moveRange(undefined, 0.05, false), [0.45, 1]);
  near(moveRange([0.2, 0.4], -0.05, false), [0.15, 0.35]);
  near(moveRange([0.5, 0.98], 0.05, false), [0.52, 1]);
  near(moveRange([0.5, 0.53], -0.05, true), [0.5, 0.52]);
  near(moveRange([0.5, 0.98], 0.05, true), [0.5, 1]);
});
