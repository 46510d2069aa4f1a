"""The rows that a person looks for in a table: filters, words and sorting, by the process that reads data."""

import pytest
from lazuli.data import reading_process

from tests.sdk.test_reading_process import request_for  # noqa: F401 - a fixture

PLAIN = {"filters": [], "words": [], "sort": "", "is_descending": False}


@pytest.fixture
def read(request_for):  # noqa: F811
    def read_numbers(offset=0, max_rows=1000, limit=50, **view):
        filters = [dict(zip(("column", "op", "value"), one, strict=True)) for one in view.pop("filters", [])]
        reader = {"type": "read_delimited", "column_types": {"number": {"type": "long"}}}
        definition = {"kind": "tabular", "paths": [], "steps": [reader]}
        more = {"offset": offset, "max_rows": max_rows, "limit": limit, "view": {**PLAIN, **view, "filters": filters}}
        answer = reading_process.answer_request(request_for("matches", definition=definition, **more))
        result = answer["result"]
        return result["view_problem"] or ([row[0] for row in result["rows"]], result["matching"], result["searched"])

    return read_numbers


def test_filters_use_the_type_of_their_column(read):
    cases = {
        ("number", "at_least", "18"): ["18", "19"],
        ("number", "at_most", " 1.5 "): ["0", "1"],
        ("number", "is", "1e1"): ["10"],
        ("number", "contains", "9"): ["9", "19"],
        ("word", "is", "A"): [],
        ("word", "missing", ""): [None],
        ("day", "at_most", "2026-01-02"): ["0", "1"],
        ("flag", "is", "TRUE"): [str(number) for number in range(20)],
        ("flag", "is_not", "true"): [None],
        ("word", "contains", "'; DROP"): [],
    }
    for one, numbers in cases.items():
        assert read(filters=[one]) == (numbers, len(numbers), 21), one
    both = [("number", "at_least", "3"), ("number", "at_most", "6"), ("word", "is", "a")]
    assert read(filters=both)[0] == ["4", "6"]
    assert read(words=["B"], filters=[("number", "at_least", "17")])[0] == ["17", "19"]


def test_rows_are_sorted_with_missing_values_last_and_pages_do_not_overlap(read):
    assert read(sort="number", is_descending=True, limit=2)[0] == ["19", "18"]
    assert read(sort="number", is_descending=True, limit=5, offset=19)[0] == ["0", None]
    pages = [read(sort="word", limit=7, offset=start)[0] for start in (0, 7, 14)]
    assert [*pages[0], *pages[1], *pages[2]] == [
        *(str(n) for n in range(0, 20, 2)),
        *(str(n) for n in range(1, 20, 2)),
        None,
    ]


def test_only_the_first_rows_are_searched(read):
    assert read(max_rows=10, filters=[("number", "at_least", "5")]) == (["5", "6", "7", "8", "9"], 5, 10)


def test_what_is_wrong_with_a_view_is_named(read):
    assert read(sort="ages") == "There is no column 'ages'. The columns are number, word, day, flag."
    for column, value, wanted in (
        ("number", "x", "a number"),
        ("number", "nan", "a number"),
        ("flag", "1", "true or false"),
        ("day", "soon", "a time, as 2024-01-31"),
    ):
        text = f"Filter on {column}: {value!r} is not {wanted}."
        assert read(filters=[(column, "is", value)]) == text
