"""Passes connections of the web server to the gateway: the descriptor of the socket, and the bytes that were read.

It also notifies the gateway of changed services.
"""

import contextlib
import json
import os
import pathlib
import socket
import struct
import tempfile

LENGTH = struct.Struct("!I")
SECONDS = 1.0
# The longest path of a socket; the kernel accepts about a hundred characters.
MAX_PATH = 100


def choose_socket(data_dir: pathlib.Path) -> pathlib.Path:
    """Where the gateway waits for connections."""
    path = data_dir / "gateway.sock"
    return path if len(str(path)) <= MAX_PATH else pathlib.Path(tempfile.mkdtemp(prefix="lazuli-")) / "gateway.sock"


def hand_over(path: str, sock: socket.socket, received: bytes) -> bool:
    """False if the gateway does not take it; then the connection is still this process's."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(path)
        socket.send_fds(connection, [LENGTH.pack(len(received))], [sock.fileno()])
        connection.sendall(received)
        return True
    return False


def notify(path: str, subject: dict[str, str]) -> None:
    """Notify the gateway of a change, so that it asks the studio at the next request instead of within seconds."""
    message = json.dumps(subject).encode()
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(path)
        connection.sendall(LENGTH.pack(len(message)) + message)


def forget(sock: socket.socket) -> None:
    """Close the descriptor of this process only. A shutdown would end the connection for the gateway too."""
    os.close(sock.detach())
