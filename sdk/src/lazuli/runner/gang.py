"""The nodes and processes of one job: the nodes find each other, test their connections, start their processes
together, and end together.

Each node's runner publishes its address by the server and waits for the others. What a library would only notice after half
an hour in a hanging connection is reported within seconds: which node cannot reach which.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import socket
import struct
import threading
import time
from typing import Any, Dict, List, Optional
from urllib.parse import urlsplit

from lazuli.client import Client
from lazuli.runner.run_api import retry_while_unavailable
from lazuli.runner.spec import Spec

POLL_SECONDS = 0.2
PROBE_SECONDS = 1.0
SIOCGIFADDR = 0x8915
READY, PROBED = "ready", "probed"
LAUNCHER, CONTENT = "process_launcher.py", "processes.json"


class NotTogether(Exception):
    """The nodes of the job cannot work together; the text says why."""


@dataclasses.dataclass
class Peer:
    node: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.node} ({self.host})"


class Gang:
    """One node of the job. `rank` is the number of the node, not of a process."""

    def __init__(self, spec: Spec, stopped: threading.Event, transport: Any = None):
        key, self._work = os.environ.pop("LAZULI_WORK_KEY", ""), os.environ.pop("LAZULI_WORK_ID", "")
        self._client = Client(spec.server_url, key, transport=transport, attempts=1)
        # All nodes of an attempt have the same key, and nobody else.
        self.secret = hashlib.sha256(f"mpi {key}".encode()).hexdigest()
        self._spec, self._stopped = spec, stopped
        self.rank, self.size = spec.rank, spec.node_count
        self.peers: List[Peer] = []

    def wait_for_nodes(self) -> None:
        """Wait until all nodes are ready and each reaches each. Raises NotTogether."""
        host = find_own_address(self._spec.server_url)
        with socket.socket() as listener:
            listener.bind(("", 0))
            listener.listen(self.size)
            port = listener.getsockname()[1]
            if self.size == 1:
                self.peers = [Peer(self._spec.node or host, host, port)]
                return
            address = f"{host}:{port}"
            self._wait_for(READY, address)
            self._probe()
            # Only then may the first node give its port to the script.
            self._wait_for(PROBED, address)

    def _wait_for(self, stage: str, address: str) -> None:
        while not self._stopped.is_set():
            answer = self._report(stage, address)
            if answer[stage] == self.size:
                self.peers = [_parse_peer(peer) for peer in answer["peers"]]
                return
            self._stopped.wait(POLL_SECONDS)
        raise NotTogether("It was stopped while it was waiting for its other nodes.")

    def _report(self, stage: str, address: str) -> Dict[str, Any]:
        body = {"rank": self.rank, "stage": stage, "address": address}
        path = f"/nodes/v1/work/{self._work}/peers"
        sent = retry_while_unavailable(
            lambda: self._client.request("POST", path, json=body, timeout=10.0), stopped=self._stopped
        )
        found: Dict[str, Any] = sent.json()
        return found

    def _probe(self) -> None:
        own = self.peers[self.rank]
        for peer in self.peers:
            if peer is not own and not _reaches(peer):
                raise NotTogether(f"{own} cannot reach {peer} on port {peer.port}.")

    def wait_for_others(self) -> None:
        """Wait until the other nodes have ended, or until this one is stopped because another has failed."""
        while self.size > 1 and not self._stopped.is_set() and self._report(PROBED, "")["ended"] < self.size - 1:
            self._stopped.wait(POLL_SECONDS)

    def list_ranks(self) -> List[int]:
        """The numbers of the processes of this node, among those of all nodes."""
        number = self._processes_per_node()
        return list(range(self.rank * number, (self.rank + 1) * number))

    def _processes_per_node(self) -> int:
        return int(self._spec.distribution.get("processes_per_node") or 1)

    def build_variables(self) -> List[Dict[str, str]]:
        """The variables of each process of this node."""
        lead, interface = self.peers[0], find_interface(self.peers[self.rank].host)
        distribution = self._spec.distribution
        number = self._processes_per_node()
        shared = {
            "MASTER_ADDR": lead.host,
            "MASTER_PORT": str(lead.port),
            "NODE_RANK": str(self.rank),
            "WORLD_SIZE": str(number * self.size),
            "LOCAL_WORLD_SIZE": str(number),
            "AZ_BATCH_MASTER_NODE": f"{lead.host}:{lead.port}",
            "AZ_BATCHAI_MPI_MASTER_NODE": lead.host,
            "AZUREML_NODE_COUNT": str(self.size),
        }
        if interface:
            shared.update(GLOO_SOCKET_IFNAME=interface, NCCL_SOCKET_IFNAME=interface)
        if distribution.get("kind") == "tensorflow":
            shared["TF_CONFIG"] = self._build_tf_config()
        is_mpi = distribution.get("kind") == "mpi"
        return [{**shared, **_rank_variables(self.rank, local, number, self.size, is_mpi)} for local in range(number)]

    def _build_tf_config(self) -> str:
        workers = int(self._spec.distribution.get("worker_count") or self.size)
        addresses = [f"{peer.host}:{peer.port}" for peer in self.peers]
        cluster = {"worker": addresses[:workers]}
        if addresses[workers:]:
            cluster["ps"] = addresses[workers:]
        is_worker = self.rank < workers
        task = {"type": "worker" if is_worker else "ps", "index": self.rank if is_worker else self.rank - workers}
        return json.dumps({"cluster": cluster, "task": task})


def _rank_variables(node: int, local: int, number: int, size: int, is_mpi: bool) -> Dict[str, str]:
    rank = {"RANK": str(node * number + local), "LOCAL_RANK": str(local)}
    if not is_mpi:
        return rank
    return {
        **rank,
        "OMPI_COMM_WORLD_RANK": rank["RANK"],
        "OMPI_COMM_WORLD_SIZE": str(number * size),
        "OMPI_COMM_WORLD_LOCAL_RANK": str(local),
        "OMPI_COMM_WORLD_LOCAL_SIZE": str(number),
        # In Open MPI the rank within the node, not that of the node.
        "OMPI_COMM_WORLD_NODE_RANK": str(local),
        "PMI_RANK": rank["RANK"],
        "PMI_SIZE": str(number * size),
    }


def _parse_peer(peer: Dict[str, Any]) -> Peer:
    host, _, port = str(peer["address"]).rpartition(":")
    return Peer(str(peer["node"]), host, int(port))


def _reaches(peer: Peer) -> bool:
    for _ in range(2):
        try:
            socket.create_connection((peer.host, peer.port), PROBE_SECONDS).close()
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def find_own_address(server_url: str) -> str:
    """The address of this machine from which it reaches the server, and so probably the others."""
    parts = urlsplit(server_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Nothing is sent: this only asks the kernel for the route.
        probe.connect((parts.hostname or "127.0.0.1", port))
        return str(probe.getsockname()[0])


def find_interface(address: str) -> Optional[str]:
    """The name of the network interface with this address (Linux)."""
    import fcntl  # platform: Windows has none, and runs jobs of one node

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                packed = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:
                # It has no address.
                continue
            if socket.inet_ntoa(packed[20:24]) == address:
                return name
    return None


def build_command(command: Any, processes: List[Dict[str, str]], python: str, folder: str) -> List[str]:
    """Start the command once for each process, with its variables, by the launcher."""
    launcher = copy_script(LAUNCHER, folder)
    content = write_content({"command": command, "processes": processes}, folder)
    return [python, launcher, content]


def copy_script(name: str, folder: str) -> str:
    """Copy a script beside this module to a folder that the script's interpreter can read."""
    os.makedirs(folder, exist_ok=True)
    return shutil.copyfile(os.path.join(os.path.dirname(__file__), name), os.path.join(folder, name))


def write_content(content: Dict[str, Any], folder: str) -> str:
    path = os.path.join(folder, CONTENT)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)
    return path
