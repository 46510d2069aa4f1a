"""The colours of runs: each run has the same colour everywhere.

The colour follows from the primary key, so that runs created one after the other, which are often viewed together,
differ; with a hash some would share a colour.
"""

# Each has a contrast of at least 3:1 on the card; runs.css has the same colours for the dots of a list.
LIGHT = ["#2764c4", "#b3400f", "#0b7d6b", "#a02c8f", "#7a6400", "#5b4bc4", "#c0264e", "#3f7d14", "#00769e", "#6b6b6b"]
DARK = ["#6ea8ff", "#ff9a5c", "#35c9ae", "#ec86dc", "#e0c34a", "#a99bff", "#ff7d9c", "#93d257", "#4fc6f0", "#b4b9c1"]
# The index of grey in both.
GREY = 9


def colour_index(run_pk: int) -> int:
    """The index of the colour of the run with this primary key."""
    return run_pk % len(LIGHT)
