"""Identify processes by more than their pid, and find their descendants.

The kernel reuses pids, so a process is identified by its start time and the boot of its machine too. On Linux all is read
from /proc; elsewhere by psutil, if it is installed (an agent's machine has it).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Collection, Dict, Iterable, List, NamedTuple, Optional

IS_LINUX = sys.platform.startswith("linux")
PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 15, 36
ENDED_STATES = ("Z", "X")
# The variable with the number of a descriptor whose other end the supervisor of `make up` holds. While it is open,
# everything continues; when it closes, all dependent processes end. An agent without `make up` has none.
LIFELINE = "LAZULI_LIFELINE_FD"
# How long to keep killing a group that keeps starting new processes.
KILL_SECONDS = 5.0
# How long a program may take to end when it is asked to.
STOP_SECONDS = 10.0
VMSTAT = "/proc/vmstat"


class Identity(NamedTuple):
    """The permanent identity of a process: no later process has the same three."""

    pid: int
    # Clock ticks between boot and start on Linux, where the wall clock may be set; else the time of the start.
    started: float
    boot: str


def identify(pid: int) -> Optional[Identity]:
    """The identity of a running process; None if it does not exist or only its exit status remains."""
    if not IS_LINUX:
        return _identify_by_psutil(pid)
    fields = _read_stat(pid)
    if fields is None or fields[0] in ENDED_STATES:
        return None
    return Identity(pid, float(fields[19]), read_boot())


def is_running(identity: Identity) -> bool:
    return identify(identity.pid) == identity


def read_boot() -> str:
    """An id that changes at each boot of the machine; empty where the start time of a process is enough."""
    if not IS_LINUX:
        return ""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def send_signal(identity: Identity, number: int) -> bool:
    """Signal the process if it still runs; False if it has ended."""
    if not is_running(identity):
        return False
    return _signal(identity.pid, number)


_is_subreaper = False


def become_subreaper() -> None:
    """From now on, orphaned descendants of this process become its children (Linux)."""
    global _is_subreaper
    if IS_LINUX:
        import ctypes  # optional: a Python may be built without it

        _is_subreaper = ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def set_process_name(name: str) -> None:
    """Set the name that lists of processes show, of 15 characters at most (Linux)."""
    if IS_LINUX:
        import ctypes  # optional: a Python may be built without it

        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


def list_children(pid: int) -> List[int]:
    """The children of a process, including ended ones that were not waited for."""
    folder = f"/proc/{pid}/task"
    try:
        found: List[int] = []
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
        return found
    except OSError:
        # A kernel without these files, or a thread that has just ended: look at all processes.
        return _read_families().get(pid, [])


def kill_descendants(spared: Collection[int] = ()) -> bool:
    """Kill all descendants of this process except the `spared` children and theirs; False if some remain.

    All are stopped before any is killed, so that none starts another. No other code may wait for their exit statuses.
    Only a subreaper does this: another process, such as a notebook, may have children that do not belong to the run.
    """
    if not _is_subreaper:
        return True
    deadline = time.monotonic() + KILL_SECONDS
    while True:
        left = _list_descendants(os.getpid(), spared)
        for pid in left:
            _signal(pid, signal.SIGSTOP)
        for pid in left:
            _signal(pid, signal.SIGKILL)
        wait_for_lost(spared)
        if not left or time.monotonic() > deadline:
            return not left
        time.sleep(0.02)


def wait_for_lost(known: Collection[int]) -> None:
    """Collect the exit statuses of ended children outside `known`: orphaned descendants."""
    while _is_subreaper:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in known:
            return
        os.waitpid(ended.si_pid, 0)


def _list_descendants(pid: int, spared: Collection[int]) -> List[int]:
    """The running processes."""
    families, found, waiting = _read_families(), [], [pid]
    while waiting:
        for child in families.get(waiting.pop(), []):
            if child not in spared:
                waiting.append(child)
                if identify(child):
                    found.append(child)
    return found


class Tree(NamedTuple):
    """A process with its descendants."""

    root: int
    pids: List[int]
    # Seconds of processor time, with processes that have ended; and bytes in memory.
    seconds: float
    memory: int
    # How many of them run in a terminal, without the shells that lead its session.
    in_terminals: int


def read_trees(roots: Iterable[int]) -> Dict[int, Tree]:
    """The trees of these processes, read in one pass; empty where there is no /proc."""
    wanted = set(roots)
    if not wanted or not IS_LINUX:
        return {}
    stats = {int(name): fields for name in os.listdir("/proc") if name.isdigit() and (fields := _read_stat(int(name)))}
    families: Dict[int, List[int]] = {}
    for pid, fields in stats.items():
        families.setdefault(int(fields[1]), []).append(pid)
    return {root: _add_up(root, stats, families) for root in wanted & stats.keys()}


def _add_up(root: int, stats: Dict[int, List[str]], families: Dict[int, List[int]]) -> Tree:
    pids = [root]
    for pid in pids:
        pids += families.get(pid, [])
    # utime, stime, and those of children whose end was waited for; then resident pages.
    ticks = sum(int(number) for pid in pids for number in stats[pid][11:15])
    pages = sum(int(stats[pid][21]) for pid in pids)
    # session and tty_nr.
    in_terminals = sum(int(stats[pid][4]) != 0 and int(stats[pid][3]) != pid for pid in pids)
    return Tree(root, pids, ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"), in_terminals)


def stop_tree(process: "subprocess.Popen[str]") -> None:
    """Terminate a child, and kill what it has started, such as the set-up script of a package."""
    tree = read_trees([process.pid]).get(process.pid)
    started = [identify(pid) for pid in (tree.pids if tree else []) if pid != process.pid]
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for identity in started:
        if identity is not None:
            send_signal(identity, signal.SIGKILL)


def read_machine_memory() -> int:
    """Bytes of memory of this machine; 0 where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def count_memory_kills() -> int:
    """How many processes the kernel has killed since the boot because memory ran out; 0 where it does not count."""
    try:
        with open(VMSTAT, encoding="ascii") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    except OSError:
        return 0


def _read_families() -> Dict[int, List[int]]:
    """The children of each process."""
    families: Dict[int, List[int]] = {}
    for name in os.listdir("/proc") if IS_LINUX else []:
        fields = _read_stat(int(name)) if name.isdigit() else None
        if fields:
            families.setdefault(int(fields[1]), []).append(int(name))
    return families


def _read_stat(pid: int) -> Optional[List[str]]:
    """The fields after the name in /proc/<pid>/stat: state, parent, …; None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _identify_by_psutil(pid: int) -> Optional[Identity]:
    import psutil  # optional: only an agent's machine has it

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else Identity(pid, process.create_time(), "")
    except psutil.NoSuchProcess:
        return None
