"""State of host agent and node workers on disk, so that after a kill the next process with the same name continues.

    nodes/hosts/<host>.json               the names of the nodes that the host has started
    nodes/<node>/state.json               what the node has claimed: several units of work if there is room
    nodes/<node>/<work>/attempt-<n>.json  the record of its runner (lazuli/runner/records.py)

Each is replaced in one step. `nodes/hosts/<host>.lock` and `nodes/<node>/lock` are held by the process of that name.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import pathlib
import shutil
import sys
import time
from typing import IO, Any, Iterator

from lazuli.processes import Identity, is_running
from lazuli.runner import records

# The one before needs a moment to end.
LOCK_SECONDS = 20.0


@dataclasses.dataclass(frozen=True)
class Claim:
    """Work that a node has claimed."""

    work: str
    attempt: int


class NodeFolder:
    def __init__(self, data_dir: pathlib.Path, name: str):
        self.name, self.path = name, data_dir / "nodes" / name
        self._state = self.path / "state.json"

    def load_claims(self) -> list[Claim]:
        try:
            return [Claim(**claim) for claim in json.loads(self._state.read_text())["claims"]]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, KeyError):
            # A file of an earlier version: the work is claimed again, and the server then refuses a runner that is alive.
            return []

    def add_claim(self, claim: Claim) -> None:
        """An earlier attempt of the same work is replaced."""
        self._save([*(one for one in self.load_claims() if one.work != claim.work), claim])

    def forget_claim(self, claim: Claim) -> None:
        if not os.environ.get("LAZULI_KEEP_WORKDIR"):
            shutil.rmtree(self.path / claim.work, ignore_errors=True)
        self._save([one for one in self.load_claims() if one != claim])

    def _save(self, claims: list[Claim]) -> None:
        write_in_one_step(self._state, {"claims": [dataclasses.asdict(claim) for claim in claims]})

    def record_path(self, claim: Claim) -> pathlib.Path:
        return self.path / claim.work / f"attempt-{claim.attempt}.json"

    def find_runners(self) -> list[tuple[Claim, Identity]]:
        """The claims whose runners still run, with these. Changes nothing."""
        records_of = [(claim, records.read_record(str(self.record_path(claim)))) for claim in self.load_claims()]
        return [(claim, runner) for claim, runner in records_of if runner and is_running(runner)]

    def find_forked(self, claim: Claim) -> Identity | None:
        """The process that a warm parent has forked for its runner, if it runs."""
        found = records.read_record(str(self.path / claim.work / records.FORKED))
        return found if found and is_running(found) else None

    def read_name(self, claim: Claim) -> str:
        """The id of its run, or the name of its service."""
        spec = json.loads((self.path / claim.work / "spec.json").read_text())
        return str(spec.get("run_id") or spec.get("name") or claim.work)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class HostNodes:
    """The nodes of a host on this disk, including those that an earlier agent with this name started."""

    def __init__(self, data_dir: pathlib.Path, host: str):
        self._data_dir = data_dir
        self.folder = data_dir / "nodes" / "hosts"
        self._file = self.folder / f"{host}.json"
        self.names = self._load()

    def _load(self) -> set[str]:
        try:
            return set(json.loads(self._file.read_text())["nodes"])
        except (FileNotFoundError, ValueError):
            return set()

    def add(self, name: str) -> None:
        if name not in self.names:
            self._save(self.names | {name})

    def discard(self, name: str) -> None:
        NodeFolder(self._data_dir, name).remove()
        self._save(self.names - {name})

    def _save(self, names: set[str]) -> None:
        write_in_one_step(self._file, {"nodes": sorted(names)})
        self.names = names

    def find_trees(self) -> dict[str, list[int]]:
        """The processes of each unit of work that runs now, with which all others of it began."""
        trees = {}
        for folder, claim, runner in self.runners():
            forked = folder.find_forked(claim)
            trees[claim.work] = [runner.pid, *([forked.pid] if forked else [])]
        return trees

    def runners(self) -> Iterator[tuple[NodeFolder, Claim, Identity]]:
        """The runners that run now."""
        for name in sorted(self.names):
            folder = NodeFolder(self._data_dir, name)
            for claim, runner in folder.find_runners():
                yield folder, claim, runner


def write_in_one_step(path: pathlib.Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    with open(temporary, "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def hold_lock(path: pathlib.Path, name: str) -> IO[str]:
    """Be the only process with this name while the returned file is open; wait for one that is about to end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file, deadline = open(path, "w"), time.monotonic() + LOCK_SECONDS  # noqa: SIM115 - open as long as the process runs
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > deadline:
                sys.exit(f"{name}: another process with this name uses {path.parent}; stop it first.")
        time.sleep(0.1)
