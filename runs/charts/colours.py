"""The colours of runs: each run has the same colour everywhere, unless another shown run has it already.

The colour follows from the primary key, so that runs created one after the other, which are often viewed together,
differ; with a hash some would share a colour. A run gets another one only if two highlighted lines of a chart would
share it. Lines that share a colour all the same differ by their dashes, and points by their symbols.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from django.db.models import OuterRef, Subquery

from runs.models import RunColour

# Each has a contrast of at least 3:1 on the card, and any two differ to eyes that see no red or no green; runs.css has the same colours for the dots of a list.
LIGHT = ["#2764c4", "#612713", "#209e67", "#8a006e", "#b38a24", "#0007c7", "#61273c", "#57752f", "#2887c7", "#6b6b6b"]
DARK = ["#6ea8ff", "#fa2100", "#89fac9", "#bd68a2", "#fae164", "#6469fa", "#d17380", "#70bd68", "#64cffa", "#b4b9c1"]
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


def assign_colours(runs: Iterable, charts: Sequence[Sequence[int]] = ()) -> dict[int, int]:
    """The index of the colour of each run among those that are shown; `charts` are the keys of the runs whose lines stand
    out together in a chart. An `own_colour` is kept."""
    runs = list(runs)
    chosen = {run.pk: run.own_colour for run in runs if run.own_colour is not None}
    return spread_colours([run.pk for run in runs], charts, chosen)


def spread_colours(keys: Sequence[int], charts: Sequence[Sequence[int]], chosen: dict[int, int]) -> dict[int, int]:
    """Highlighted lines of a chart get different colours; of the rest, ten in a row do."""
    given = dict(chosen)
    # The oldest first, so that a new order among the best changes no colour.
    waiting = [key for key in dict.fromkeys(key for chart in charts for key in sorted(chart)) if key not in given]
    while waiting:
        used = {key: _count_around(key, charts, given) for key in waiting}
        # The one with the fewest colours left, or there may be none once it is reached.
        key = max(waiting, key=lambda key: len(used[key]))
        given[key] = _pick_colour(key, used[key])
        waiting.remove(key)
    taken = set(given.values())
    for key in keys:
        if key not in given:
            if len(taken) == len(LIGHT):
                taken = set()
            given[key] = _pick_colour(key, Counter(taken))
            taken.add(given[key])
    return given


def assign_dashes(given: dict[int, int], charts: Sequence[Sequence[int]] = ()) -> dict[int, str]:
    """For keys with these colours: those of one colour get different dashes, highlighted lines before the others."""
    taken: Counter = Counter()
    dashes = {}
    # The oldest first, so that neither a new run nor another order changes the dashes of the others.
    for key in dict.fromkeys([*sorted({key for chart in charts for key in chart} & given.keys()), *sorted(given)]):
        dashes[key] = DASHES[taken[given[key]] % len(DASHES)]
        taken[given[key]] += 1
    return dashes


def _count_around(key: int, charts: Sequence[Sequence[int]], given: dict[int, int]) -> Counter:
    """How often each colour is used by runs that are highlighted in the same charts."""
    return Counter(given[one] for chart in charts if key in chart for one in chart if one in given)


def _pick_colour(key: int, used: Counter) -> int:
    """The key's own colour or the next one after it, of those that are used least."""
    return min(range(len(LIGHT)), key=lambda index: (used[index], (index - key) % len(LIGHT)))
