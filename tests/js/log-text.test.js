import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanLine, hasLineEnd, splitLines, splitMatches } from "../../static/js/pure/log-text.js";

const bytes = (text) => new TextEncoder().encode(text);
const linesOf = (text, options) => {
  const { begin, lines, rest } = splitLines(bytes(text), options);
  return { begin, lines: lines.map(([from, to]) => text.slice(from, to)), rest };
};

test("a line is what a terminal would show", () => {
  assert.equal(cleanLine("\x1b[31mred\x1b[0m"), "red");
  assert.equal(cleanLine("\x1b]0;title\x07text"), "text");
  assert.equal(cleanLine("10 %\r50 %\r100 %\r"), "100 %");
  assert.equal(cleanLine("windows\r"), "windows");
});

test("bytes are split into whole lines and a rest", () => {
  assert.deepEqual(linesOf("one\ntwo\nthr"), { begin: 0, lines: ["one", "two"], rest: 8 });
  assert.deepEqual(linesOf("\n\n"), { begin: 0, lines: ["", ""], rest: 2 });
  assert.deepEqual(linesOf("half\ntwo\n", { skipFirst: true }), { begin: 5, lines: ["two"], rest: 9 });
});

test("a chunk without any line end is one line", () => {
  assert.deepEqual(linesOf("xxxxxxxx", { maxLength: 8 }), { begin: 0, lines: ["xxxxxxxx"], rest: 8 });
  assert.deepEqual(linesOf("xxxx", { maxLength: 8 }), { begin: 0, lines: [], rest: 0 });
});

test("line ends", () => assert.deepEqual([bytes("a\n"), bytes("a")].map(hasLineEnd), [true, false]));

test("matches are every second part, in any case", () => {
  assert.deepEqual(splitMatches("Loss and loss", "loss"), ["", "Loss", " and ", "loss", ""]);
  assert.deepEqual(splitMatches("nothing", "loss"), ["nothing"]);
  assert.deepEqual(splitMatches("nothing", ""), ["nothing"]);
});
