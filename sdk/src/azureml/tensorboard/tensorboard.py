"""`Tensorboard(runs).start()`: the event files of runs in TensorBoard, kept up to date until `stop()`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import webbrowser
from importlib.util import find_spec
from typing import Iterable, List, Optional, Union

from lazuli.runs import files as run_files

from azureml.core.run import Run
from azureml.exceptions import AzureMLException, ServiceException, UserErrorException

EVENT_FILE = "tfevents"
REFRESH_SECONDS = 10.0
START_SECONDS = 60.0
ENDED = ("Completed", "Failed", "Canceled")


def require_tensorboard() -> None:
    """Raises UserErrorException if TensorBoard is not installed in this Python."""
    if find_spec("tensorboard") is None:
        raise UserErrorException("TensorBoard is not installed here: pip install tensorboard.")


class Tensorboard:
    """TensorBoard on a copy, in `local_root`, of the event files that the runs have uploaded, by `logs/` or `outputs/`."""

    def __init__(self, runs: Union[Run, Iterable[Run]], local_root: Optional[str] = None, port: int = 6006):
        self._runs: List[Run] = [runs] if isinstance(runs, Run) else list(runs)
        if not self._runs:
            raise UserErrorException("Tensorboard needs at least one run.")
        self._local_root = local_root or tempfile.mkdtemp(prefix="lazuli-tensorboard-")
        self._port = port
        self._process: Optional["subprocess.Popen[bytes]"] = None
        self._stopped = threading.Event()

    def start(self, start_browser: bool = False) -> str:
        """Start TensorBoard and return its address."""
        require_tensorboard()
        if self._process is not None:
            raise UserErrorException("This Tensorboard is already started; call stop() first.")
        _check_free(self._port)
        self._fetch_all()
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", self._local_root, "--port", str(self._port)]
        with open(os.path.join(self._local_root, "tensorboard.log"), "wb") as log:
            self._process = subprocess.Popen([*command, "--host", "localhost"], stdout=log, stderr=log)
        self._wait_until_ready()
        self._stopped.clear()
        threading.Thread(target=self._fetch_until_stopped, name="lazuli-tensorboard", daemon=True).start()
        url = f"http://localhost:{self._port}/"
        print(url)
        if start_browser:
            webbrowser.open(url)
        return url

    def stop(self) -> None:
        """End TensorBoard; the copies of the files stay in `local_root`."""
        self._stopped.set()
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _is_port_open(self._port):
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.stop()
                with open(os.path.join(self._local_root, "tensorboard.log"), errors="replace") as log:
                    raise AzureMLException(f"TensorBoard did not start: {log.read()[-2000:]}")
            time.sleep(0.2)

    def _fetch_until_stopped(self) -> None:
        while not self._stopped.wait(REFRESH_SECONDS):
            try:
                if not self._fetch_all():
                    return
            except (AzureMLException, ServiceException) as error:
                print(f"TensorBoard's files could not be fetched: {error.message}", file=sys.stderr)

    def _fetch_all(self) -> bool:
        """Copy new content; return whether any run can still add to its files."""
        ended = [run.get_status() in ENDED for run in self._runs]
        for run in self._runs:
            fetch_event_files(run, os.path.join(self._local_root, run.id))
        return not all(ended)


def fetch_event_files(run: Run, folder: str) -> List[str]:
    """Copy the run's event files that have grown; return the paths of the copies."""
    fetched = []
    for item in run._files.list_artifacts():
        if EVENT_FILE not in item["path"].rsplit("/", 1)[-1]:
            continue
        target = os.path.join(folder, *run_files.normalize_name(item["path"]).split("/"))
        if not os.path.isfile(target) or os.path.getsize(target) != item["size"]:
            run._files.download(item["path"], target)
            fetched.append(target)
    return fetched


def _is_port_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("localhost", port)) == 0


def _check_free(port: int) -> None:
    if _is_port_open(port):
        raise UserErrorException(f"The port {port} is in use; choose another: Tensorboard(runs, port=…).")
