"""The runner as a whole, with a server that only remembers what it is told."""

import io
import json
import os
import sys
import threading
import time
import zipfile
from urllib.parse import parse_qs

import httpx
import pytest
from lazuli import errors, processes
from lazuli.runner import log_stream, script_limits, stop_monitor, supervisor, work_folder
from lazuli.runner.spec import BadSpec, Spec

WORKSPACE_PATH = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w", "workspace_id": "w-id"}
STD_LOG = "user_logs/std_log.txt"


class Records:
    """A server's memory of one run. `down` answers 503 for as many requests as told."""

    def __init__(self, files):
        self.files = files
        self.events = []
        self.artifacts = {}
        self.batches = []
        self.metrics = {}
        self.down = 0
        self.cancel = False
        self.stale = False
        self.refused = {}
        self.lock = threading.Lock()

    def __call__(self, request):
        with self.lock:
            if self.down:
                self.down -= 1
                return httpx.Response(503, request=request)
            path = request.url.path
            if path.endswith("/zip"):
                return httpx.Response(200, content=packed(self.files))
            body = request.read()
            query = {key: values[0] for key, values in parse_qs(request.url.query.decode()).items()}
            return self.answer(path.rsplit("/", 1)[-1], request.method, body, query)

    def answer(self, word, method, body, query):
        if word in self.refused:
            status, code, details = self.refused[word]
            error = {"code": code, "message": f"{code} here.", "details": details}
            return httpx.Response(status, json={"error": error})
        if word == "events":
            self.events.append(json.loads(body))
            return httpx.Response(200, json={})
        if word == "heartbeat":
            if self.stale:
                return httpx.Response(409, json={"error": {"code": "stale_attempt", "message": "Another attempt."}})
            return httpx.Response(200, json={"status": "Running", "cancelRequested": self.cancel})
        if word == "metrics":
            batch = json.loads(body)
            if any(metric["name"] == "bad" for metric in batch["metrics"]):
                return httpx.Response(400, json={"error": {"code": "invalid", "message": "No such kind."}})
            self.metrics.setdefault(batch["batchId"], batch["metrics"])
            return httpx.Response(200, json={})
        if word == "append":
            present = self.artifacts.setdefault(query["path"], b"")
            self.artifacts[query["path"]] = present + body[max(0, len(present) - int(query["offset"])) :]
            return httpx.Response(200, json={})
        if word == "artifacts" and method == "PUT":
            return self.store_batch(body)
        if word == "content":
            if query["path"] in self.artifacts and "overwrite" not in query:
                return httpx.Response(409, json={"error": {"code": "path_conflict", "message": "It is there."}})
            self.artifacts[query["path"]] = body
            return httpx.Response(200, json={})
        return httpx.Response(200, json={"experimentId": "e-id"})

    def store_batch(self, body):
        line, _, rest = body.partition(b"\n")
        files = json.loads(line)["files"]
        if any(file["path"] in self.artifacts for file in files):
            return httpx.Response(409, json={"error": {"code": "path_conflict", "message": "One is there."}})
        for file in files:
            self.artifacts[file["path"]], rest = rest[: file["size"]], rest[file["size"] :]
        self.batches.append(len(files))
        return httpx.Response(200, json={"stored": len(files), "skipped": []})

    @property
    def states(self):
        return [event["status"] for event in self.events]

    @property
    def error(self):
        return self.events[-1]["error"]

    @property
    def log(self):
        return self.artifacts.get(STD_LOG, b"").decode()


def packed(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setattr(stop_monitor, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(log_stream, "PAUSE_SECONDS", 0.1)
    monkeypatch.setenv("LAZULI_WORK_DIR", str(tmp_path))
    monkeypatch.delenv("LAZULI_LIFELINE_FD", raising=False)


def run(script, during=None, **fields):
    records = fields.pop("records", None) or Records({"train.py": script})
    content = {
        "run_id": "run_1",
        "experiment": "exp",
        "workspace": WORKSPACE_PATH,
        "server_url": "http://studio",
        "snapshot_id": "snap",
        "argv": ["python", "train.py"],
        "environment": {"name": "mine", "python": {"userManagedDependencies": True}},
        **fields,
    }
    spec = Spec.from_dict(content, "token")
    spec.grace_seconds = fields.get("grace_seconds", 1.0)
    if during:
        threading.Thread(target=during, args=(records,), daemon=True).start()
    records.status = supervisor.supervise_run(spec, httpx.MockTransport(records))
    return records


def test_a_script_runs_from_its_snapshot_to_its_outputs(tmp_path):
    records = run(
        "import os, sys\n"
        "print('hello', os.environ['AZUREML_RUN_ID'], os.environ['MINE'])\n"
        "print('to stderr', file=sys.stderr)\n"
        "open('outputs/model.pkl', 'w').write('m')\n"
        "os.makedirs('outputs/deep'); open('outputs/deep/x', 'w').write('x')\n"
        "open('logs/train.txt', 'w').write('logged')\n",
        environment_variables={"MINE": "1"},
        node="node-1",
    )
    assert records.states == ["Preparing", "Running", "Finalizing", "Completed"]
    assert records.events[0]["node"] == "node-1"
    assert records.log == "hello run_1 1\nto stderr\n"
    assert records.artifacts["outputs/model.pkl"] == b"m"
    assert records.artifacts["outputs/deep/x"] == b"x"
    assert records.artifacts["logs/train.txt"] == b"logged"
    assert records.status == 0
    assert os.listdir(tmp_path) == []


def test_what_an_environment_leaves_out_is_a_warning_of_the_run(monkeypatch):
    warnings = [f"x{number} is left out." for number in range(25)]
    found = supervisor.Interpreter(sys.executable, built=False, warnings=warnings)
    monkeypatch.setattr(supervisor, "find_interpreter", lambda *_: found)
    said = [event["warning"]["message"] for event in run("").events if "warning" in event]
    assert said[:20] == warnings[:20]
    assert said[20:] == ["5 more warnings are in azureml-logs/20_image_build_log.txt."]


def test_a_child_that_is_killed_for_memory_is_a_warning_and_the_exit_code_counts(monkeypatch, tmp_path):
    counts = tmp_path / "vmstat"
    counts.write_text("pgfault 5\noom_kill 3\n")
    monkeypatch.setattr(processes, "VMSTAT", str(counts))
    done = run(f"open({str(counts)!r}, 'w').write('pgfault 5\\noom_kill 4\\n')")
    [warning] = [event["warning"] for event in done.events if "warning" in event]
    assert "the system killed a process, maybe of this job" in warning["message"]
    assert done.states[-1] == "Completed"
    counts.write_text("oom_kill 4\n")
    assert not [event for event in run("").events if "warning" in event]


def test_the_variables_of_a_run_are_there():
    records = run("import os, json; json.dump(dict(os.environ), open('outputs/found.json', 'w'))")
    found = json.loads(records.artifacts["outputs/found.json"])
    assert found["AZUREML_ARM_WORKSPACE_NAME"] == "w"
    assert found["AZUREML_ARM_PROJECT_NAME"] == "exp"
    assert found["AZUREML_RUN_TOKEN"] == found["MLFLOW_TRACKING_TOKEN"] == "token"
    assert found["AZUREML_SERVICE_ENDPOINT"] == found["LAZULI_URL"] == "http://studio"
    assert found["MLFLOW_EXPERIMENT_ID"] == found["AZUREML_EXPERIMENT_ID"] == "e-id"
    assert found["MLFLOW_TRACKING_URI"].startswith("http://studio/mlflow/v1.0/subscriptions/s/")
    assert found["PYTHONUNBUFFERED"] == "1"
    assert "LAZULI_WORK_DIR" not in found


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.exit(3)", "The script ended with exit code 3."),
        ("raise ValueError('boom')", "The script ended with exit code 1: ValueError: boom"),
        ("import os; os.kill(os.getpid(), 9)", "The script was ended by the signal SIGKILL"),
        (
            "import pandas_is_not_this",
            "If 'pandas_is_not_this' is a module of your own, it is missing from the snapshot",
        ),
        ("import sys; sys.exit('no data')", "The script ended with exit code 1: no data"),
    ],
)
def test_a_failure_says_why(script, message):
    records = run(script)
    assert records.states[-1] == "Failed"
    assert message in records.error["message"]


def test_a_command_for_the_shell_and_one_that_is_not_there():
    assert run("", argv=None, command="echo one && echo two").log == "one\ntwo\n"
    missing = run("", argv=["no-such-program"])
    assert missing.states == ["Preparing", "Failed"]
    assert "no-such-program could not be started" in missing.error["message"]


def test_python_in_a_command_is_the_interpreter_that_the_user_manages(tmp_path):
    other = tmp_path / "bin" / "python3.x"
    other.parent.mkdir()
    other.write_text(f'#!/bin/sh\nLAZULI_SEEN=yes exec {sys.executable} "$@"\n')
    other.chmod(0o755)
    environment = {"name": "mine", "python": {"userManagedDependencies": True, "interpreterPath": str(other)}}
    command = "cd outputs && python -c \"import os; print(os.environ['LAZULI_SEEN'], '$AZUREML_RUN_ID')\""
    assert run("", argv=None, command=command, environment=environment).log == "yes run_1\n"


def test_what_has_no_effect_stands_at_the_top_of_the_log():
    records = run("print('begun')", warnings=["docker.enabled: no container."])
    assert records.log == "WARNING: docker.enabled: no container.\nbegun\n"


def test_cancel_ends_the_script_and_its_children():
    def cancel(records):
        while "started" not in records.log:
            time.sleep(0.05)
        records.cancel = True

    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "print('started', child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    started = time.monotonic()
    records = run(script, cancel)
    assert records.states[-1] == "Canceled"
    assert time.monotonic() - started < 15
    assert not os.path.exists(f"/proc/{records.log.split()[1]}/environ") or not alive(int(records.log.split()[1]))


def alive(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")


def test_a_refused_token_kills_and_the_node_learns_why(capfd):
    def refuse(records):
        while "started" not in records.log:
            time.sleep(0.05)
        records.refused["heartbeat"] = (401, "AuthenticationFailed", [])

    records = run("import time; print('started', flush=True); time.sleep(60)", refuse)
    assert records.states == ["Preparing", "Running"]
    assert records.status == 1
    assert "The heartbeat was refused: AuthenticationFailed here." in capfd.readouterr().err


def test_a_stale_attempt_kills_and_says_nothing():
    def stale(records):
        while "started" not in records.log:
            time.sleep(0.05)
        records.stale = True

    records = run("import time; print('started', flush=True); time.sleep(60)", stale)
    assert records.states == ["Preparing", "Running"]
    assert records.status == 0


STARTER = """
import subprocess, sys, time
from lazuli.runner.script_process import ScriptProcess
ScriptProcess(sys.argv[1], ".", {"PATH": "/usr/bin:/bin"}, sys.argv[2])
print("started", flush=True)
time.sleep(60)
"""


def test_a_killed_runner_leaves_nothing(tmp_path):
    import subprocess

    log = tmp_path / "log.txt"
    command = "sleep 61 & echo $! > one; setsid sleep 62 & echo $! > two; wait"
    runner = subprocess.Popen(
        [sys.executable, "-c", STARTER, command, str(log)], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout.readline() == "started\n"
    deadline = time.monotonic() + 10
    while not (tmp_path / "two").exists() or not (tmp_path / "two").read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pids = [int((tmp_path / name).read_text()) for name in ("one", "two")]
    assert all(os.path.exists(f"/proc/{pid}") and alive(pid) for pid in pids)
    runner.kill()
    runner.wait()
    while any(os.path.exists(f"/proc/{pid}") and alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_time_limit_is_kept():
    records = run("import time; print('x', flush=True); time.sleep(60)", timeout_seconds=1)
    assert records.states[-1] == "Failed"
    assert records.error["code"] == "TimedOut" and "the allowed 1 second." in records.error["message"]


def test_a_time_limit_is_said_in_a_unit_that_fits():
    said = [supervisor._format_limit(seconds) for seconds in (1200, 3600, 7200, 5400, 61.5)]
    assert said == ["20 minutes", "1 hour", "2 hours", "90 minutes", "61.5 seconds"]


def test_a_time_limit_is_kept_while_the_server_does_not_answer():
    def cut(records):
        while "x" not in records.log:
            time.sleep(0.02)
        with records.lock:
            records.down = 1_000_000
        time.sleep(2)
        with records.lock:
            records.down = 0

    script = "import time\nfor n in range(600):\n    print('x', n, flush=True); time.sleep(0.1)\n"
    records = run(script, cut, timeout_seconds=1)
    assert records.error["code"] == "TimedOut" and len(records.log.splitlines()) < 25


def test_a_script_that_dies_ends_its_run_within_5_seconds():
    for script, reason in (
        ("import sys; sys.exit(3)", "exit code 3"),
        ("raise ValueError('no data')", "ValueError: no data"),
        ("import os; os.kill(os.getpid(), 9)", "the signal SIGKILL"),
    ):
        started = time.monotonic()
        records = run(script)
        assert time.monotonic() - started < 5 and reason in records.error["message"], script


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="reads the memory of processes")
@pytest.mark.parametrize(
    ("code", "script"),
    [
        # Memory that processes share counts once, and files that are only mapped do not count.
        (
            "",
            "import mmap, os, time\nheld = bytearray(b'x') * 120_000_000\n"
            "for n in range(3):\n    os.fork() or (time.sleep(2.5), os._exit(0))\n"
            "big = open('big', 'wb')\nfor n in range(120):\n    big.write(b'x' * 1_000_000)\nbig.close()\n"
            "file = mmap.mmap(os.open('big', os.O_RDONLY), 0, access=1)\n"
            "sum(file[::4096])\ntime.sleep(1.5)\n",
        ),
        ("OutOfMemory", "import time\nheld = bytearray(b'x') * 400_000_000\ntime.sleep(60)\n"),
        (
            "OutOfMemory",
            "import os, time\nfor n in range(4):\n    if not os.fork():\n"
            "        held = bytearray(b'x') * 100_000_000; time.sleep(60)\ntime.sleep(60)\n",
        ),
        ("TooManyProcesses", "import os, time\nfor n in range(30):\n    os.fork() or time.sleep(60)\ntime.sleep(60)\n"),
        (
            "OutOfDisk",
            "import time\nwith open('outputs/big', 'wb') as file:\n    for n in range(250):\n"
            "        file.write(b'x' * 1_000_000)\ntime.sleep(60)\n",
        ),
    ],
    ids=["within", "one process", "all processes", "processes", "disk"],
)
def test_a_script_that_exceeds_its_part_of_the_node_is_ended(monkeypatch, code, script):
    monkeypatch.setattr(script_limits, "CHECK_SECONDS", 0.3)
    monkeypatch.setattr(script_limits, "MAX_PROCESSES", 25)
    monkeypatch.setenv("NODE_DISK_GB", "0.15")
    started = time.monotonic()
    records = run(script, memory_gb=0.28)
    assert records.states[-1] == ("Failed" if code else "Completed"), records.error
    if code:
        assert records.error["code"] == code and time.monotonic() - started < 20
    assert not any(path.startswith("outputs/") for path in records.artifacts)


def test_when_the_host_is_gone_the_script_ends(monkeypatch):
    read_end, write_end = os.pipe()
    monkeypatch.setenv("LAZULI_LIFELINE_FD", str(read_end))

    def cut(records):
        while "started" not in records.log:
            time.sleep(0.05)
        os.close(write_end)

    records = run("import time; print('started', flush=True); time.sleep(60)", cut)
    assert records.states[-1] == "Failed"
    assert records.error["message"] == "The machine was shut down."


def test_a_server_that_restarts_loses_nothing():
    def restart(records):
        while "line 3\n" not in records.log:
            time.sleep(0.02)
        with records.lock:
            records.down = 12

    script = (
        "import time\nfor n in range(30):\n    print('line', n, flush=True); time.sleep(0.03)\nopen('outputs/a','w')\n"
    )
    records = run(script, restart)
    assert records.log == "".join(f"line {number}\n" for number in range(30))
    assert records.states == ["Preparing", "Running", "Finalizing", "Completed"]
    assert "outputs/a" in records.artifacts


def test_outputs_that_the_server_refuses_fail_the_run(capsys):
    records = Records({"train.py": "open('outputs/a', 'w').write('x'); open('logs/b', 'w').write('x')"})
    records.refused["content"] = (403, "Forbidden", [])
    run(None, records=records)
    assert records.states[-1] == "Failed"
    assert records.error["code"] == "OutputsNotSaved" and "outputs/a: Forbidden here." in records.error["message"]
    assert "This file could not be uploaded: outputs/a" in capsys.readouterr().err


def test_a_log_that_the_server_refuses_does_not_fail_the_run(capsys):
    records = Records({"train.py": "print('x')"})
    records.refused["append"] = (413, "TooLarge", [])
    run(None, records=records)
    assert records.states[-1] == "Completed"
    assert "user_logs/std_log.txt is no longer uploaded: TooLarge here." in capsys.readouterr().err


def test_the_log_continues_where_the_server_says(tmp_path):
    appended = []

    class Api:
        def append(self, artifact, offset, chunk):
            if not appended and offset == 0:
                appended.append("first")
                details = {"error": {"details": [{"code": "size", "message": "4"}]}}
                raise errors.Conflict("The file has 4 bytes.", status_code=409, code="wrong_offset", details=details)
            appended.append((offset, chunk))

    (tmp_path / "log.txt").write_bytes(b"one\ntwo\n")
    assert log_stream.LogStream(Api(), str(tmp_path / "log.txt"), STD_LOG).close()
    assert appended == ["first", (4, b"two\n")]


@pytest.mark.parametrize("end", [b"\n", b" "], ids=["lines", "no_newline"])
def test_of_a_very_long_log_the_head_and_the_tail_are_stored(tmp_path, monkeypatch, end):
    """Masked also where it is cut, and whole if little would be left out."""
    monkeypatch.setattr(log_stream, "HEAD_BYTES", 3000)
    monkeypatch.setattr(log_stream, "TAIL_BYTES", 1000)
    secret = b"lz_" + b"s" * 60

    class Api:
        def __init__(self):
            self.stored = b""

        def append(self, artifact, offset, chunk):
            assert offset == len(self.stored) and len(chunk) <= log_stream.CHUNK_BYTES
            self.stored += chunk

    def store(content):
        api = Api()
        (tmp_path / "log.txt").write_bytes(content)
        assert log_stream.LogStream(api, str(tmp_path / "log.txt"), STD_LOG).close()
        return api.stored

    line = b"x" * 99 + end
    assert store(line * 40) == line * 40
    middle = b" " + secret + line * 10_000 + b" " + secret
    found = store(line * 29 + b"y" * 80 + middle + b" " * 980)
    head, tail = line * 29 + b"y" * 80 + b" ", b"*" * 20 + b" " * 980
    assert found == head + b"\n%d bytes not kept\n" % (len(middle) - 1 - 20) + tail


def test_what_the_script_uploaded_itself_stays():
    records = Records({"train.py": "open('outputs/a', 'w').write('late')"})
    records.artifacts["outputs/a"] = b"early"
    run(None, records=records)
    assert records.artifacts["outputs/a"] == b"early"
    assert records.states[-1] == "Completed"


MANY = "for name in 'abcd': open('outputs/' + name, 'w').write(name * (300_000 if name == 'c' else 2))"


def test_small_outputs_share_a_request():
    records = run(MANY)
    assert records.states[-1] == "Completed" and records.batches == [3]
    assert [len(records.artifacts[f"outputs/{name}"]) for name in "abcd"] == [2, 2, 300_000, 2]


def test_outputs_are_uploaded_one_by_one_if_they_cannot_share_a_request():
    # The script has uploaded one of them, or the studio is older than such requests.
    for code, status, before in (("path_conflict", 409, {"outputs/a": b"early"}), ("NotFound", 405, {})):
        records = Records({"train.py": MANY})
        records.refused["artifacts"] = (status, code, [])
        records.artifacts.update(before)
        run(None, records=records)
        assert records.states[-1] == "Completed" and records.batches == []
        assert (
            records.artifacts["outputs/a"] == before.get("outputs/a", b"aa") and records.artifacts["outputs/d"] == b"dd"
        )


ODD = r"""
import os
os.makedirs(b"outputs/caf\xe9")
for name in (b"outputs/caf\xe9/\xff.txt", b"outputs/two\nlines", b"outputs/a\\b", b"logs/\xfe.txt", b"outputs/plain"):
    with open(name, "w") as file:
        file.write("x")
"""


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take only UTF-8")
def test_a_file_whose_name_is_not_utf_8_is_saved_under_a_readable_one():
    records = run(ODD)
    assert records.states[-1] == "Completed"
    names = set(records.artifacts) - {STD_LOG}
    assert names == {"outputs/caf%E9/%FF.txt", "outputs/two%0Alines", "outputs/a%5Cb", "logs/%FE.txt", "outputs/plain"}
    assert r"The file b'outputs/caf\xe9/\xff.txt' is saved as outputs/caf%E9/%FF.txt, because" in records.log
    assert len(records.log.splitlines()) == 4


def test_a_script_that_removes_its_outputs_goes_on_and_the_log_says_so():
    records = run("import os; os.rmdir('outputs'); print('goes on')")
    assert records.states[-1] == "Completed"
    assert records.log.endswith("goes on\noutputs/ is gone: the script has removed it, so nothing in it is saved.\n")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of Linux")
def test_a_script_writes_no_core_file():
    records = run("import resource; print(resource.getrlimit(resource.RLIMIT_CORE))")
    assert records.log == "(0, 0)\n"


def test_heartbeats_go_on_until_the_end_is_reported():
    """Else a run whose script has ended would be lost while its outputs go up, or while the server is away."""
    beats = []

    class Slow(Records):
        def answer(self, word, method, body, query):
            if word == "heartbeat":
                beats.append(len(self.events))
            if word == "events" and b"Completed" in body and len([n for n in beats if n == 3]) < 2:
                return httpx.Response(503)
            return super().answer(word, method, body, query)

    assert run(None, records=Slow({"train.py": "print(1)"})).states[-1] == "Completed"
    assert beats.count(3) >= 2


def test_a_machine_that_goes_does_not_wait_for_a_server_that_is_away(monkeypatch):
    read_end, write_end = os.pipe()
    monkeypatch.setenv("LAZULI_LIFELINE_FD", str(read_end))
    monkeypatch.setattr(supervisor, "SHUTDOWN_SECONDS", 0.2)

    class Leaving(Records):
        def answer(self, word, method, body, query):
            if word == "events" and b"Finalizing" in body:
                self.down = 10**9
                os.close(write_end)
            return super().answer(word, method, body, query)

    started = time.monotonic()
    records = run(None, records=Leaving({"train.py": "open('outputs/a', 'w').write('x')"}))
    assert time.monotonic() - started < 15
    assert (records.states[-1], records.status) == ("Finalizing", 1)


def test_a_link_out_of_the_folder_is_not_collected(tmp_path_factory):
    secret = tmp_path_factory.mktemp("secret") / "key"
    secret.write_text("secret")
    records = run(f"import os; os.symlink({str(secret)!r}, 'outputs/key'); open('outputs/ok', 'w')")
    assert "outputs/ok" in records.artifacts
    assert "outputs/key" not in records.artifacts


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil"])
def test_a_snapshot_cannot_leave_its_folder(name, tmp_path):
    records = run(None, records=Records({name: "x"}))
    assert records.states == ["Preparing", "Failed"]
    assert "outside its folder" in records.error["message"]


def test_links_are_not_unpacked(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(work_folder.BadSnapshot, match="link"):
        work_folder.unpack_snapshot(buffer, str(tmp_path))


def test_a_read_only_folder_is_removed_all_the_same(tmp_path):
    run("import os; os.makedirs('a/b'); open('a/b/c', 'w'); os.chmod('a/b', 0o500); os.chmod('a', 0o500)")
    assert os.listdir(tmp_path) == []


def test_a_machine_that_cannot_is_reported(monkeypatch):
    monkeypatch.setenv("LAZULI_WORK_DIR", "/proc/nowhere")
    records = run("print(1)")
    assert records.states == ["Preparing", "Failed"]
    assert records.error["code"] == "MachineProblem"


def test_it_may_be_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("LAZULI_KEEP_WORKDIR", "1")
    run("print(1)")
    assert len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [([], "JSON object"), ({"run_id": "x"}, "lacks experiment"), ({}, "lacks run_id")],
)
def test_a_wrong_spec_is_named(content, message):
    with pytest.raises(BadSpec, match=message):
        Spec.from_dict(content, "token")


def test_the_command_line_says_what_is_wrong(tmp_path):
    import subprocess

    command = [sys.executable, "-m", "lazuli.runner"]
    assert "usage" in subprocess.run(command, capture_output=True, text=True, check=False).stderr
    (tmp_path / "spec.json").write_text("{}")
    done = subprocess.run([*command, str(tmp_path / "spec.json")], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "AZUREML_RUN_TOKEN" in done.stderr


LEAVES_METRICS = """
import os
from lazuli.runs.metrics_spool import open_spool
spool = open_spool("/history/runs/run_1")
for name, value in [("a", 1), ("bad", 2), ("a", 3)]:
    spool.add({"name": name, "kind": "scalar", "value": value})
spool.mark_sending("2b1c7a52-4e52-4cb8-9a39-0f4f6b1ad2a4", 2)
os._exit(3)
"""


def test_what_a_script_logged_before_it_was_cut_off_is_sent_by_the_runner():
    def fall_away(records):
        while "Running" not in records.states:
            time.sleep(0.01)
        records.down = 3

    records = run(LEAVES_METRICS, fall_away)
    assert [metric["value"] for batch in records.metrics.values() for metric in batch] == [1, 3]
    assert "the server refused 1 metric(s) (bad): No such kind." in records.log
    assert records.states[-1] == "Failed"
