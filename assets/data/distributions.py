"""The values of a column in two versions of a table, as bars over the same axis; from their profiles."""

import dataclasses

from lazuli.data.profiles import BINS, format_value


@dataclasses.dataclass(frozen=True)
class Bar:
    """A value, and its height in both versions, from 0 to 100 on one scale."""

    label: str
    before: int
    after: int


@dataclasses.dataclass(frozen=True)
class ColumnDistributions:
    bars: list[Bar]
    # The share of rows that have other values, from 0 (the same distribution) to 1; an estimate.
    shift: float

    @property
    def percent(self) -> int:
        return round(100 * self.shift)


def compare_distributions(before: dict, after: dict) -> ColumnDistributions | None:
    """None for columns whose profiles cannot be compared: a number and a text, or a profile without its range."""
    if "shares" in before and "shares" in after:
        return _compare_values(before, after)
    ranges = [(column["low"], column["high"]) for column in (before, after) if column.get("low") is not None]
    if len(ranges) < 2:
        return None
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    width = high / BINS - low / BINS
    labels = [f"{format_value(low + width * n)} to {format_value(low + width * (n + 1))}" for n in range(BINS)]
    return _draw(labels, *(_spread(column, low, width) for column in (before, after)))


def _spread(column: dict, low: float, width: float) -> list[float]:
    """The share of the values in each bin of the axis; inside a bar of the profile, values count as evenly spread."""
    found, heights = [0.0] * BINS, column["bars"]
    step, total = column["high"] / len(heights) - column["low"] / len(heights), sum(heights)
    for number, height in enumerate(heights):
        start = column["low"] + step * number
        if not step or not width:
            found[min(int((start - low) / width), BINS - 1) if width else 0] += height / total
            continue
        for target in range(BINS):
            common = min(start + step, low + width * (target + 1)) - max(start, low + width * target)
            found[target] += height / total * max(common, 0.0) / step
    return found


def _compare_values(before: dict, after: dict) -> ColumnDistributions:
    """The most frequent values of both. One that only the other version has there counts as its least frequent one,
    unless all of its values are known."""
    old, new = dict(before["shares"]), dict(after["shares"])
    labels = list({**old, **new})
    known = [(old, _limit_of_others(before)), (new, _limit_of_others(after))]
    found = [[shares.get(value, limit) for value in labels] for shares, limit in known]
    rest = [max(0.0, 1 - sum(shares)) for shares in found]
    return _draw(
        [*labels, "Other or missing values"], *([*shares, one] for shares, one in zip(found, rest, strict=True))
    )


def _limit_of_others(column: dict) -> float:
    """The largest share that a value can have which is not among the most frequent ones."""
    shares = [share for _, share in column["shares"]]
    return min(shares) if shares and column["distinct"] > len(shares) else 0.0


def _draw(labels: list[str], before: list[float], after: list[float]) -> ColumnDistributions:
    largest = max([*before, *after], default=0.0) or 1.0
    pairs = zip(labels, before, after, strict=True)
    bars = [
        Bar(f"{label}: {old:.0%} → {new:.0%}", round(100 * old / largest), round(100 * new / largest))
        for label, old, new in pairs
    ]
    return ColumnDistributions(bars, sum(abs(old - new) for old, new in zip(before, after, strict=True)) / 2)
