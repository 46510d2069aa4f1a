"""Stores measurements of agents, and reads them for charts: every 5 s for two hours, a minute for 7 days, 15 minutes
for 30.

A row holds half a minute of samples at first, later an hour or a day, so that a machine never has more than a few hundred.
"""

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from compute.models import Assignment, Host, Samples, Work

MACHINE = ["cpu", "memory", "disk", "read", "written", "received", "sent", *(GPU := ["gpu", "gpuMemory"])]
MACHINE += ["gpuPower", "gpuTemperature"]
WORK = ["cpu", "memory", *GPU, "terminals"]
# A host counts as watched for this long after the last poll of a chart.
WATCHED = dt.timedelta(seconds=30)
# How long agents store samples while the studio is unreachable.
LATE = dt.timedelta(hours=1)
# The last row of a machine began within this time before its last sample.
LAST_ROW = dt.timedelta(minutes=1)
# Work counts as active with more than this share of a core, over this time; agents send samples each half minute.
ACTIVE_CORES, ACTIVE_WITHIN = 0.05, dt.timedelta(minutes=1)
# Rows of all machines and work together; beyond this number the oldest are deleted.
MAX_ROWS = 200_000


@dataclasses.dataclass(frozen=True)
class SampleMerge:
    """Samples of `seconds` that are older than `age` become one row for each `span`, `coarser` seconds apart."""

    seconds: int
    age: dt.timedelta
    span: dt.timedelta
    coarser: int

    def are_of_one_row(self, first: Samples, other: Samples) -> bool:
        """Whether samples are in the same row."""
        same = (first.host_id, first.work_id, first.node_id) == (other.host_id, other.work_id, other.node_id)
        return same and _floor(first.begins_at, self.span) == _floor(other.begins_at, self.span)


STEPS = [
    SampleMerge(5, dt.timedelta(hours=2), dt.timedelta(hours=1), 60),
    SampleMerge(60, dt.timedelta(days=7), dt.timedelta(days=1), 900),
]
KEPT = dt.timedelta(days=30)


def store_samples(host: Host, samples: list[dict[str, Any]], now: dt.datetime) -> None:
    """`samples` as the agent sends them, in the order of time: a row for the machine, and one for each unit of work."""
    if not samples:
        return
    # An agent's clock may be wrong; the last sample is from a moment ago.
    shift = now.timestamp() - max(samples[-1]["at"], now.timestamp() - 3600)
    shift = shift if abs(shift) > 60 else 0.0
    rows = [_make_row(samples, MACHINE, shift, host=host)]
    works = {work for sample in samples for work in sample["work"]}
    # The last samples of a job arrive after its end.
    current = Q(ended_at=None) | Q(ended_at__gt=now - LATE)
    held = Assignment.objects.filter(current, work__in=works, node__host=host).order_by("attempt")
    for work, node in dict(held.values_list("work", "node")).items():
        own = [{"at": sample["at"], **sample["work"][work]} for sample in samples if work in sample["work"]]
        rows.append(_make_row(own, WORK, shift, work_id=work, node_id=node))
    Samples.objects.bulk_create(rows)


def _make_row(samples: list[dict[str, Any]], names: list[str], shift: float, **subject) -> Samples:
    first = samples[0]["at"]
    columns: dict[str, list] = {"t": [round(sample["at"] - first) for sample in samples]}
    for name in names:
        if any(sample.get(name) is not None for sample in samples):
            columns[name] = [sample.get(name) for sample in samples]
    begins_at = dt.datetime.fromtimestamp(first + shift, dt.UTC)
    return Samples(seconds=5, begins_at=begins_at, columns=columns, **subject)


def read_columns(rows: Iterable[Samples]) -> dict[str, list]:
    """The columns of all rows, in the order of time: `at` in seconds since 1970, and each quantity."""
    ordered = sorted(rows, key=lambda row: row.begins_at)
    names = dict.fromkeys(name for row in ordered for name in row.columns if name != "t")
    found: dict[str, list] = {"at": [], **{name: [] for name in names}}
    for row in ordered:
        begin, count = row.begins_at.timestamp(), len(row.columns["t"])
        found["at"] += [begin + second for second in row.columns["t"]]
        for name in names:
            found[name] += row.columns.get(name) or [None] * count
    return found


def note_watched(hosts: Iterable[Host]) -> None:
    """Make their agents send samples at once while a page shows them."""
    now = timezone.now()
    late = [host.pk for host in hosts if host.watched_at is None or now - host.watched_at > WATCHED / 3]
    if late:
        Host.objects.filter(pk__in=late).update(watched_at=now)


def is_watched(host: Host, now: dt.datetime) -> bool:
    return host.watched_at is not None and now - host.watched_at < WATCHED


def read_busy_shares(hosts: Iterable[Host], since: dt.datetime) -> list[float]:
    """The share of the processors in use, 0 to 1, at the last measurement of each of the machines after that time."""
    found = []
    for host in hosts:
        row = Samples.objects.filter(host=host, begins_at__gt=since - LAST_ROW).order_by("begins_at").last()
        columns = read_columns([row]) if row else {}
        if columns.get("cpu") and columns["at"][-1] > since.timestamp():
            found.append(columns["cpu"][-1] / host.cpus)
    return found


def is_working(work: Work, now: dt.datetime) -> bool:
    """Whether its processes have used the processor within the last minute, or a program runs in a terminal of it."""
    found = read_columns(work.samples.filter(seconds=5, begins_at__gt=now - LAST_ROW - ACTIVE_WITHIN))
    last = [number for number, at in enumerate(found["at"]) if at > (now - ACTIVE_WITHIN).timestamp()]
    if not last:
        return False
    cores, in_terminals = _mean([found["cpu"][number] for number in last]), found.get("terminals")
    return cores > ACTIVE_CORES or bool(in_terminals and in_terminals[-1])


def roll_up(now: dt.datetime) -> None:
    """Make old samples coarser, and delete the oldest. The next call makes up for missed ones."""
    for step in STEPS:
        old = Samples.objects.filter(seconds=step.seconds, begins_at__lt=_floor(now - step.age, step.span))
        group: list[Samples] = []
        for row in old.order_by("host", "work", "node", "begins_at").iterator(chunk_size=500):
            if group and not step.are_of_one_row(group[0], row):
                _replace(group, step)
                group = []
            group.append(row)
        if group:
            _replace(group, step)
    Samples.objects.filter(begins_at__lt=now - KEPT).delete()
    first = Samples.objects.order_by("-pk").values_list("pk", flat=True)[MAX_ROWS : MAX_ROWS + 1]
    if first:
        Samples.objects.filter(pk__lte=first[0]).delete()


def _replace(rows: list[Samples], step: SampleMerge) -> None:
    found = read_columns(rows)
    columns = average_samples(found, step.coarser)
    times = columns.pop("at")
    columns["t"] = [at - times[0] for at in times]
    first = rows[0]
    with transaction.atomic():
        Samples.objects.create(
            host_id=first.host_id,
            work_id=first.work_id,
            node_id=first.node_id,
            seconds=step.coarser,
            begins_at=dt.datetime.fromtimestamp(times[0], dt.UTC),
            columns=columns,
        )
        Samples.objects.filter(pk__in=[row.pk for row in rows]).delete()


def average_samples(found: dict[str, list], seconds: int) -> dict[str, list]:
    """The mean of each span of so many seconds, and for some quantities the maximum."""
    names = [name for name in found if name != "at" and not name.endswith("_max")]
    columns: dict[str, list] = {"at": [], **{name: [] for name in names}, **{f"{name}_max": [] for name in names}}
    numbers = range(len(found["at"]))
    for start, group in itertools.groupby(numbers, lambda number: int(found["at"][number] // seconds) * seconds):
        chosen = list(group)
        columns["at"].append(start)
        for name in names:
            values = [found[name][number] for number in chosen if found[name][number] is not None]
            highs = [found.get(f"{name}_max", found[name])[number] for number in chosen]
            columns[name].append(round(sum(values) / len(values), 2) if values else None)
            columns[f"{name}_max"].append(max((high for high in highs if high is not None), default=None))
    return columns


def _floor(at: dt.datetime, span: dt.timedelta) -> dt.datetime:
    seconds = int(span.total_seconds())
    return dt.datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, dt.UTC)


@dataclasses.dataclass(frozen=True)
class Use:
    """The use of work compared with its resources, for the advice on its page."""

    cores: int
    memory_gb: float
    cpu_mean: float
    cpu_peak: float
    memory_peak: float
    gpus: int = 0
    gpu_mean: float | None = None

    @property
    def size_advice(self) -> str:
        """Advice for a smaller size; empty if the size was right."""
        enough, found = [], []
        cores = max(1, int(self.cpu_peak + 0.999))
        if cores <= self.cores / 2:
            enough.append(f"{cores} core{'s' if cores > 1 else ''}")
        if self.memory_gb > 1 and self.memory_peak * 1.3 < self.memory_gb / 2:
            enough.append(f"{max(1, int(self.memory_peak * 1.3 + 0.999))} GB of memory")
        if enough:
            found.append(f"{' and '.join(enough)} would have been enough")
        if self.gpus and self.gpu_mean is not None and self.gpu_mean < 5:
            found.append("its GPU was nearly idle")
        words = ", and ".join(found)
        return f"{words[0].upper()}{words[1:]}." if words else ""


# Fewer samples are not enough for advice.
ENOUGH_SAMPLES = 6


def measure_use(work: Work) -> Use | None:
    """Summarize the use; None without enough samples."""
    lead = work.lead
    found = read_columns(work.samples.filter(node=lead.node) if lead else [])
    if lead is None or len(found["at"]) < ENOUGH_SAMPLES:
        return None
    gpu = [value for value in found.get("gpu", []) if value is not None]
    return Use(
        cores=lead.cores,
        memory_gb=lead.memory_gb,
        gpus=lead.gpus,
        cpu_mean=_mean(found["cpu"]),
        cpu_peak=_peak(found, "cpu"),
        memory_peak=_peak(found, "memory"),
        gpu_mean=_mean(gpu) if gpu else None,
    )


def _mean(values: list) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else 0.0


def _peak(found: dict[str, list], name: str) -> float:
    """The greatest of the means and, where samples were made coarser, of their greatest values."""
    return max(
        (value for column in (name, f"{name}_max") for value in found.get(column, []) if value is not None), default=0
    )
