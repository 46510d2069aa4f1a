"""Warm parents of environments, and replicas forked from them: what they share, what they do not, and when they are gone."""

import array
import contextlib
import http.server
import io
import json
import os
import pathlib
import signal
import socket
import struct
import sys
import threading
import time
import zipfile

import azureml.exceptions  # noqa: F401 - a module of the SDK, for the list of those that were imported
import numpy  # noqa: F401 - one of the environment
import pytest
from lazuli import processes
from lazuli.agent.warm_parents import WarmParents
from lazuli.runner import records, script_limits, warm_start
from lazuli.runner.interpreter import Interpreter
from lazuli.runner.script_fence import ScriptFence
from lazuli.runner.spec import Spec
from lazuli.runner.work_folder import WorkFolder
from lazuli.scoring.warm_packages import IMPORTED, choose_usual, read_imported, write_imported

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere replicas are started plainly")
MEGABYTES = 60
SCORE = """
import json, os, random, sys
import xgboost
def init():
    global seen
    seen = getattr(xgboost, "seen", [])
    xgboost.seen = [*seen, os.getpid()]
def run(data):
    opened = []
    for path in json.loads(data):
        try:
            opened.append(os.path.basename(open(path).name))
        except PermissionError:
            opened.append("")
    return {"seen": seen, "opened": opened, "number": random.random(), "secret": os.environ.get("SECRET"),
            "home": os.environ["HOME"], "token": "LAZULI_TOKEN" in os.environ, "folder": os.getcwd()}
"""


class Studio(http.server.BaseHTTPRequestHandler):
    """Answers what a replica asks for."""

    def do_GET(self):
        plan = {"service": "s", "workspace": "w", "entryScript": "score.py", "concurrency": 1, "timeoutSeconds": 5}
        body = json.dumps({**plan, "collectsData": False, "models": []}).encode()
        if self.path.endswith("/code"):
            code = io.BytesIO()
            with zipfile.ZipFile(code, "w") as file:
                file.writestr("score.py", SCORE)
            body = code.getvalue()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.server.reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *words):
        """Quiet."""


@pytest.fixture
def studio():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Studio)
    server.reports = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class Environment:
    """A node's folder, and an environment with a package that is a usual one by its name."""

    def __init__(self, folder, studio, package=f"DATA = os.urandom({MEGABYTES} * 1024**2)"):
        self.studio, self.data, self.packages = studio, folder / "data", folder / "packages"
        self.module = self.packages / "xgboost" / "__init__.py"
        self.module.parent.mkdir(parents=True)
        self.module.write_text(f"import os\n{package}\n")
        self.interpreter = Interpreter(sys.executable, import_path=str(self.packages), built=False)
        self.parents = WarmParents(self.data / "warm")
        self.scripts, self.folders = [], []

    def warm_start(self, **variables):
        spec = Spec("s", "", {}, "", "", environment_variables=variables)
        return warm_start.find_warm_start(self.interpreter, spec, {})

    def want(self, warm, modules=("xgboost",)):
        imported = self.data / IMPORTED
        imported.write_text(json.dumps(modules))
        warm.want_parent(str(imported), {"PATH": os.environ["PATH"], "LAZULI_TOKEN": "secret"})
        wait_until(
            lambda: self.parents.run_round() or warm.is_ready or not os.path.exists(f"{warm.folder}/wanted.json")
        )

    def fork(self, warm, **variables):
        folder = WorkFolder("replica", warm.work)
        self.folders.append(folder)
        fence = ScriptFence(folder, self.interpreter, os.environ, writable=[warm.sockets])
        url = f"http://127.0.0.1:{self.studio.server_port}"
        own = {"PATH": os.environ["PATH"], "LAZULI_URL": url, "LAZULI_TOKEN": "token", **variables}
        address = f"{warm.sockets}/{len(self.folders)}"
        script = warm.fork(folder, address, fence.change_variables(own), fence.ruleset)
        fence.close()
        if script is None:
            return None
        script.address = address
        self.scripts.append(script)
        wait_until(lambda: os.path.exists(address) or script.wait(0.01) is not None)
        assert os.path.exists(address), pathlib.Path(folder.log).read_text()
        return script

    def end(self):
        for script in self.scripts:
            script.stop(0)
        self.parents.shut_down()
        for parent in self.parents._parents:
            parent.process.wait(5)


@pytest.fixture
def environment(tmp_path, monkeypatch, studio, request):
    monkeypatch.setattr("lazuli.agent.warm_parents.LOOK_SECONDS", 0)
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("LAZULI_HIDDEN_PATHS", str(tmp_path / "data"))
    monkeypatch.setenv(warm_start.VARIABLE, str(tmp_path / "data" / "warm"))
    monkeypatch.setenv("LAZULI_WORK_DIR", str(tmp_path / "data"))
    made = Environment(tmp_path, studio, *getattr(request, "param", ()))
    yield made
    made.end()


def wait_until(is_true, seconds=20):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def call(script, *paths):
    body = json.dumps(paths).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(script.address)
        connection.sendall(
            b"POST /score HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def test_replicas_share_the_packages_of_their_environment_and_nothing_else(environment, studio):
    warm = environment.warm_start(SECRET="of both")
    environment.want(warm)
    first, second = environment.fork(warm, SECRET="one"), environment.fork(warm, SECRET="two")
    key, other = str(environment.data / "warm" / "key"), environment.folders[0].log
    answers = [call(first, key, environment.folders[0].log), call(second, key, other)]
    # The parent never sees what a script does, and scripts see neither the key nor each other's folders.
    assert [answer["seen"] for answer in answers] == [[], []]
    assert [answer["opened"] for answer in answers] == [["", "std_log.txt"], ["", ""]]
    assert [answer["secret"] for answer in answers] == ["one", "two"]
    assert answers[0]["number"] != answers[1]["number"] and not answers[0]["token"]
    assert all(answers[0][name].startswith(environment.folders[0].path) for name in ("folder", "home"))
    trees = processes.read_trees([first.pid, second.pid])
    private = [sum(read_private(pid) for pid in tree.pids) / len(tree.pids) for tree in trees.values()]
    assert all(len(tree.pids) == 2 for tree in trees.values()) and max(private) < 25 * 1024**2, private
    assert script_limits.sum_memory(trees[second.pid].pids) < MEGABYTES * 1024**2
    wait_until(lambda: "forked from the warm parent" in "".join(report["log"] for report in studio.reports))
    assert processes.identify(second.pid)._asdict() == json.loads((environment.data / records.FORKED).read_text())
    (server,) = set(trees[second.pid].pids) - {second.pid}
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: second.wait(0.1) is not None)
    assert second.wait(0) == 256 - signal.SIGKILL and call(first)["seen"] == []


def read_private(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_")) * 1024


def test_a_killed_parent_leaves_its_replicas_and_another_one_follows(environment):
    warm = environment.warm_start()
    environment.want(warm)
    replica = environment.fork(warm)
    (parent,) = environment.parents.pids
    os.kill(parent, signal.SIGKILL)
    wait_until(lambda: environment.parents.run_round() or not environment.parents.pids)
    assert call(replica)["seen"] == [] and not warm.is_ready and warm.sockets is None
    environment.want(warm)
    assert environment.parents.pids != [parent] and call(environment.fork(warm))["seen"] == []
    replica.stop(0)
    assert processes.identify(replica.pid) is None


def test_replaced_packages_end_the_parent(environment):
    warm = environment.warm_start()
    environment.want(warm)
    assert environment.warm_start(NAME="value").folder != warm.folder
    environment.module.write_text("import os\nDATA = 1\n")
    assert environment.fork(warm) is None
    wait_until(lambda: not warm.is_ready)
    wait_until(lambda: environment.parents.run_round() or not environment.parents.pids)
    environment.want(warm)
    environment.fork(warm)
    assert read_private(environment.parents.pids[0]) < MEGABYTES * 1024**2


NATIVE_THREAD = """
import _thread, ctypes, time
_thread.start_new_thread(lambda: (ctypes.CDLL(None).prctl(15, b"{name}"), time.sleep(9)), ())
"""


@pytest.mark.parametrize("environment", [(NATIVE_THREAD.format(name="jemalloc_bg_thd"),)], indirect=True)
def test_the_thread_of_an_allocator_that_knows_forks_does_no_harm(environment):
    warm = environment.warm_start()
    environment.want(warm)
    assert call(environment.fork(warm))["number"] < 1


@pytest.mark.parametrize(
    "environment",
    [
        ("import threading, time\nthreading.Thread(target=time.sleep, args=[9], daemon=True).start()",),
        (NATIVE_THREAD.format(name="other"),),
    ],
    indirect=True,
)
def test_packages_that_start_threads_have_no_parent(environment):
    environment.want(environment.warm_start())
    wait_until(lambda: environment.parents.run_round() or environment.warm_start() is None)
    assert not environment.parents.pids
    assert "A package has started" in warm_start.read_danger(environment.interpreter, Spec("s", "", {}, "", ""))


def test_only_a_runner_can_ask_for_a_replica(environment):
    warm = environment.warm_start()
    environment.want(warm)
    key = str(environment.data / "warm" / "key")
    for path, flags in ((environment.data / IMPORTED, os.O_RDONLY), (key, os.O_PATH)):
        descriptor = os.open(path, flags)
        with contextlib.closing(warm_start.connect(f"{warm.folder}/s")) as connection:
            numbers = array.array("i", [descriptor])
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers.tobytes())]
            connection.sendmsg([struct.pack("!I", 2)], ancillary)
            with contextlib.suppress(OSError):
                connection.sendall(b"{}")
                assert warm_start.read_message(connection) == {}
        os.close(descriptor)
    assert call(environment.fork(warm))["seen"] == []


def test_only_usual_packages_are_imported():
    assert choose_usual(["numpy", "numpy.linalg", "mine", "os; evil", "antigravity", 3, "sklearn"]) == [
        "numpy",
        "numpy.linalg",
        "sklearn",
    ]


def test_the_sdk_is_imported_also_from_a_folder_beside_the_environment(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    write_imported(str(tmp_path / IMPORTED))
    assert set(read_imported(str(tmp_path / IMPORTED))) & {"azureml", "numpy", "azureml.exceptions"} == {
        "azureml",
        "azureml.exceptions",
    }
