"""How values are written: each way once."""

import datetime as dt
import math

import pytest

from studio import formats


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
