"""The colours of runs: each run has the same colour in every list, chart and comparison, whatever the order.

The colour follows from the primary key, so that runs created one after the other, which are often viewed together,
differ; with a hash some would share a colour. Only where ten runs or fewer are shown, of two with one colour the newer
gets a free one. Lines that share a colour differ by their dashes, and points by their symbols.
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
SYMBOLS = dict(zip(DASHES, ["circle", "square", "diamond", "cross", "triangle-up"], strict=True))


def chosen_colour(user) -> Subquery:
    """For runs as `own_colour`: the colour that this person has given each, if any."""
    return Subquery(RunColour.objects.filter(user=user, run=OuterRef("pk")).values("colour")[:1])


def are_shared(runs: Sequence) -> bool:
    """Whether there are more runs than colours; otherwise each run has its own."""
    return len(runs) > len(LIGHT)


def assign_colours(runs: Iterable) -> dict[int, int]:
    """The index of the colour of each run among those that are shown. An `own_colour` is kept."""
    runs = list(runs)
    return pick_colours(
        [run.pk for run in runs], {run.pk: run.own_colour for run in runs if run.own_colour is not None}
    )


def pick_colours(keys: Sequence[int], chosen: dict[int, int]) -> dict[int, int]:
    """The usual colour of each key; of ten keys or fewer, those whose colour is taken get free ones, the newest first."""
    given = dict(chosen)
    waiting = sorted(set(keys) - given.keys())
    if len(waiting) + len(given) > len(LIGHT):
        return given | {key: key % len(LIGHT) for key in waiting}
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


def assign_dashes(given: dict[int, int], charts: Sequence[Sequence[int]] = ()) -> dict[int, str]:
    """For keys with these colours: those of one colour get different dashes, highlighted lines first; `charts` are
    the keys of the runs whose lines stand out together in a chart."""
    taken: Counter = Counter()
    dashes = {}
    # The oldest first, so that neither a new run nor another order changes the dashes of the others.
    for key in dict.fromkeys([*sorted({key for chart in charts for key in chart} & given.keys()), *sorted(given)]):
        dashes[key] = DASHES[taken[given[key]] % len(DASHES)]
        taken[given[key]] += 1
    return dashes
