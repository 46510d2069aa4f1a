"""The lifeline of runners: a pair of sockets; the supervisor holds one end and all runners the other.

When the supervisor ends in any way, its end closes, and the runners end their scripts. The host agent and the node
workers pass the other end on; killing or restarting them does not affect runners.
"""

import signal
import socket
from pathlib import Path

from lazuli import processes
from lazuli.agent.node_state import HostNodes


class Lifeline:
    def __init__(self):
        self._ours, self._theirs = socket.socketpair()

    @property
    def descriptor(self) -> int:
        """The descriptor that the host agent inherits."""
        return self._theirs.fileno()

    @property
    def variables(self) -> dict[str, str]:
        return {processes.LIFELINE: str(self.descriptor)}

    def hand_out_no_more(self) -> None:
        """Close it in this process, so that `is_held` can tell when the last holder has ended."""
        self._theirs.close()

    def cut(self) -> None:
        """End all processes with the lifeline."""
        self.hand_out_no_more()
        self._ours.shutdown(socket.SHUT_WR)

    def is_held(self) -> bool:
        """Whether a process that hangs on it still runs."""
        self._ours.setblocking(False)
        try:
            return self._ours.recv(1) != b""
        except BlockingIOError:
            return True


def list_jobs(data_dir: Path, host: str) -> list[str]:
    """The ids of the jobs that run on this host."""
    return sorted(folder.read_name(claim) for folder, claim, _ in HostNodes(data_dir, host).runners())


def kill_runners(data_dir: Path, host: str) -> None:
    """Kill hanging runners. Each has a guardian that then ends its script."""
    for _, _, runner in HostNodes(data_dir, host).runners():
        processes.send_signal(runner, signal.SIGKILL)
