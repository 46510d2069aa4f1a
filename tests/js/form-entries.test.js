import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseStep, describeForm, selectEntries } from "../../static/js/pure/form-entries.js";

const field = (name, value, type = "text", more = {}) => ({ name, value, type, ...more });

test("secrets, files and what the page sets itself are not stored", () => {
  const fields = [
    field("title", "Digits"), field("text", "two\nlines", "textarea"), field("password", "x", "password"), field("code", "1", "text", { autocomplete: "one-time-code" }),
    field("next", "x", "text", { autocomplete: "new-password" }), field("csrfmiddlewaretoken", "x", "hidden"), field("data", "C:\\a.csv", "file"),
    field("save", "1", "submit"), field("", "x"),
  ];
  const sent = fields.map(({ name, value }) => [name, value]);
  assert.deepEqual(selectEntries(sent, fields), [["title", "Digits"], ["text", "two\nlines"]]);
});

test("forms of one address differ by their hidden fields, not by keys that are new each time", () => {
  const describe = (what, key) => describeForm("/edit/", [field("field", what, "hidden"), field("form_key", key, "hidden"), field("value", key)]);
  assert.equal(describe("tags", "1"), describe("tags", "2"));
  assert.notEqual(describe("tags", "1"), describe("name", "1"));
});

test("entries are put back after a sign-in, for the same person on the same page", () => {
  const stored = { person: "7", page: "/edit/?a=1", isInterrupted: true }, here = { person: "7", page: "/edit/?a=1", keepsEntries: false };
  assert.equal(chooseStep(stored, here), "restore");
  assert.equal(chooseStep(stored, { ...here, person: "8" }), "remove");
  assert.equal(chooseStep(stored, { ...here, page: "/second-factor/" }), "keep");
  assert.equal(chooseStep({ ...stored, isInterrupted: undefined }, here), "remove");
  assert.equal(chooseStep(stored, { person: "", page: "/signin/", keepsEntries: true }), "keep");
});
