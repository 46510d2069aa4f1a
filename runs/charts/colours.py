"""The colours of runs: each run has the same colour in every list, chart and comparison, whatever the order.

The colour follows from the primary key, so that runs created one after the other, which are often viewed together,
differ; with a hash some would share a colour. Where ten runs or fewer are shown, of two with one colour the newer gets
a free one; where more are shown, only those that stand out together in a chart do. Other lines that share a colour
differ by their dashes, and points by their symbols.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

from django.db.models import OuterRef, Subquery

from runs.models import RunColour

# Each has a contrast of at least 3:1 on the card, and any two differ clearly, also to eyes that see no red or no green, and none is nearly black; runs.css has the same colours for the dots of a list.
LIGHT = ["#2764c4", "#b38e13", "#17553d", "#f64b94", "#539fa5", "#792565", "#a5745a", "#9b7ff7", "#6d5a07", "#6b6b6b"]
DARK = ["#6ea8ff", "#edeb00", "#0a8d4f", "#f1028c", "#2b8b97", "#f10102", "#ecb079", "#7058ff", "#60f9c6", "#b4b9c1"]
# The index of grey in both.
GREY = 9
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
# The keys of the runs whose lines stand out together, for each chart.
Charts = Sequence[Sequence[int]]
# Steps of the search for colours that differ; four charts of eight lines need about ten.
MAX_SWAPS = 200
SYMBOLS = dict(zip(DASHES, ["circle", "square", "diamond", "cross", "triangle-up"], strict=True))


def chosen_colour(user) -> Subquery:
    """For runs as `own_colour`: the colour that this person has given each, if any."""
    return Subquery(RunColour.objects.filter(user=user, run=OuterRef("pk")).values("colour")[:1])


def are_shared(runs: Sequence) -> bool:
    """Whether there are more runs than colours; otherwise each run has its own."""
    return len(runs) > len(LIGHT)


def assign_colours(runs: Iterable, charts: Charts = ()) -> dict[int, int]:
    """The index of the colour of each run among those that are shown. An `own_colour` is kept."""
    runs = list(runs)
    chosen = {run.pk: run.own_colour for run in runs if run.own_colour is not None}
    return pick_colours([run.pk for run in runs], chosen, charts)


def pick_colours(keys: Sequence[int], chosen: dict[int, int], charts: Charts = ()) -> dict[int, int]:
    """The usual colour of each key; of ten keys or fewer, those whose colour is taken get free ones, the newest first;
    of more, only those that stand out together in one of the charts."""
    given = dict(chosen)
    waiting = sorted(set(keys) - given.keys())
    if len(waiting) + len(given) > len(LIGHT):
        return _separate(given | {key: key % len(LIGHT) for key in waiting}, chosen, charts)
    taken = set(given.values())
    for key in waiting:
        if key % len(LIGHT) not in taken:
            given[key] = key % len(LIGHT)
            taken.add(given[key])
    for key in waiting:
        if key not in given:
            given[key] = next(index % len(LIGHT) for index in itertools.count(key) if index % len(LIGHT) not in taken)
            taken.add(given[key])
    return given


def _separate(given: dict[int, int], chosen: dict[int, int], charts: Charts) -> dict[int, int]:
    """The colours, changed where two that stand out in one chart share theirs. If many charts leave no solution, the
    first of them count."""
    while charts:
        near: dict[int, set[int]] = {}
        for chart in charts:
            for key in given.keys() & chart:
                near.setdefault(key, set()).update((given.keys() & chart) - {key})
        if found := _colour_apart(near, given, chosen):
            return given | found
        charts = charts[: len(charts) // 2]
    return given


def _colour_apart(near: dict[int, set[int]], given: dict[int, int], chosen: dict[int, int]) -> dict[int, int] | None:
    """A colour for each key that none of those near it has; nothing if the search takes too long."""
    picked: dict[int, int] = {}
    waiting = []
    for key in sorted(near, key=lambda key: (key not in chosen, key)):
        is_free = all(picked.get(other) != given[key] for other in near[key])
        if key in chosen or is_free:
            picked[key] = given[key]
        else:
            waiting.append(key)
    tried: Counter = Counter()
    for _ in range(MAX_SWAPS):
        if not waiting:
            return picked
        key = waiting.pop(0)
        # The colour that displaces the fewest others, which then look for another one.
        picked[key] = colour = _cheapest_colour(key, near[key], picked, chosen, tried, given[key])
        tried[key, colour] += 1
        displaced = [other for other in near[key] if picked.get(other) == colour and other not in chosen]
        for other in displaced:
            del picked[other]
        waiting += displaced
    return None


def _cheapest_colour(key: int, near: set[int], picked: dict, chosen: dict, tried: Counter, usual: int) -> int:
    def count_displaced(colour: int) -> int:
        others = [other for other in near if picked.get(other) == colour]
        return tried[key, colour] + sum(MAX_SWAPS if other in chosen else 1 + tried[other, colour] for other in others)

    return min(((usual + step) % len(LIGHT) for step in range(len(LIGHT))), key=count_displaced)


def assign_dashes(given: dict[int, int], charts: Charts = ()) -> dict[int, str]:
    """For keys with these colours: those of one colour get different dashes, highlighted lines first; `charts` are
    the keys of the runs whose lines stand out together in a chart."""
    taken: Counter = Counter()
    dashes = {}
    # The oldest first, so that neither a new run nor another order changes the dashes of the others.
    for key in dict.fromkeys([*sorted({key for chart in charts for key in chart} & given.keys()), *sorted(given)]):
        dashes[key] = DASHES[taken[given[key]] % len(DASHES)]
        taken[given[key]] += 1
    return dashes
