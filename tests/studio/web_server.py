"""The web server with an application of a test's own: one process of two threads."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from studio import serving

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@contextlib.contextmanager
def serve(folder: pathlib.Path, application: str, **env) -> Iterator[tuple[int, subprocess.Popen]]:
    (folder / "who.py").write_text(application)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--worker-class", "studio.serving.Worker"]
    command += ["--limit-request-line", str(serving.limit_request_line)]
    options = ["--threads", "2", "--keep-alive", "20", "--graceful-timeout", "5", "--bind", f"127.0.0.1:{port}", "who"]
    env = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", **env}
    process = subprocess.Popen([*command, *options], cwd=folder, env=env, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not answers(port):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield port, process
    process.terminate()
    process.wait(20)


def answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
