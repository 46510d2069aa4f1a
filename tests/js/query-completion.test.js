import assert from "node:assert/strict";
import { test } from "node:test";
import { completeQuery, parseQuery, spellOffer } from "../../static/js/pure/query-completion.js";

const NAMES = {
  metrics: ["loss", "val loss"], params: ["model", "lr"], tags: ["team"], attributes: ["status", "created"],
  values: { "params.model": ["svm", "it's"], status: ["Completed", "Failed"] },
};
const complete = (text) => completeQuery(text, NAMES);

test("an empty query offers keys", () => {
  assert.deepEqual(complete(""), ["metrics.loss", "metrics.`val loss`", "params.model", "params.lr", "tags.team", "status", "created", "not"]);
});

test("what begins as it is typed comes first", () => {
  assert.deepEqual(complete("st"), ["status"]);
  assert.deepEqual(complete("m"), ["metrics.loss", "metrics.`val loss`", "params.model", "params.lr", "tags.team"]);
  assert.deepEqual(complete("VAL"), ["metrics.`val loss`"]);
  assert.deepEqual(complete("metrics.val"), ["metrics.`val loss`"]);
});

test("what is complete is not offered again", () => assert.ok(!complete("status").includes("status")));

for (const [text, offered] of [
  ["metrics.loss ", ["=", "!=", ">", ">=", "<", "<=", "~", "!~", "in (", "like", "is null", "is not null"]],
  ["params.model = ", ["'svm'", "'it''s'"]],
  ["params.model not like ", ["'svm'", "'it''s'"]],
  ["Status = ", ["'Completed'", "'Failed'"]],
  ["params.model is ", ["null", "not null"]],
  ["params.model is not ", ["null"]],
  ["params.model not ", ["in (", "like", "ilike"]],
  ["params.model in (", ["'svm'", "'it''s'"]],
  ["params.model in ('svm', ", ["'svm'", "'it''s'"]],
  ["params.model in ('svm' ", [",", ")"]],
  ["params.model not in (", ["'svm'", "'it''s'"]],
  ["params.model in ('svm') ", ["and", "or"]],
  ["metrics.loss < 1 ", ["and", "or"]],
  ["metrics.loss < 1 and not (st", ["status"]],
  ["not ", ["metrics.loss", "metrics.`val loss`", "params.model", "params.lr", "tags.team", "status", "created"]],
  ["params.lr = ", []],
]) test(`after ${JSON.stringify(text)}`, () => assert.deepEqual(complete(text), offered));

test("a list of offers is short", () => {
  const metrics = Array.from({ length: 50 }, (_, index) => `m${index}`);
  assert.equal(completeQuery("", { ...NAMES, metrics }).length, 12);
});

test("the piece before the caret is what an offer replaces", () => {
  assert.deepEqual(parseQuery("a = 'b c"), { start: 4, typed: "'b c", before: ["a", "="] });
  assert.deepEqual(parseQuery("a in ("), { start: 6, typed: "", before: ["a", "in", "("] });
  assert.deepEqual(parseQuery(""), { start: 0, typed: "", before: [] });
});

test("a space follows an offer, but not a bracket", () => assert.deepEqual(["and", "in ("].map(spellOffer), ["and ", "in ("]));
