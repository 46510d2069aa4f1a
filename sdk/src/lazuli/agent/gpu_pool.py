"""Which work uses which GPU of this machine. All nodes of a data folder share one pool, in files:

nodes/gpus.json   the owner of each assigned GPU: `<node>/<work>`, or `<node>/` for all work of a compute instance
nodes/gpus.lock   held while the pool changes
nodes/gpu_list.json   the GPUs that the host has found and that work may use
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import pathlib
import time
from collections.abc import Collection
from typing import Iterator

from lazuli.agent.gpus import list_gpus
from lazuli.agent.node_state import write_in_one_step

REREAD_SECONDS = 60.0


class GpuList:
    """The GPUs that the host finds on its machine, read every minute.

    One that disappears is in quarantine, also if it comes back, until the host agent is started again: it failed, and
    would fail one job after the other.
    """

    def __init__(self, data_dir: pathlib.Path):
        self._file = _list_file(data_dir)
        self.usable = list_gpus()
        self.lost: list[str] = []
        self._finish_reading()

    def read_again_if_due(self) -> bool:
        """Whether the list has changed."""
        if time.monotonic() < self._next_reading:
            return False
        found, before = list_gpus(), self.usable
        self.lost += [gpu for gpu in before if gpu not in found]
        self.usable = [gpu for gpu in found if gpu not in self.lost]
        self._finish_reading()
        return self.usable != before

    def _finish_reading(self) -> None:
        self._next_reading = time.monotonic() + REREAD_SECONDS
        if self.usable != _read_list(self._file):
            write_in_one_step(self._file, {"gpus": self.usable})


def _list_file(data_dir: pathlib.Path) -> pathlib.Path:
    return data_dir / "nodes" / "gpu_list.json"


def _read_list(file: pathlib.Path) -> list[str]:
    try:
        return list(json.loads(file.read_text())["gpus"])
    except FileNotFoundError:
        return []


class GpuPool:
    """The GPUs of this machine, as one node takes and releases them."""

    def __init__(self, data_dir: pathlib.Path, node: str):
        self._prefix = f"{node}/"
        self._file = data_dir / "nodes" / "gpus.json"
        self._list_file = _list_file(data_dir)

    @property
    def gpus(self) -> list[str]:
        """The GPUs that the host has found, without lost ones."""
        return _read_list(self._list_file)

    def take(self, work: str, count: int) -> list[str] | None:
        """Take GPUs that no other work has; None if too few are free. Work that has them keeps them."""
        owner = self._prefix + work
        with self._change() as owners:
            usable = self.gpus
            own = [gpu for gpu in usable if owners.get(gpu) == owner]
            free = [gpu for gpu in usable if gpu not in owners]
            taken = (own + free)[:count]
            if len(taken) < count:
                return None
            for gpu in taken:
                owners[gpu] = owner
            return taken

    def keep_only(self, works: Collection[str]) -> None:
        """Release the GPUs of this node that other work than these has."""
        kept = {self._prefix + work for work in works}
        with self._change() as owners:
            for gpu, owner in list(owners.items()):
                if owner.startswith(self._prefix) and owner not in kept:
                    del owners[gpu]

    def list_own(self) -> dict[str, list[str]]:
        """The GPUs of each work of this node; of a compute instance under an empty name."""
        own: dict[str, list[str]] = {}
        for gpu, owner in self._read_owners().items():
            if owner.startswith(self._prefix):
                own.setdefault(owner.removeprefix(self._prefix), []).append(gpu)
        return own

    def describe_shortage(self, count: int) -> str:
        usable = set(self.gpus)
        taken = len(self._read_owners().keys() & usable)
        return f"the work needs {count} GPUs; this machine has {len(usable)}, of which {taken} are in use"

    def _read_owners(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._file.read_text()))
        except FileNotFoundError:
            return {}

    @contextlib.contextmanager
    def _change(self) -> Iterator[dict[str, str]]:
        if not self.gpus and not self._file.exists():
            # No GPU was ever assigned on this machine.
            yield {}
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with open(self._file.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            owners = self._read_owners()
            before = dict(owners)
            yield owners
            if owners != before:
                write_in_one_step(self._file, owners)
