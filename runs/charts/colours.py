"""The colours of runs: each keeps its own wherever it is shown, so that a person finds it again.

A run's colour follows from its row: runs that were made one after the other, which are those that are looked at together,
differ, where a hash would let some of them coincide.
"""

# Each has a contrast of 3:1 or more on the card it is drawn on; runs.css has the same for the dots of a list.
LIGHT = ["#2764c4", "#b3400f", "#0b7d6b", "#a02c8f", "#7a6400", "#5b4bc4", "#c0264e", "#3f7d14", "#00769e", "#6b6b6b"]
DARK = ["#6ea8ff", "#ff9a5c", "#35c9ae", "#ec86dc", "#e0c34a", "#a99bff", "#ff7d9c", "#93d257", "#4fc6f0", "#b4b9c1"]
# The place of grey in both.
GREY = 9


def colour_index(run_pk: int) -> int:
    """Which of the colours the run with this primary key has."""
    return run_pk % len(LIGHT)
