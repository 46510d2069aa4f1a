"""Counts of the requests to a service by status, and their latencies in buckets."""

import collections
import math

# The first bucket ends at half a millisecond, each further one 19 % later; the last takes what is longer.
FIRST_SECONDS, STEPS_PER_DOUBLING, BUCKETS = 0.0005, 4, 76


def bucket_of(seconds: float) -> int:
    if seconds <= FIRST_SECONDS:
        return 0
    return min(math.ceil(math.log2(seconds / FIRST_SECONDS) * STEPS_PER_DOUBLING), BUCKETS - 1)


def end_of(bucket: int) -> float:
    """The upper limit of a bucket, in seconds."""
    return FIRST_SECONDS * 2 ** (bucket / STEPS_PER_DOUBLING)


class RequestMeter:
    def __init__(self) -> None:
        self.statuses: collections.Counter[int] = collections.Counter()
        self.buckets: collections.Counter[int] = collections.Counter()

    def record(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.buckets[bucket_of(seconds)] += 1

    def read(self) -> tuple[dict[int, int], dict[int, int]]:
        """Counts by status and by bucket, which stay until they are reported."""
        return dict(self.statuses), dict(self.buckets)

    def subtract(self, statuses: dict[int, int], buckets: dict[int, int]) -> None:
        """Remove counts that were reported."""
        for counter, counts in ((self.statuses, statuses), (self.buckets, buckets)):
            counter.subtract(counts)
            for key in [key for key, count in counter.items() if count <= 0]:
                del counter[key]
