import assert from "node:assert/strict";
import { test } from "node:test";
import { findRetryWait } from "../../static/js/pure/backoff.js";

test("tries come later each time, up to half a minute", () => {
  assert.deepEqual([1, 2, 3, 5, 6, 7, 2000].map((misses) => findRetryWait(misses, 0.5)), [1000, 2000, 4000, 16000, 30000, 30000, 30000]);
});

test("tries of several pages are spread", () => {
  assert.deepEqual([0, 1].map((chance) => findRetryWait(3, chance)), [3000, 5000]);
  assert.ok(findRetryWait(1) >= 750 && findRetryWait(1) <= 1250);
});
