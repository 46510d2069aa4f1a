"""What a comparison computes, on plain data."""

import numpy as np
import pytest
from django.http import QueryDict

from runs.charts import mean_curves
from runs.pages.compare import diffs, images_tab, logs_tab, word_diff
from runs.pages.compare.matching import StepBudget
from runs.pages.compare.query import CompareQuery


def parse_query(query: str) -> CompareQuery:
    return CompareQuery.parse(QueryDict(query))


@pytest.mark.parametrize(
    "query",
    [
        "runs=a,b",
        "runs=a,b&tab=metrics&base=b&last=x&min=y,z&min=w",
        "runs=a,b&hide=a&tab=charts&show=a%26b&show=c%3Dd",
    ],
)
def test_an_address_says_itself(query):
    read = parse_query(query)
    assert not read.has_defaults and parse_query(read.urlencode()) == read


def test_runs_may_stand_for_themselves_or_with_commas():
    assert parse_query("runs=a&runs=b,c,a")["runs"] == ("a", "b", "c")


def test_only_what_is_unusual_stands_in_an_address():
    read = parse_query("runs=a,b&tab=details&q=&value=last&page=1")
    assert read.has_defaults and read.urlencode() == "runs=a,b"


@pytest.mark.parametrize(
    ("before", "press", "after"),
    [
        ("", "add:c", "runs=a,b,c"),
        ("", "sort:loss", "runs=a,b&sort=loss"),
        ("sort=loss", "sort:loss", "runs=a,b&sort=-loss"),
        ("sort=-loss", "sort:loss", "runs=a,b"),
        ("", "min:loss", "runs=a,b&min=loss"),
        ("min=loss", "last:loss", "runs=a,b"),
        ("value=min", "last:loss", "runs=a,b&value=min&last=loss"),
        ("min=loss", "value:max", "runs=a,b&value=max"),
        ("down=f1", "direction:up:f1", "runs=a,b&up=f1"),
        ("", "swap:b", "runs=a,b&base=b&with=a"),
        ("", "sides:a,b", "runs=a,b&side=a,b"),
        ("", "sides:a,b,b", "runs=a,b&side=a"),
        ("page=3", "base:b", "runs=a,b&base=b"),
        ("", "page:2", "runs=a,b&page=2"),
        ("full=1", "full:", "runs=a,b"),
    ],
)
def test_buttons(before, press, after):
    assert parse_query(f"runs=a,b&{before}&set={press}").urlencode() == after


def test_mean_and_interval_of_three_curves():
    x = np.array([0, 1])
    positions, mean, error, _ = mean_curves.mean_of_curves(
        [(x, np.array([value, value + 1.0])) for value in (1.0, 2.0, 3.0)]
    )
    assert positions.tolist() == [0, 1] and mean.tolist() == [2, 3]
    # One standard deviation is 1 here.
    assert error == pytest.approx(4.30 / np.sqrt(3))


def test_a_mean_counts_only_curves_that_reach_so_far():
    _, mean, error, counts = mean_curves.mean_of_curves(
        [(np.array([0, 1]), np.array([1.0, 1.0])), (np.array([0]), np.array([3.0]))]
    )
    assert mean.tolist() == [2, 1] and error[1] == 0
    assert mean_curves.describe_counts(counts, 2) == ["2 of 2 jobs", "1 of 2 jobs"]


def test_a_mean_ends_where_fewer_than_half_of_the_curves_remain():
    short = [(np.arange(3), np.full(3, 1.0))] * 3
    positions, mean, *_ = mean_curves.mean_of_curves([*short, (np.arange(9), np.full(9, 9.0))])
    assert positions.tolist() == [0, 1, 2] and mean.tolist() == [3, 3, 3]


def test_long_curves_are_averaged_into_bins():
    steps = np.arange(10_000)
    positions, mean, error, _ = mean_curves.mean_of_curves(
        [(steps, np.tile([0.0, 2.0], 5000)), (steps, np.tile([2.0, 4.0], 5000))]
    )
    assert len(positions) == mean_curves.MAX_POINTS and mean == pytest.approx(np.full(200, 2.0))
    # The curves lie 2 apart everywhere: a deviation of the square root of 2, of two.
    assert error == pytest.approx(np.full(200, 12.71))


def test_intervals_of_many_curves_near_the_normal_distribution():
    assert mean_curves._student_t(np.array([20, 21, 30, 49])) == pytest.approx([2.086, 2.080, 2.042, 2.010], abs=0.005)


def test_a_missing_number_is_a_gap():
    _, mean, *_ = mean_curves.mean_of_curves([(np.array([0, 1, 2]), np.array([1.0, np.nan, 3.0]))])
    assert mean.tolist() == [1, 3]
    assert len(mean_curves.mean_of_curves([(np.array([0]), np.array([np.nan]))])[0]) == 0


def test_times_of_logs_do_not_count():
    marked = logs_tab.mark_new_lines(["2026-01-01 10:00:00 a", "b"], ["2026-01-02 11:11:11.5 a", "new", "b"])
    assert [new for _, new in marked] == [False, True, False]


def test_steps_are_thinned_evenly():
    steps = images_tab.thin_steps(list(range(1000)))
    assert (len(steps), steps[0], steps[-1]) == (images_tab.MAX_STEPS, 0, 999)


OLD = "".join(f"line {number}\n" for number in range(30))
NEW = OLD.replace("line 15\n", "line <15>\nadded\n")


def test_a_diff_folds_what_is_equal():
    drawn = diffs.build_split(OLD, NEW, "x.txt")
    assert [row.kind for row in drawn["rows"]] == ["gap", *["equal"] * 3, "change", "insert", *["equal"] * 3, "gap"]
    assert [row.skipped for row in drawn["rows"] if row.kind == "gap"] == [12, 11]
    assert (drawn["added"], drawn["removed"]) == (2, 1)


def test_a_diff_may_show_the_whole_file():
    drawn = diffs.build_split(OLD, NEW, "x.txt", whole=True)
    assert len(drawn["rows"]) == 31 and not drawn["has_gaps"]


def test_a_unified_diff_has_old_above_new():
    rows = diffs.build_unified(OLD, NEW, "x.txt")["rows"]
    assert [row.kind for row in rows if row.kind in ("delete", "insert")] == ["delete", "insert", "insert"]
    assert [row.left.number for row in rows if row.kind == "delete"] == [16]


@pytest.mark.parametrize("path", ["a.py", "a.txt", "a.unknown"])
def test_lines_of_a_diff_are_escaped(path):
    drawn = diffs.build_split("", 'x = \'<b>\'\n"""two\nlines"""\n', path)
    html = "".join(str(row.right.html) for row in drawn["rows"])
    assert len(drawn["rows"]) == 3 and "<b>" not in html and "&lt;b&gt;" in html


def test_equal_files_are_shown_whole():
    drawn = diffs.build_split(OLD, OLD, "x.txt")
    assert drawn["is_same"] and len(drawn["rows"]) == 30


def test_words_that_differ_are_marked_between_the_colours():
    [row] = diffs.build_split("rate = 0.01  # <low>\n", "rate = 0.02  # <low>\n", "a.py")["rows"]
    assert "<mark>01</mark>" in row.left.html and "<mark>02</mark>" in row.right.html
    assert "&lt;low&gt;" in row.left.html and row.left.html.count("<mark>") == 1
    below = diffs.build_unified("rate = 0.01\n", "rate = 0.02\n", "a.py")["rows"]
    assert ["<mark>" in str(row.left.html) + str(row.right.html) for row in below] == [True, True]


@pytest.mark.parametrize(("old", "new"), [("alpha", "omega"), ("x" * 1001, "x" * 1001 + "y")])
def test_lines_without_much_in_common_and_very_long_ones_are_marked_as_a_whole(old, new):
    assert word_diff.mark_differences(old, new, old, new, StepBudget()) == (old, new)


def test_each_difference_begins_once():
    rows = diffs.build_split(OLD, NEW.replace("line 3\n", ""), "x.txt")
    assert rows["differences"] == 2 == sum(row.is_first for row in rows["rows"])
