"""The limits of a script on a node: its part of the node's memory, a number of processes, and what it writes to its folder.

All processes of the script count. Exceeding a limit ends the script, so that it does not take the memory, the process ids or
the disk of the other jobs and of the studio.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import Dict, Iterable, Optional, Tuple

from lazuli import processes
from lazuli.runner.folder_use import FolderUse

CHECK_SECONDS = 1.0
MAX_PROCESSES = 2000
MAX_FILES = 1_000_000
GIGABYTE = 1024**3
# How many gigabytes a script may write on this machine; by default a share of what is free when it starts.
DISK_VARIABLE, DISK_SHARE = "NODE_DISK_GB", 0.75
# With less, a script ends that has written more than this.
MIN_FREE_BYTES = 512 * 1024**2
OUT_OF_DISK, TOO_MANY_FILES = "OutOfDisk", "TooManyFiles"
# What belongs to a process alone, and its share of what it has in common with others; not files in memory.
COUNTED = ("Pss_Anon:", "Pss_Shmem:")
COUNTED_WHOLE = ("RssAnon:", "RssShmem:")


class ScriptLimits:
    """`memory_gb` is None outside a node: then there are no limits. The script is a descendant of this process, or the process
    `root`. It has not started yet if there is a `folder`, in which it must not write too much."""

    def __init__(self, memory_gb: Optional[float], root: Optional[int] = None, folder: str = ""):
        self._memory_gb, self._root = memory_gb, root
        self._next_check = 0.0
        self._disk = _DiskLimits(folder) if memory_gb and folder else None

    def find_excess(self) -> Optional[Dict[str, str]]:
        """The error of a script that exceeds a limit. Looks once a second."""
        if self._disk:
            self._disk.use.advance()
        if not self._memory_gb or time.monotonic() < self._next_check:
            return None
        self._next_check = time.monotonic() + CHECK_SECONDS
        return (self._disk.find_excess() if self._disk else None) or self._find_excess_of_processes(self._memory_gb)

    def _find_excess_of_processes(self, memory_gb: float) -> Optional[Dict[str, str]]:
        own = os.getpid()
        root = self._root or own
        tree = processes.read_trees([root]).get(root)
        if tree is None:
            return None
        if len(tree.pids) > MAX_PROCESSES:
            text = f"The script started {len(tree.pids)} processes; {MAX_PROCESSES} are allowed."
            return {"code": "TooManyProcesses", "message": text}
        allowed = memory_gb * GIGABYTE
        # The sum of the tree counts shared memory for each process, so it is only an upper limit.
        if tree.memory <= allowed:
            return None
        pids = [pid for pid in tree.pids if pid != own]
        # Twice, because what an ending process shared with others belongs to them from then on, and may be counted again.
        used = min(sum_memory(pids), sum_memory(pids))
        if used <= allowed:
            return None
        text = (
            f"The script used {used / GIGABYTE:.1f} GB of memory; its part of the node has {memory_gb:.1f} GB. "
            "Choose a larger size, or request more of the node."
        )
        return {"code": "OutOfMemory", "message": text}


class _DiskLimits:
    """The limits of what a script may write to its folder."""

    def __init__(self, folder: str):
        self._folder = folder
        self._set_gb = float(os.environ.get(DISK_VARIABLE) or 0)
        self._allowed = self._set_gb * GIGABYTE or shutil.disk_usage(folder).free * DISK_SHARE
        self.use = FolderUse(folder)

    def find_excess(self) -> Optional[Dict[str, str]]:
        written = self.use.written_bytes
        if self.use.new_files > MAX_FILES:
            text = f"The script made {self.use.new_files:,} files in its folder; {MAX_FILES:,} are allowed."
            return {"code": TOO_MANY_FILES, "message": f"{text} Its outputs are not stored."}
        free = shutil.disk_usage(self._folder).free
        if written > self._allowed:
            why = (
                f"{DISK_VARIABLE} of this machine"
                if self._set_gb
                else "three quarters of what was free when it started"
            )
            why = f"{self._allowed / GIGABYTE:.1f} GB are allowed ({why})"
        elif free < MIN_FREE_BYTES < written:
            why = f"only {free // 1024**2} MiB of the machine's disk are still free"
        else:
            return None
        text = (
            f"The script wrote {written / GIGABYTE:.1f} GB of files to its folder; {why}. Its outputs are not stored."
        )
        return {"code": OUT_OF_DISK, "message": text}


def sum_memory(pids: Iterable[int]) -> int:
    """The memory of these processes in bytes; what they share counts once."""
    return sum(_read_memory(pid) for pid in pids)


def _read_memory(pid: int) -> int:
    # A process may forbid the first file to all but root (PR_SET_DUMPABLE); it still counts, with what it shares whole.
    for path, names in (("smaps_rollup", COUNTED), ("status", COUNTED_WHOLE)):
        try:
            return _sum_rows(f"/proc/{pid}/{path}", names)
        except PermissionError:
            continue
        except OSError:
            # It has just ended, or the kernel does not say.
            break
    return 0


def _sum_rows(path: str, names: Tuple[str, ...]) -> int:
    """The sum of the rows with these names, in bytes."""
    with open(path, encoding="ascii", errors="replace") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(names)) * 1024
