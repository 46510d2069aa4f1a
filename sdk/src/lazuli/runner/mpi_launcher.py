"""Start the processes of an MPI job on all of its nodes by Open MPI's mpirun, without SSH; a standalone script for any
Python 3.

`lead` runs mpirun on the first node. mpirun asks `connect` to start its daemon on another node, as it would ask ssh; `node`
runs there, and starts the daemon if the request has the secret of the job. `process` gives a process the variables of its
rank, and its lines their rank, and then is what mpirun sees of it.
"""

import collections
import contextlib
import hashlib
import hmac
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import IO, Any, Dict, List

CONTENT = "LAZULI_MPI_CONTENT"
# Found on the PATH: mpirun splits the path of its agent at spaces.
AGENT, PROCESS = "lazuli-mpi-connect", "lazuli-mpi-process"
# The variable with the network interface of the node's address.
INTERFACE = "GLOO_SOCKET_IFNAME"
NONCE_BYTES, MAX_ORDER = 32, 1 << 20
CONNECT_SECONDS = 30.0
GRACE_SECONDS = 5.0


def read_content() -> Dict[str, Any]:
    with open(os.environ[CONTENT]) as file:
        content: Dict[str, Any] = json.load(file)
    return content


def sign(content: Dict[str, Any], text: bytes) -> str:
    return hmac.new(content["secret"].encode(), text, hashlib.sha256).hexdigest()


def run_lead(content: Dict[str, Any]) -> int:
    names = [socket.gethostname(), *content["names"][1:]]
    number = content["processes_per_node"]
    command = [
        os.path.join(content["bin"], "mpirun"),
        *("--host", ",".join("{}:{}".format(name, number) for name in names)),
        *("-np", str(number * len(names)), "--map-by", "ppr:{}:node".format(number), "--bind-to", "none"),
        *("--prtemca", "plm_ssh_agent", AGENT, "--prtemca", "plm_ssh_no_tree_spawn", "1", PROCESS),
    ]
    process = subprocess.Popen(command)
    # mpirun ends all processes on all nodes.
    signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
    return process.wait()


def connect(content: Dict[str, Any], name: str, words: List[str]) -> int:
    """Have the daemon started on the node of this name; return its exit status. Without this process, it is ended there."""
    with open_connection(content["addresses"][content["names"].index(name)]) as sock:
        sock.settimeout(None)
        stream = sock.makefile("rb")
        nonce = stream.readline().strip()
        body = json.dumps({"command": " ".join(words), "prefix": content["prefix"]}).encode()
        sock.sendall(sign(content, nonce + body).encode() + b" " + body + b"\n")
        return int(stream.readline() or b"1")


def open_connection(address: List[Any]) -> socket.socket:
    """Connect to a node, which may still be starting."""
    deadline = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            return socket.create_connection((address[0], address[1]), CONNECT_SECONDS)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def serve_node(content: Dict[str, Any]) -> int:
    """Wait for the first node, and run the daemon that it asks for."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(tuple(content["addresses"][content["rank"]]))
        listener.listen(8)
        while True:
            sock, _ = listener.accept()
            with sock, sock.makefile("rb") as stream:
                sock.settimeout(CONNECT_SECONDS)
                order = read_order(content, sock, stream)
                if order is None:
                    continue
                sock.settimeout(None)
                run_daemon(content, order, sock)
                # The first node reports how the job has ended.
                return 0


def read_order(content: Dict[str, Any], sock: socket.socket, stream: IO[bytes]) -> Any:
    nonce = os.urandom(NONCE_BYTES).hex().encode()
    try:
        sock.sendall(nonce + b"\n")
        signature, _, body = stream.readline(MAX_ORDER).strip().partition(b" ")
    except OSError:
        return None
    if not hmac.compare_digest(sign(content, nonce + body).encode(), signature):
        return None
    return json.loads(body.decode())


def run_daemon(content: Dict[str, Any], order: Dict[str, str], sock: socket.socket) -> None:
    # The environment may be in another folder here.
    command = order["command"].replace(order["prefix"], content["prefix"])
    process = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=end_with_connection, args=(sock, process), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda number, frame: end_group(process))
    status = process.wait()
    try:
        sock.sendall(str(status).encode() + b"\n")
    except OSError:
        return


def end_with_connection(sock: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        while sock.recv(100):
            continue
    # The first node is gone.
    end_group(process)


def end_group(process: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(GRACE_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def run_process(content: Dict[str, Any]) -> int:
    """One process of the script, with the variables of its rank."""
    rank, number = int(os.environ["OMPI_COMM_WORLD_RANK"]), content["processes_per_node"]
    variables = dict(content["variables"], RANK=str(rank), LOCAL_RANK=str(rank % number), NODE_RANK=str(rank // number))
    variables.update(OMPI_COMM_WORLD_NODE_RANK=str(rank % number), PMI_RANK=str(rank))
    # mpirun would give the same value to all nodes. Nodes of one machine must not share a folder, nor lose their interface.
    variables["OMPI_MCA_btl_sm_backing_directory"] = os.environ["TMPDIR"]
    if variables.get(INTERFACE):
        variables["OMPI_MCA_btl_tcp_if_include"] = variables[INTERFACE]
    os.chdir(content["folder"])
    # The other script of this folder.
    start = importlib.import_module("process_launcher").start
    process, reader = start(end_by_abort(content["command"]), variables, collections.deque(maxlen=0), rank == 0)
    signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
    status = int(process.wait())
    reader.join(GRACE_SECONDS)
    return 128 - status if status < 0 else status


def end_by_abort(command: Any) -> Any:
    """With mpi4py, a script that fails would wait at its end for the other processes; `-m mpi4py` ends them instead."""
    is_script = isinstance(command, list) and len(command) > 1 and command[1].endswith(".py")
    if is_script and command[0] == sys.executable and importlib.util.find_spec("mpi4py"):
        return [command[0], "-m", "mpi4py", *command[1:]]
    return command


def main(mode: str, words: List[str]) -> int:
    content = read_content()
    if mode == "lead":
        return run_lead(content)
    if mode == "node":
        return serve_node(content)
    if mode == "connect":
        return connect(content, words[0], words[1:])
    return run_process(content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
