"""What the process that reads previews and profiles answers to a request."""

import bisect
import io
import json
import math

import pytest
from lazuli.data import profiles, reading_process

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


def test_a_profile_of_all_rows_is_that_of_a_sample_with_as_many(request_for, tmp_path):
    rows = ["1, 2.5 ,true,2020-01-01,x"] * 20 + [
        "+7,1e3,TRUE, 2020-01-02 ,y",
        " 12 ,,, ,",
        "007,inf,false,2020-01-03,y",
    ]
    rows += ["1.7,abc,maybe,hello," + "z" * 400]
    (tmp_path / "a.csv").write_text("long,float,flag,day,value\n" + "\n".join(rows) + "\n")
    kinds = {"long": "long", "float": "float", "flag": "bool", "day": "datetime"}
    types = {name: {"type": kind} for name, kind in kinds.items()}
    reader = {"type": "read_delimited", "column_types": types, "include_path": True}
    rename = {"type": "rename_columns", "names": {"day": "date"}}
    keep = {"type": "filter", "expression": {"op": "ne", "of": [{"column": "value"}, {"value": "q"}]}}
    for steps in ([], [rename, keep], [{"type": "take", "count": 20}]):
        definition = {"kind": "tabular", "paths": [], "steps": [reader, *steps]}
        all_rows, sample = (
            reading_process.answer_request(request_for("profile", definition=definition, limit=limit))["result"]
            for limit in (None, 1000)
        )
        assert all_rows == sample
        if steps != [] and steps[0] == rename:
            columns = {column["name"]: column for column in all_rows["columns"]}
            misfits = [column["errors"] for column in columns.values()]
            # A missing word does not pass the filter; an infinite value is not in the moments.
            assert misfits == [1, 1, 1, 1, None, None] and columns["long"]["max"] == "7"
            assert columns["value"]["top"][0] == ("x", 20) and columns["value"]["top"][2] == ("z" * 300, 1)
            assert columns["date"]["max"] == "2020-01-03 00:00:00" and columns["float"]["high"] == 1000.0


def test_columns_of_many_different_values_have_an_estimate_of_the_most_frequent_ones(request_for, tmp_path):
    words = [f"word {number}" for number in range(30_000)] + ["often"] * 5_000
    (tmp_path / "a.csv").write_text("word\n" + "\n".join(words) + "\n")
    found = reading_process.answer_request(request_for("profile", limit=None))["result"]["columns"][0]
    assert found["top"][0] == ("often", 5_000) and found["bars"][0] == 100


def test_moments_are_exact_and_quantiles_come_from_picked_rows_if_there_are_many(request_for, tmp_path, monkeypatch):
    monkeypatch.setattr(profiles, "MIN_PICKED", 4_000)
    monkeypatch.setattr(profiles, "MAX_PICKED", 4_000)
    count, shuffled = 20_000, [(7_919 * number) % 20_000 for number in range(20_000)]
    columns = {
        "plain": shuffled,
        "far": [1e9 + number / 1e5 for number in shuffled],
        "skewed": [number**4 / 1e12 for number in shuffled[:-1]] + [1e12],
        "constant": [0.1] * count,
    }
    lines = [
        ",".join([*columns, "word"]),
        *(
            f"{','.join(map(repr, row))},{row[0] if row[0] % 4 else 'often'}"
            for row in zip(*columns.values(), strict=True)
        ),
    ]
    (tmp_path / "a.csv").write_text("\n".join([*lines, "inf,,,,often", ",inf,nan,,often"]) + "\n")
    found = reading_process.answer_request(request_for("profile", limit=None))["result"]["columns"]
    for column, (name, values) in zip(found, columns.items(), strict=False):
        mean = math.fsum(values) / count
        powers = [math.fsum((value - mean) ** power for value in values) / count for power in (2, 3, 4)]
        assert column["mean"] == pytest.approx(mean, rel=1e-12), name
        assert column["variance"] == pytest.approx(powers[0] * count / (count - 1), rel=1e-9, abs=1e-12), name
        if name == "constant":
            assert column["skewness"] is column["kurtosis"] is None and column["quantiles"] == [0.1] * 9
            continue
        skewness = powers[1] / powers[0] ** 1.5 * math.sqrt(count * (count - 1)) / (count - 2)
        excess = (count + 1) * powers[2] / powers[0] ** 2 - 3 * (count - 1)
        kurtosis = excess * (count - 1) / ((count - 2) * (count - 3))
        assert column["skewness"] == pytest.approx(skewness, rel=1e-9, abs=1e-5), name
        assert column["kurtosis"] == pytest.approx(kurtosis, rel=1e-9), name
        ordered = sorted(values)
        for point, value in zip(profiles.QUANTILES, column["quantiles"], strict=True):
            assert abs(bisect.bisect(ordered, value) / count - point) < 0.04, (name, point)
    assert found[4]["top"][0] == ("often", 5_002)


def test_what_is_wrong_with_the_data_is_the_answer_and_not_a_traceback(request_for, capsys, monkeypatch):
    definition = {"kind": "tabular", "paths": [], "steps": [{"type": "read_delimited", "encoding": "utf16"}]}
    assert "a.csv" in reading_process.answer_request(request_for("rows", definition=definition))["problem"]
    monkeypatch.setattr(reading_process, "limit_process", lambda *limits: None)
    reading_process.main(io.StringIO(json.dumps(request_for("rows"))).read)
    assert json.loads(capsys.readouterr().out)["result"]["column_count"] == 4
