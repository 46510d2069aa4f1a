import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes } from "../../static/js/pure/sizes.js";

test("sizes have three digits", () => {
  assert.deepEqual([0, 8, 999, 1000, 13000000, 150 * 1024, 5e16].map(formatBytes), ["0 B", "8 B", "999 B", "1.0 KB", "12.4 MB", "150 KB", "44.4 PB"]);
});
