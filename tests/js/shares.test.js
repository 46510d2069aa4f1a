import assert from "node:assert/strict";
import { test } from "node:test";
import { balanceShares } from "../../static/js/pure/shares.js";

test("shares always add up to 100", () => {
  const shares = { blue: 60, green: 30, red: 10 };
  for (const [changed, value, expected] of [
    ["green", 40, { blue: 50, green: 40, red: 10 }],
    ["green", 95, { blue: 0, green: 95, red: 5 }],
    ["red", 0, { blue: 70, green: 30, red: 0 }],
    ["blue", 0, { blue: 0, green: 90, red: 10 }],
    ["blue", 100, { blue: 100, green: 0, red: 0 }],
    ["blue", 75, { blue: 75, green: 15, red: 10 }],
  ]) {
    assert.deepEqual(balanceShares(shares, changed, value, "blue"), expected);
  }
  assert.deepEqual(balanceShares({ only: 100 }, "only", 20, "only"), { only: 100 });
});
