"""The scoring server: a real process or server, real requests over sockets."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from lazuli.scoring.entry_script import BadEntryScript, EntryScript
from lazuli.scoring.server import ScoringServer

ECHO = """
import json
def init():
    global factor
    factor = 2
def run(raw_data):
    print("got", raw_data)
    return {"result": [factor * number for number in json.loads(raw_data)["data"]]}
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    servers = []
    monkeypatch.setattr(sys, "path", list(sys.path))

    def start(code=ECHO, **settings):
        path = tmp_path / "score.py"
        path.write_text(code)
        script = EntryScript(str(path))
        script.start()
        server = ScoringServer(script, **settings)
        port = server.listen()
        threading.Thread(target=server.serve, daemon=True).start()
        servers.append(server)
        return port

    yield start
    for server in servers:
        server.stop()


def send(port, method="POST", path="/score", body=b"", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def test_run_gets_the_text_of_the_body_and_its_result_is_json(start):
    answer, content = send(start(), body=b'{"data": [1, 2]}', headers={"x-ms-client-request-id": "mine"})
    assert (answer.status, json.loads(content)) == (200, {"result": [2, 4]})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["x-ms-run-function-failed"] == "False"
    assert answer.headers["x-ms-client-request-id"] == "mine" and len(answer.headers["x-request-id"]) == 36


def test_health_swagger_and_addresses_that_are_not_there(start):
    port = start(name="doubler")
    assert json.loads(send(port, "GET", "/")[1]) == "Healthy"
    described = json.loads(send(port, "GET", "/swagger.json")[1])
    assert (described["swagger"], described["info"]["title"]) == ("2.0", "doubler")
    assert json.loads(send(port, "GET", "/swagger.json?version=3")[1])["openapi"] == "3.0.3"
    assert send(port, "GET", "/other")[0].status == 404
    refused, content = send(port, "DELETE")
    assert (refused.status, "GET or POST" in content.decode()) == (405, True)


def test_an_error_of_run_is_a_500_and_its_traceback_is_in_the_log(start, capfd):
    answer, content = send(start(), body=b"no json")
    assert (answer.status, answer.headers["x-ms-run-function-failed"]) == (500, "True")
    assert b"Traceback" not in content
    assert "JSONDecodeError" in capfd.readouterr().err


def test_a_result_that_is_no_json_is_a_500(start, capfd):
    assert send(start("def init(): pass\ndef run(data): return object()"))[0].status == 500
    assert "not JSON serializable" in capfd.readouterr().err


RAW = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse
def init(): pass
@rawhttp
def run(request):
    if request.method == "GET":
        return AMLResponse({"query": request.args["a"]}, 201)
    answer = AMLResponse(request.files["image"].read().decode() + request.form["note"], 418)
    answer.headers["X-Own"] = "yes"
    return answer
"""


def test_rawhttp_sees_the_request_and_chooses_the_answer(start):
    port = start(RAW)
    assert (send(port, "GET", "/score?a=b")[0].status, send(port, "GET", "/score?a=b")[1]) == (201, b'{"query": "b"}')
    body = (
        b'--X\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\npixels\r\n'
        b'--X\r\nContent-Disposition: form-data; name="note"\r\n\r\n!\r\n--X--\r\n'
    )
    answer, content = send(port, body=body, headers={"Content-Type": "multipart/form-data; boundary=X"})
    assert (answer.status, content, answer.headers["X-Own"]) == (418, b'"pixels!"', "yes")


def test_a_body_beyond_the_limit_is_refused_with_the_limit(start):
    answer, content = send(start(max_body=10), body=b"x" * 11)
    assert (answer.status, b"10 bytes" in content) == (413, True)


def test_chunked_bodies_are_read(start):
    answer, content = send(start(), body=iter([b'{"data"', b": [3]}"]))
    assert (answer.status, json.loads(content)) == (200, {"result": [6]})


def exchange(port, data):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
        return received


@pytest.mark.parametrize(
    "head",
    [
        b"POST /score HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST /score HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /score HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /score HTTP/1.1\r\nA : b\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(start, head):
    assert exchange(start(), head).startswith(b"HTTP/1.1 400 ")


def test_requests_one_after_the_other_on_one_connection(start):
    one = b'POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{"data": [1]}'
    assert exchange(start(), one * 3).count(b'{"result": [2]}') == 3


def test_run_that_takes_too_long_is_a_504_that_names_the_limit(start):
    code = "import time\ndef init(): pass\ndef run(data): time.sleep(0.2)"
    answer, content = send(start(code, timeout=0.05))
    assert (answer.status, b"0.05 seconds" in content) == (504, True)


def test_what_run_yields_is_sent_piece_by_piece_and_an_error_within_is_no_end(start, capfd):
    port = start("def init(): pass\ndef run(data):\n    yield 'one '\n    yield b'two'\n    assert data != 'fail'\n")
    answer, content = send(port, body=b"a")
    assert (answer.headers["Transfer-Encoding"], content) == ("chunked", b"one two")
    with pytest.raises(http.client.IncompleteRead):
        send(port, body=b"fail")
    assert "AssertionError" in capfd.readouterr().err
    old = exchange(port, b"POST /score HTTP/1.0\r\nContent-Length: 1\r\n\r\na")
    assert old.endswith(b"\r\n\r\none two") and b"chunked" not in old


def test_requests_are_logged_but_not_all_of_many(start, capfd):
    port = start()
    one = b"GET /swagger.json HTTP/1.1\r\nHost: x\r\n\r\n"
    exchange(port, one * 200)
    assert 20 <= capfd.readouterr().out.count("GET /swagger.json 200") < 100


def test_origins_are_allowed_by_a_list(start):
    port = start(cors="https://a.example, https://b.example")
    headers = {"Origin": "https://b.example"}
    assert send(port, "OPTIONS", headers=headers)[0].headers["Access-Control-Allow-Origin"] == "https://b.example"
    other = send(port, "OPTIONS", headers={"Origin": "https://evil.example"})[0]
    assert other.headers["Access-Control-Allow-Origin"] is None


def test_a_script_without_run_says_so(start):
    with pytest.raises(BadEntryScript, match=r"has no function run\(\)"):
        start("def init(): pass")


def test_a_failed_init_ends_the_process_with_the_traceback_and_the_files_of_the_model(tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"")
    (tmp_path / "score.py").write_text("def init():\n    open('weights')\ndef run(data): pass\n")
    command = [sys.executable, "-m", "lazuli.scoring", "--entry_script", "score.py", "--model_dir", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 3
    assert "FileNotFoundError" in done.stderr and "model.pkl" in done.stderr
    assert "lazuli/scoring" not in done.stderr.replace(os.sep, "/")


def test_sigterm_ends_the_process_after_a_while_in_which_it_still_answers(tmp_path):
    (tmp_path / "score.py").write_text(ECHO)
    code = "from lazuli.scoring import server, __main__ as m; server.DRAIN_SECONDS = 0.2; m.main(['score.py', '--port', '0'])"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    port = json.loads(process.stdout.readline())["listening"]
    process.send_signal(signal.SIGTERM)
    assert send(port, body=b'{"data": [1]}')[0].status == 200
    assert process.wait(5) == 0


def test_the_samples_of_a_schema_are_an_example_of_a_request():
    script = EntryScript(__file__)
    for properties, example in (
        ({"data": {"type": "array", "example": [[1, 2]]}}, {"data": [[1, 2]]}),
        ({"data": {"type": "array", "example": [[1, 2]]}, "other": {"type": "string"}}, {}),
        ({}, {}),
    ):
        script.input_schema = {"type": "object", "properties": properties}
        assert script.find_example() == example
