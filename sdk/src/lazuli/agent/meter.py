"""The resource use of a machine and its jobs: measured every few seconds, sent with the host's reports.

One pass over /proc measures all jobs of a machine. Where there is no /proc, only the machine is measured.
"""

from __future__ import annotations

import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psutil

from lazuli import processes
from lazuli.agent.gpu_meter import Cards

SAMPLE_SECONDS = 5.0
SENT_TOGETHER = 6
# How many samples can wait while the studio is unreachable: an hour of them.
MAX_WAITING = 720
GIGABYTE, MEGABYTE = 1024**3, 1024**2


class Meter:
    def __init__(self, data_dir: pathlib.Path):
        self._data_dir = data_dir
        self._cards = Cards()
        self._at = time.monotonic()
        self._counters = self._read_counters()
        # Maps the id of a runner's process to the seconds of processor time of its tree.
        self._seconds: dict[int, float] = {}
        self.waiting: list[dict[str, Any]] = []

    def read_cards_again(self) -> None:
        self._cards = Cards()

    def measure(self, roots: Mapping[str, Sequence[int]]) -> None:
        """Add a sample. `roots` has the processes with which each unit of work began."""
        now, counters = time.monotonic(), self._read_counters()
        elapsed, before = max(now - self._at, 0.1), self._counters
        self._at, self._counters = now, counters
        rates = {name: max(0.0, counters[name] - before[name]) / elapsed for name in counters}
        sample: dict[str, Any] = {
            "at": round(time.time(), 1),
            "cpu": round(rates.pop("busy"), 2),
            "memory": round((psutil.virtual_memory().total - psutil.virtual_memory().available) / GIGABYTE, 2),
            "disk": round(psutil.disk_usage(str(self._data_dir)).free / GIGABYTE, 1),
            **{name: round(rate / MEGABYTE, 2) for name, rate in rates.items()},
        }
        trees = processes.read_trees(pid for pids in roots.values() for pid in pids)
        of_work = {work: [trees[pid] for pid in pids if pid in trees] for work, pids in roots.items()}
        sample["work"] = {work: self._describe(found, elapsed) for work, found in of_work.items() if found}
        self._seconds = {pid: tree.seconds for pid, tree in trees.items()}
        self._cards.add_to(
            sample, {work: [pid for tree in found for pid in tree.pids] for work, found in of_work.items()}
        )
        self.waiting = [*self.waiting[1 - MAX_WAITING :], sample]

    def _describe(self, trees: Sequence[processes.Tree], elapsed: float) -> dict[str, float]:
        used = sum(max(0.0, tree.seconds - self._seconds.get(tree.root, 0.0)) for tree in trees)
        memory, in_terminals = sum(tree.memory for tree in trees), sum(tree.in_terminals for tree in trees)
        found: dict[str, float] = {"cpu": round(used / elapsed, 2), "memory": round(memory / GIGABYTE, 3)}
        return {**found, "terminals": in_terminals} if in_terminals else found

    def _read_counters(self) -> dict[str, float]:
        """Counters: seconds of busy cores, bytes of disks and of the network."""
        cpu, disk, net = psutil.cpu_times(), psutil.disk_io_counters(), psutil.net_io_counters()
        idle = cpu.idle + getattr(cpu, "iowait", 0.0)
        # The time of guests is part of that of users.
        total = sum(cpu) - getattr(cpu, "guest", 0.0) - getattr(cpu, "guest_nice", 0.0)
        return {
            "busy": total - idle,
            "read": float(disk.read_bytes) if disk else 0.0,
            "written": float(disk.write_bytes) if disk else 0.0,
            "received": float(net.bytes_recv),
            "sent": float(net.bytes_sent),
        }


def is_due(waiting: Sequence[dict[str, Any]], is_watched: bool) -> bool:
    """Whether to send the waiting samples: at once while somebody views them, otherwise every half minute."""
    return bool(waiting) and (is_watched or len(waiting) >= SENT_TOGETHER)
