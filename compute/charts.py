"""Charts of a cluster, computed from plain data."""

import dataclasses

# The states in the order of the legend (static/css/compute.css has their colours).
STATES = ["running", "idle", "preparing", "leaving", "unusable", "preempted"]


@dataclasses.dataclass(frozen=True)
class Slice:
    state: str
    count: int
    # Share and start, in hundredths of the ring.
    share: float
    start: float


def node_donut(counts: dict[str, int]) -> dict:
    """A ring with one slice per node state: {"total", "slices"}; it includes all states, for the legend."""
    total, start, slices = sum(counts.values()), 0.0, []
    for state in STATES:
        share = round(100 * counts.get(state, 0) / total, 3) if total else 0.0
        slices.append(Slice(state, counts.get(state, 0), share, round(start, 3)))
        start += share
    return {"total": total, "slices": slices}
