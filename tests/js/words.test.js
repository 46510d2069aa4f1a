import assert from "node:assert/strict";
import { test } from "node:test";
import { clamp, compareNaturally, countSharedPrefix, hasAllWords, shorten, splitWords, wrapIndex } from "../../static/js/pure/words.js";

test("words are found in any order and case", () => {
  assert.deepEqual(splitWords("  Train  LOSS "), ["train", "loss"]);
  assert.deepEqual(splitWords(undefined), []);
  assert.ok(hasAllWords("loss/Train", splitWords("train loss")));
  assert.ok(!hasAllWords("loss/val", ["train"]));
  assert.ok(hasAllWords("anything", []));
});

test("a list begins again at its other end", () => {
  assert.deepEqual([-1, 0, 2, 3].map((index) => wrapIndex(index, 3)), [2, 0, 2, 0]);
});

test("a value stays between its limits", () => assert.deepEqual([-5, 0.5, 7].map((value) => clamp(value, 0, 1)), [0, 0.5, 1]));

test("long texts are cut", () => {
  assert.equal(shorten("12345678", 8), "12345678");
  assert.equal(shorten("123456789", 8), "1234567…");
});

test("numbers in names count as numbers", () => {
  assert.deepEqual(["run 10", "run 9", "Run 1"].sort(compareNaturally), ["Run 1", "run 9", "run 10"]);
});

test("what long names have in common", () => {
  assert.equal(countSharedPrefix(["resnet50-lr-0.1", "resnet50-lr-0.2"]), 14);
  assert.equal(countSharedPrefix(["model-a", "model-b"]), 0);
  assert.equal(countSharedPrefix(["only one name is here"]), 0);
  assert.equal(countSharedPrefix(["the same name", "the same name"]), 13);
  assert.equal(countSharedPrefix([]), 0);
});
