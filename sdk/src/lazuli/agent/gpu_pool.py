"""Which work uses which GPU of this machine. All nodes of a data folder share one pool, in files:

nodes/gpus.json   the owner of each assigned GPU: `<node>/<work>`, or `<node>/` for all work of a compute instance
nodes/gpus.lock   held while the pool changes
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import pathlib
from collections.abc import Collection, Mapping
from typing import Iterator

from lazuli.agent.node_state import write_in_one_step

# The variable with which a host passes the UUIDs of its GPUs to its nodes.
VARIABLE = "LAZULI_HOST_GPUS"


class GpuPool:
    """The GPUs of this machine, as one node takes and releases them."""

    def __init__(self, data_dir: pathlib.Path, node: str, gpus: Collection[str]):
        self.gpus = list(gpus)
        self._prefix = f"{node}/"
        self._file = data_dir / "nodes" / "gpus.json"

    @classmethod
    def of_node(cls, data_dir: pathlib.Path, node: str, environ: Mapping[str, str]) -> GpuPool:
        """The pool with the GPUs that the host has passed on."""
        return cls(data_dir, node, [gpu for gpu in environ.get(VARIABLE, "").split(",") if gpu])

    def take(self, work: str, count: int) -> list[str] | None:
        """Take GPUs that no other work has; None if too few are free. Work that has them keeps them."""
        owner = self._prefix + work
        with self._change() as owners:
            own = [gpu for gpu in self.gpus if owners.get(gpu) == owner]
            free = [gpu for gpu in self.gpus if gpu not in owners]
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
        taken = len(self._read_owners().keys() & set(self.gpus))
        return f"the work needs {count} GPUs; this machine has {len(self.gpus)}, of which {taken} are in use"

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
