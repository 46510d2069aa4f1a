"""A service on a node: started, watched at its address, reported, and stopped when the server says so."""

import json
import os
import signal
import sys
import time

import httpx
import pytest
from lazuli.runner import service
from lazuli.runner.spec import BadSpec

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="agents run on Linux and macOS")

ECHO = """
import http.server, os, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 500)
        self.end_headers()
    def address_string(self):
        return "somebody"
class Server(socketserver.UnixStreamServer):
    pass
assert "LAZULI_WORK_KEY" not in os.environ and os.environ["LAZULI_TOKEN"] == "of its kind"
Server(sys.argv[1], Handler).serve_forever()
"""


class Studio:
    """Answers reports; says stop once `until` is true of one."""

    def __init__(self, until=lambda report: False):
        self.until, self.reports, self.is_stopping, self.status = until, [], False, 200

    def transport(self):
        return httpx.MockTransport(self.answer)

    def answer(self, request):
        report = json.loads(request.content)
        self.reports.append((request.url.path, request.headers["Authorization"], report))
        self.is_stopping |= self.until(report)
        return httpx.Response(self.status, json={"stop": self.is_stopping})

    @property
    def healths(self):
        return list(dict.fromkeys(report["health"] for _, _, report in self.reports))


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setattr(service, "REPORT_SECONDS", 0.1)
    monkeypatch.setattr(service, "HEALTH_SECONDS", 0.1)
    monkeypatch.setattr(service, "POLL_SECONDS", 0.05)
    monkeypatch.setenv("AZUREML_RUN_TOKEN", "of its kind")
    for name, value in {"KEY": "key", "ID": "work-1", "DIR": str(tmp_path)}.items():
        monkeypatch.setenv(f"LAZULI_WORK_{name}", value)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def make_spec(tmp_path, script=ECHO, **fields) -> service.ServiceSpec:
    path = tmp_path / "spec.json"
    content = {
        "name": "echo",
        "server_url": "http://studio.test",
        "argv": [sys.executable, "-c", script, "{socket}"],
        "environment": {"python": {"userManagedDependencies": True, "interpreterPath": sys.executable}},
        "health_path": "/health",
        "grace_seconds": 2,
        **fields,
    }
    path.write_text(json.dumps(content))
    return service.ServiceSpec.read_file(str(path))


class LateParent:
    """A warm parent that becomes ready while the folders of a replica are chosen, which it cannot write to."""

    sockets, is_ready, work = None, True, "/not/there"

    def fork(self, *_):
        raise AssertionError("forked with folders outside of those of its parent")

    def want_parent(self, *_):
        """There is one."""


def test_a_parent_that_is_ready_too_late_forks_the_next_replica(tmp_path, monkeypatch):
    monkeypatch.setattr(service, "find_warm_start", lambda *_: LateParent())
    monkeypatch.setattr(service, "read_danger", lambda *_: "")
    studio = Studio(lambda report: report["health"] == "healthy")
    assert service.keep_up(make_spec(tmp_path, is_replica=True), studio.transport()) == 0
    assert studio.healths == ["starting", "healthy"]


def test_a_service_is_reported_healthy_at_its_address_and_stopped_when_the_server_says_so(tmp_path):
    studio = Studio(lambda report: report["health"] == "healthy")
    assert service.keep_up(make_spec(tmp_path, folder=str(tmp_path / "home")), studio.transport()) == 0
    path, key, report = studio.reports[-1]
    assert (path, key, studio.healths) == ("/nodes/v1/work/work-1/alive", "Bearer key", ["starting", "healthy"])
    socket = report["address"].removeprefix("unix:")
    assert socket != report["address"] and not os.path.exists(socket)


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="reads the memory of processes")
def test_a_service_that_uses_more_than_its_memory_is_ended_with_the_reason(tmp_path, capfd):
    hungry = "import time\nheld = bytearray(b'x') * 120_000_000\ntime.sleep(60)\n"
    assert service.keep_up(make_spec(tmp_path, hungry, memory_gb=0.05), Studio().transport()) == 1
    assert (
        "echo was ended. The script used 0.1 GB of memory; its part of the node has 0.1 GB." in capfd.readouterr().err
    )


def test_the_build_of_its_environment_is_reported_with_the_last_line_unless_it_is_cached(tmp_path, monkeypatch):
    found = service.find_interpreter(make_spec(tmp_path).process, print, lambda: False)
    for lines, healths in (
        (["The environment is in the cache.\n"], []),
        (["Python 3.11\n", "Built x\n"], ["building"]),
    ):
        studio = Studio(lambda report: report["health"] == "healthy")

        def find(spec, log, cancelled, lines=lines):
            for line in lines:
                log(line)
                time.sleep(0.3)
            return found

        with monkeypatch.context() as patch:
            patch.setattr(service, "find_interpreter", find)
            patch.setenv("LAZULI_WORK_KEY", "key")
            patch.setenv("LAZULI_WORK_ID", "work-1")
            assert service.keep_up(make_spec(tmp_path), studio.transport()) == 0
        assert [each for each in studio.healths if each == "building"] == healths
        said = {report["progress"] for _, _, report in studio.reports}
        assert said == ({"", "Python 3.11", "Built x"} if healths else {""})
        parts = [report["build"] for _, _, report in studio.reports if "build" in report]
        assert "".join(part["text"] for part in parts) == ("".join(lines) if healths else "")
        assert [part["offset"] for part in parts] == ([0, 12, 20] if healths else [])
        assert [part["isDone"] for part in parts] == ([False, False, True] if healths else [])


def test_the_log_of_a_build_that_fails_ends_with_the_reason(tmp_path, monkeypatch):
    def fail(spec, log, cancelled):
        log("Python 3.11\0\n")
        raise service.BuildFailed("nothing fits")

    monkeypatch.setattr(service, "find_interpreter", fail)
    studio = Studio()
    assert service.keep_up(make_spec(tmp_path), studio.transport()) == 1
    parts = [report["build"] for _, _, report in studio.reports if "build" in report]
    assert "".join(part["text"] for part in parts) == "Python 3.11\ufffd\nnothing fits\n"
    assert not any(part["isDone"] for part in parts)


def test_a_service_that_ends_says_how(tmp_path, capfd):
    script = "print('the port is taken'); raise SystemExit(3)"
    assert service.keep_up(make_spec(tmp_path, script), Studio().transport()) == 1
    assert capfd.readouterr().err.splitlines()[-1] == "echo ended with exit code 3. the port is taken"


def test_a_service_that_does_not_answer_is_ended(tmp_path, capfd):
    spec = make_spec(tmp_path, "import time; time.sleep(60)", start_seconds=0.3)
    assert service.keep_up(spec, Studio().transport()) == 1
    assert "echo did not answer for 0 seconds." in capfd.readouterr().err


def test_a_service_may_listen_at_a_port(tmp_path):
    script = (
        "import socket, sys\nwith socket.create_server(('127.0.0.1', int(sys.argv[2]))) as s:\n  while 1: s.accept()"
    )
    argv = [sys.executable, "-c", script, "", "{port}"]
    studio = Studio(lambda report: report["health"] == "healthy")
    assert service.keep_up(make_spec(tmp_path, argv=argv, listen="tcp", health_path=""), studio.transport()) == 0
    assert studio.reports[-1][2]["address"].startswith("127.0.0.1:")


def test_an_attempt_that_was_replaced_ends_its_service(tmp_path):
    studio = Studio()
    studio.status = 409
    assert service.keep_up(make_spec(tmp_path), studio.transport()) == 0


def test_an_incomplete_spec_is_refused(tmp_path):
    with pytest.raises(BadSpec, match="The spec lacks argv"):
        make_spec(tmp_path, argv=[])
