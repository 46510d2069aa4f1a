"""How values are written: each way once."""

import datetime as dt
import math

import pytest

from studio import formats
from studio.markdown import strip_markdown


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "0s"), (0.25, "250 ms"), (59.6, "1m 0s"), (95, "1m 35s"), (3_600, "1h 0m"), (90_000, "1d 1h"), (None, "--")],
)
def test_durations(seconds, text):
    assert formats.format_duration(seconds) == text
    assert seconds is None or formats.format_duration(dt.timedelta(seconds=seconds)) == text


def test_words_for_what_is_not_finite_read_back():
    assert [formats.non_finite_word(value) for value in (1.0, 0, -math.inf)] == ["", "", "-Infinity"]
    for word, value in formats.NON_FINITE.items():
        assert formats.non_finite_word(value) == word


def test_moments_keep_their_milliseconds():
    moment = dt.datetime(2026, 3, 4, 6, 6, 7, 890_000, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    assert formats.utc_time(moment) == "2026-03-04T05:06:07.890000Z" and formats.utc_time(None) is None
    assert formats.from_millis(formats.to_millis(moment)) == moment


def test_texts_that_no_database_keeps_are_replaced():
    assert formats.replace_unstorable("a\0b\ud800c\x1bd\te\n") == "a\ufffdb\ufffdc\ufffdd\te\n"
    assert formats.UNSTORABLE.search("half \udfff") and not formats.UNSTORABLE.search("whole \U0001f600")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[
            (0.0273153, "0.02732"),
            (12345.678, "12,346"),
            (1234567, "1,234,567"),
            (1.5e-9, "1.5e−09"),
            (-0.5, "−0.5000"),
            (9.0, "9"),
        ],
        *[(math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "NaN"), (None, "--"), (1.5e15, "1.5e+15"), (0.5, "0.5000")],
    ],
)
def test_a_number_has_four_digits_that_count(value, text):
    assert formats.format_number(value) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        *[
            ("0.083333333333333", "0.08333"),
            ("0.01", "0.01"),
            ("30", "30"),
            ("1e-3", "0.001"),
            ("1.50", "1.5"),
            ("-2", "−2"),
        ],
        *[
            ("20240101", "20,240,101"),
            ("1234.56", "1,235"),
            ("1e-05", "1e−05"),
            ("007", "007"),
            ("nan", "nan"),
            ("1_0", "1_0"),
        ],
        *[("adam", "adam"), ("-lr", "-lr"), ("", ""), ("(16, 32)", "(16, 32)"), ("12345678901234567890", "1.235e+19")],
    ],
)
def test_a_number_that_somebody_wrote_gets_no_zeros(text, shown):
    assert formats.format_given(text) == shown


def test_points_of_a_column_stand_below_each_other():
    assert formats.format_numbers([0.5, 12.345, 7, None]) == [
        "0.5000",
        f"12.35{formats.PAD * 2}",
        f"7.000{formats.PAD}",
        "--",
    ]
    assert formats.format_numbers([1.0, 20, 3]) == ["1", "20", "3"]


def test_labels_are_short_unless_two_would_look_the_same():
    assert formats.format_labels(["0.30000000000000004", "1e-3", "adam"]) == ["0.3", "0.001", "adam"]
    same = ["0.30000000000000004", "0.3", "0.1"]
    assert formats.format_labels(same) == same


def test_differences_next_to_each_other_share_their_decimals():
    for values, texts in [
        ([0.02, 0.1234, None, 0.0], ["0.0200", "0.1234", "", "0"]),
        ([1.2 - 1.1, 11.3], ["0.10", "11.30"]),
        ([0.1, 0.0021, 0.00021], ["0.1000", "0.0021", "0.00021"]),
        ([12.345, 0.5, 7], ["12.35", "0.50", "7.00"]),
        ([1, 2, 3000.0], ["1", "2", "3,000"]),
        ([1234.5, 3.25], ["1,234", "3.2"]),
        ([2e-05, 3e-06, math.inf], ["2e−05", "3e−06", "∞"]),
    ]:
        assert formats.format_differences(values) == texts


def test_mean_and_spread_have_as_many_decimals():
    assert formats.format_spread(0.913, 0.0042) == "0.9130 ± 0.0042"
    assert formats.format_spread(1_700_000_000.25, 0.5) == "1,700,000,000.25 ± 0.50"
    assert formats.format_spread(12.0, 250.0) == "12 ± 250"


def test_a_file_spells_what_is_infinite_as_the_api_does():
    assert [formats.escape_formula(value) for value in (math.inf, -math.inf, 0.5)] == ["Infinity", "-Infinity", 0.5]


def test_a_cell_of_a_list_has_the_words_of_markdown_without_marks():
    text = "# Title\n\nSome **bold** `x_y`\n[link](http://a) ![picture](p.png)\n\n- one\n\n```\ncode\n```\n| a | b |\n|--|--|\n| 1 | 2 |"
    assert strip_markdown(text) == "Title Some bold x_y link picture one code a b 1 2"
    for plain in ("2 * 3 <b>x</b> a_b_c & d", ""):
        assert strip_markdown(plain) == plain
    assert strip_markdown("word " * 200).endswith("word…")
