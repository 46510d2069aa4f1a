"""The colours of runs: each run has its own wherever it is shown, unless another of those shown has it already.

The colour follows from the primary key, so that runs created one after the other, which are often viewed together,
differ; with a hash some would share a colour.
"""

from collections.abc import Iterable

from django.db.models import OuterRef, Subquery

from runs.models import RunColour

# Each has a contrast of at least 3:1 on the card, and any two differ to eyes that see no red or no green; runs.css has the same colours for the dots of a list.
LIGHT = ["#2764c4", "#612713", "#209e67", "#8a006e", "#b38a24", "#0007c7", "#61273c", "#57752f", "#2887c7", "#6b6b6b"]
DARK = ["#6ea8ff", "#fa2100", "#89fac9", "#bd68a2", "#fae164", "#6469fa", "#d17380", "#70bd68", "#64cffa", "#b4b9c1"]
# The index of grey in both.
GREY = 9


def colour_index(run_pk: int) -> int:
    """The index of the colour of the run with this primary key."""
    return run_pk % len(LIGHT)


def chosen_colour(user) -> Subquery:
    """For runs as `own_colour`: the colour that this person has given each, if any."""
    return Subquery(RunColour.objects.filter(user=user, run=OuterRef("pk")).values("colour")[:1])


def assign_colours(runs: Iterable) -> dict[int, int]:
    """The index of the colour of each run among those that are shown: of ten in a row all differ, but for those with an
    `own_colour`."""
    runs = list(runs)
    given = {run.pk: run.own_colour for run in runs if run.own_colour is not None}
    taken = set(given.values())
    for run in runs:
        if run.pk in given:
            continue
        if len(taken) == len(LIGHT):
            taken = set()
        index = colour_index(run.pk)
        while index in taken:
            index = (index + 1) % len(LIGHT)
        taken.add(index)
        given[run.pk] = index
    return given
