"""Rows of the catalogue about environments and conda files."""

import json

import pytest

from tests.bad_inputs.apis import WORKSPACE_PATH, error_text

ALIASES = "a: &a [x]\nb: &b [*a,*a,*a]\ndependencies: []\n"
CONDA = [
    ("E02", ALIASES, "anchors"),
    ("E02", "[" * 50_000, "levels"),
    ("E02", "- " * 50_000, "levels"),
    ("E02", "x" * 300_000, "256 KB"),
    ("E03", "dependencies: !!python/object/apply:os.system ['true']", "python/object"),
    ("E04", "dependencies: [a]\ndependencies: [b]", "twice"),
    ("E05", "dependencies: numpy", "list"),
    ("E05", "dependencies: {a: b}", "list"),
    ("E06", "dependencies: [{pip: numpy}]", "requirements"),
    ("E06", "dependencies: [{pip: [[a]]}]", "requirements"),
    ("E14", "dependencies: [1.5]", "text"),
    ("E47", 'name: "\\0"', "NUL"),
    ("E02", "x: 2024-01-01", "JSON"),
    ("E02", "x: .inf", "JSON"),
    ("E02", "x: " + "9" * 5000, "limit"),
    ("E48", "numpy", "object"),
]


@pytest.mark.parametrize(("row", "text", "word"), CONDA, ids=[f"{row[0]} {row[1][:12]!r}" for row in CONDA])
def test_an_invalid_conda_file_is_refused(world, row, text, word):
    body = json.dumps({"properties": {"condaFile": text}})
    answer = world.put(f"{WORKSPACE_PATH}/environments/fresh/versions/1", body, "application/json")
    assert answer.status_code == 400 and word in error_text(answer), error_text(answer)
    assert answer.json()["error"]["target"].startswith("condaFile")
