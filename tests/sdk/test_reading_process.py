"""What the process that reads previews and profiles answers to a request."""

import io
import json

import pytest
from lazuli.data import reading_process

CSV = "number,word,day,flag\n" + "".join(f"{n},{'ab'[n % 2]},2026-01-{n + 1:02},true\n" for n in range(20)) + "x,,,\n"


@pytest.fixture
def request_for(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(CSV)

    def make(act: str, **fields) -> dict:
        definition = {"kind": "tabular", "paths": [], "steps": [{"type": "read_delimited"}]}
        files = [[str(path), "a.csv", False]]
        bounds = {"threads": 1, "megabytes": 256, "cpu_seconds": 60}
        return {"act": act, "definition": definition, "files": files, "infer": True, "limit": 5, **bounds, **fields}

    return make


def test_types_are_inferred_and_given_ones_stay(request_for):
    steps = reading_process.answer_request(request_for("infer"))["result"]["steps"]
    assert {name: found["type"] for name, found in steps[0]["column_types"].items()}["day"] == "datetime"
    given = {"word": {"type": "string"}, "number": {"type": "string"}}
    definition = {"kind": "tabular", "paths": [], "steps": [{"type": "read_delimited", "column_types": given}]}
    steps = reading_process.answer_request(request_for("infer", definition=definition))["result"]["steps"]
    assert steps[0]["column_types"]["number"] == {"type": "string"}


def test_rows_are_texts_with_the_types_of_their_columns(request_for):
    found = reading_process.answer_request(request_for("rows", offset=2))["result"]
    assert [name for name, _ in found["columns"]] == ["number", "word", "day", "flag"] and found["column_count"] == 4
    assert len(found["rows"]) == 5 and found["rows"][0][1] == "a"


def test_a_profile_counts_each_column(request_for):
    types = {
        "number": {"type": "long"},
        "word": {"type": "string"},
        "day": {"type": "datetime", "formats": ["%Y-%m-%d"]},
    }
    definition = {"kind": "tabular", "paths": [], "steps": [{"type": "read_delimited", "column_types": types}]}
    found = reading_process.answer_request(request_for("profile", definition=definition, limit=None))["result"]
    columns = {column["name"]: column for column in found["columns"]}
    assert (found["row_count"], columns["number"]["missing"], columns["number"]["errors"]) == (21, 1, 1)
    assert (columns["number"]["min"], columns["number"]["max"], columns["number"]["mean"]) == ("0", "19", 9.5)
    assert sum(columns["number"]["bars"]) > 0 and [value for value, _ in columns["word"]["top"]] == ["a", "b"]


def test_what_is_wrong_with_the_data_is_the_answer_and_not_a_traceback(request_for, capsys, monkeypatch):
    definition = {"kind": "tabular", "paths": [], "steps": [{"type": "read_delimited", "encoding": "utf16"}]}
    assert "a.csv" in reading_process.answer_request(request_for("rows", definition=definition))["problem"]
    monkeypatch.setattr(reading_process, "limit_process", lambda *limits: None)
    reading_process.main(io.StringIO(json.dumps(request_for("rows"))).read)
    assert json.loads(capsys.readouterr().out)["result"]["column_count"] == 4
