import assert from "node:assert/strict";
import { test } from "node:test";
import { formatNumber } from "../../static/js/pure/numbers.js";

test("numbers are written as by the server", () => {
  assert.deepEqual([0, 0.123456, 123456, 0.00013, 0.000013, -20, 6.022e23, 12345.678].map(formatNumber), ["0", "0.1235", "123,456", "0.00013", "1.3e−05", "−20", "6.022e+23", "12,346"]);
});
