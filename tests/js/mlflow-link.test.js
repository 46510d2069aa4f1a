import assert from "node:assert/strict";
import { test } from "node:test";
import { openQuery } from "../../static/js/pure/mlflow-link.js";

const RUN = "/experiments/7af2c07e-fb75-48bb-b8f6-65266bed2c62/runs/c5aebe25f14f45279ffae3d93b7fceed";

test("a printed link is sent on to the server", () => {
  assert.equal(openQuery(`#${RUN}`), `?open=${encodeURIComponent(RUN)}`);
  assert.equal(openQuery(`#${RUN}/artifacts/a b?x=1`), `?open=${encodeURIComponent(`${RUN}/artifacts/a b`)}`);
  assert.equal(openQuery("#/experiments/0"), "?open=%2Fexperiments%2F0");
  assert.equal(openQuery("#/experiments/0/models/m-1f?tab=x"), "?open=%2Fexperiments%2F0%2Fmodels%2Fm-1f");
  assert.equal(openQuery("#/models/my%20model/versions/3"), "?open=%2Fmodels%2Fmy%20model%2Fversions%2F3");
});

test("all else opens the workspace", () => {
  const others = ["", "#", "#main", "#/", "#//evil.example/x", "#/experiments/", "#https://evil.example", "#javascript:alert(1)"];
  for (const fragment of [...others, "#/models/a/versions/x", "#/models//versions/1", "#%", `#${RUN}/${"x".repeat(3000)}`]) {
    assert.equal(openQuery(fragment), "?open=", fragment);
  }
});
