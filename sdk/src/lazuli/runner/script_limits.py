"""The limits of a script on a node: its part of the node's memory, and a number of processes.

All processes of the script count. Exceeding a limit ends the script, so that it does not take the memory or the process ids of
the other jobs and of the studio.
"""

from __future__ import annotations

import os
import time
from typing import Dict, Iterable, Optional, Tuple

from lazuli import processes

CHECK_SECONDS = 1.0
MAX_PROCESSES = 2000
GIGABYTE = 1024**3
# What belongs to a process alone, and its share of what it has in common with others; not files in memory.
COUNTED = ("Pss_Anon:", "Pss_Shmem:")
COUNTED_WHOLE = ("RssAnon:", "RssShmem:")


class ScriptLimits:
    """`memory_gb` is None outside a node: then there are no limits. The script is a descendant of this process, or the process
    `root`."""

    def __init__(self, memory_gb: Optional[float], root: Optional[int] = None):
        self._memory_gb, self._root = memory_gb, root
        self._next_check = 0.0

    def find_excess(self) -> Optional[Dict[str, str]]:
        """The error of a script that exceeds a limit. Looks once a second."""
        if not self._memory_gb or time.monotonic() < self._next_check:
            return None
        self._next_check = time.monotonic() + CHECK_SECONDS
        own = os.getpid()
        root = self._root or own
        tree = processes.read_trees([root]).get(root)
        if tree is None:
            return None
        if len(tree.pids) > MAX_PROCESSES:
            text = f"The script started {len(tree.pids)} processes; {MAX_PROCESSES} are allowed."
            return {"code": "TooManyProcesses", "message": text}
        allowed = self._memory_gb * GIGABYTE
        # The sum of the tree counts shared memory for each process, so it is only an upper limit.
        if tree.memory <= allowed:
            return None
        pids = [pid for pid in tree.pids if pid != own]
        # Twice, because what an ending process shared with others belongs to them from then on, and may be counted again.
        used = min(sum_memory(pids), sum_memory(pids))
        if used <= allowed:
            return None
        text = (
            f"The script used {used / GIGABYTE:.1f} GB of memory; its part of the node has {self._memory_gb:.1f} GB. "
            "Choose a larger size, or request more of the node."
        )
        return {"code": "OutOfMemory", "message": text}


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
