"""Formats of values for people, spreadsheets and the API, and checks of texts that can be stored."""

import datetime as dt
import hashlib
import json
import math
import re
import typing
from collections import Counter

from studio.numbers import float_or_none, int_or_none

# Texts for the numbers that JSON cannot represent.
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
# Characters that no database stores: NUL and unpaired surrogates.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# Those, and control characters other than white space.
UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
ISO_DURATION = re.compile(
    r"P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?", re.I | re.ASCII
)
SIZES = ["B", "KB", "MB", "GB", "TB", "PB"]


# How pages write values that are not finite, by Python's names and those of NON_FINITE.
INFINITE = {"nan": "NaN", "inf": "∞", "-inf": "−∞", "NaN": "NaN", "Infinity": "∞", "-Infinity": "−∞"}
# A space with the width of a digit, to align numbers in a column.
PAD = "\N{FIGURE SPACE}"
# What pages, as charts, show before negative numbers; files and copies have a hyphen.
MINUS = "\N{MINUS SIGN}"
LEADING_ZERO = re.compile(r"[+-]?0[0-9]")


def format_number(value) -> str:
    """Four significant digits, and all of a whole number: `0.02732`, `0.5000`, `1,234,567`, `12,346`, `1.5e−09`."""
    if value is None:
        return "--"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return INFINITE.get(str(value), str(value))
    if not math.isfinite(value):
        return INFINITE[str(value)]
    if abs(value) < 1e12 and (value == int(value) or abs(value) >= 1000):
        return _with_minus(f"{value:,.0f}")
    return _with_minus(f"{value:#.4g}" if 1e-4 <= abs(value) < 999.95 else f"{value:.4g}")


def _with_minus(text: str) -> str:
    return text.replace("-", MINUS)


def format_given(text: str) -> str:
    """A number that somebody wrote, such as a parameter: at most four significant digits, no zeros that were not written, and
    all of a whole number. Any other text stays as it is."""
    number = None if LEADING_ZERO.match(text) else float_or_none(text)
    if number is None:
        return text
    if (whole := int_or_none(text.strip())) is not None:
        return _with_minus(f"{whole:,}")
    return _with_minus(f"{number:.4g}") if abs(number) < 1000 else format_number(number)


def format_labels(texts: list[str]) -> list[str]:
    """Different texts by the rule of `format_given`; those that would look like another one stay as they are."""
    shown = [format_given(text) for text in texts]
    counts = Counter(shown)
    return [text if counts[short] > 1 else short for text, short in zip(texts, shown, strict=True)]


def format_numbers(values: list) -> list[str]:
    """A column of numbers: with the same number of significant digits, and PAD after those that have fewer decimals."""
    has_parts = any(_is_finite(value) and value != int(value) and abs(value) < 1000 for value in values)
    texts = [_with_zeros(value) if has_parts and _is_finite(value) else format_number(value) for value in values]
    decimals = [
        len(text.partition(".")[2]) for value, text in zip(values, texts, strict=True) if _is_plain(value, text)
    ]
    max_decimals = max(decimals, default=0)
    return [
        text + PAD * (max_decimals - len(text.partition(".")[2])) if _is_plain(value, text) else text
        for value, text in zip(values, texts, strict=True)
    ]


def are_numbers(texts: list[str | None]) -> bool:
    """Whether there are texts and each of them is a number."""
    present = [text for text in texts if text is not None]
    return bool(present) and all(float_or_none(text) is not None for text in present)


def count_missing_decimals(texts: list[str]) -> list[int]:
    """For numbers below each other: by how many decimals each is shorter than the longest."""
    decimals = [0 if "e" in text else len(text.partition(".")[2]) for text in texts]
    max_decimals = max(decimals, default=0)
    return [0 if "e" in text else max_decimals - count for text, count in zip(texts, decimals, strict=True)]


def _is_plain(value, text: str) -> bool:
    """A number without an exponent, whose decimals can be aligned."""
    return _is_finite(value) and "e" not in text


def _is_finite(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _with_zeros(value: float) -> str:
    """`0.5000` among numbers such as 0.4837."""
    is_short = 1e-4 <= abs(value) < 999.95 or value == 0
    return _with_minus(f"{value:#.4g}") if is_short else format_number(value)


def format_differences(values: list) -> list[str]:
    """Sizes of differences next to each other: with the decimals that the largest has with four significant digits. One that
    would have fewer than two digits has two. Empty for None."""
    sizes = [abs(value) for value in values if _is_finite(value)]
    largest, decimals = max(sizes, default=0), 0
    if 1e-4 <= largest < 1000 and any(size != int(size) for size in sizes):
        decimals = len(f"{largest:#.4g}".partition(".")[2])
    return ["" if value is None else _format_difference(value, decimals, largest) for value in values]


def _format_difference(value: float, decimals: int, largest: float) -> str:
    if not _is_finite(value) or value == 0 or largest < 1e-4 or abs(value) >= 1e12:
        return format_number(value)
    if round(abs(value) * 10**decimals) >= 10 or value == int(value):
        return _with_minus(f"{value:,.{decimals}f}")
    return _with_minus(f"{value:#.2g}")


def format_spread(mean: float, spread: float) -> str:
    """`0.9130 ± 0.0042`: two significant digits of the spread, and as many decimals for the mean."""
    if not (math.isfinite(mean) and math.isfinite(spread)) or not spread:
        return f"{format_number(mean)} ± {format_number(spread)}"
    decimals = max(0, 1 - math.floor(math.log10(spread)))
    if decimals > 8 or abs(mean) >= 1e12:
        return _with_minus(f"{mean:.4g} ± {spread:.2g}")
    return _with_minus(f"{mean:,.{decimals}f} ± {spread:,.{decimals}f}")


def format_exact(value) -> str:
    """All digits of a number, shown when one hovers over the short form."""
    if value is None:
        return "--"
    if isinstance(value, float):
        if not math.isfinite(value):
            return INFINITE[str(value)]
        return _with_minus(str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value))
    return _with_minus(str(value)) if isinstance(value, int) else str(value)


def replace_unstorable(text: str) -> str:
    """The text with every character replaced that cannot be stored or read."""
    return UNREADABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def non_finite_word(value: float) -> str:
    """A text of NON_FINITE; empty for a finite number."""
    if math.isfinite(value):
        return ""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def format_duration(value) -> str:
    """`1m 35s` from seconds or a timedelta."""
    if value is None or value == "":
        return "--"
    seconds = value.total_seconds() if isinstance(value, dt.timedelta) else float(value)
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    days, rest = divmod(max(0, round(seconds)), 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m {seconds}s" if minutes else f"{seconds}s"


def parse_iso_duration(text: str) -> int | None:
    """Seconds of an ISO 8601 duration such as PT3600S or P1DT2H; None for any other text."""
    match = ISO_DURATION.fullmatch(text)
    if not match or not any(match.groups()) or text[-1] in "Tt":
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def format_count(number: int, noun: str) -> str:
    """`1 job`, `1,234 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_names(names: list[str], number: int) -> str:
    """The first names of a number of things: `a, b, c and 1,234 more`."""
    more = number - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")


def format_bytes(value) -> str:
    """`12.4 MB`"""
    if value is None or value == "":
        return "--"
    size, unit = float(value), 0
    while size >= 1000 and unit < len(SIZES) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.0f} {SIZES[unit]}" if unit == 0 or size >= 100 else f"{size:.1f} {SIZES[unit]}"


def read_json(text: str, otherwise: typing.Any) -> typing.Any:
    """Parse a JSON text if it has the type of `otherwise`, because a tag can contain anything."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return otherwise
    return found if isinstance(found, type(otherwise)) else otherwise


def digest_json(value) -> str:
    """The sha256 of its canonical JSON, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@typing.overload
def utc_time(moment: dt.datetime) -> str: ...
@typing.overload
def utc_time(moment: None) -> None: ...
def utc_time(moment: dt.datetime | None) -> str | None:
    """A time as Azure's APIs write it: `2026-03-04T05:06:07.890000Z`."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z") if moment else None


def parse_time(text: str) -> dt.datetime:
    """The time in an ISO 8601 text, of UTC if it names no zone. ValueError also for one that is no time in UTC, before the year 1."""
    found = dt.datetime.fromisoformat(text)
    try:
        return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
    except OverflowError as error:
        raise ValueError(f"{text} is before or after all years of UTC") from error


def from_millis(millis: float) -> dt.datetime:
    """The time of a Unix timestamp in milliseconds."""
    return dt.datetime.fromtimestamp(millis / 1000, dt.UTC)


def to_millis(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)


def escape_formula(value):
    """A cell of a CSV: a text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    if isinstance(value, float) and not math.isfinite(value):
        return non_finite_word(value)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
