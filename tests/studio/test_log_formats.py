"""Lines of the log name the request that they are about, for people and as JSON."""

import json
import logging
import sys

from django.http import HttpResponse
from django.test import RequestFactory

from studio import log_formats
from studio.request_context import RequestContext
from studio.up import console


def log_in_request(formatter: logging.Formatter) -> tuple[str, str]:
    """The line that is written while a request is answered, and the id of the request."""
    lines = []

    def answer(request) -> HttpResponse:
        try:
            raise ValueError("of the view")
        except ValueError:
            record = logging.LogRecord("runs", logging.ERROR, "x.py", 1, "went %s", ("wrong\n",), sys.exc_info())
        lines.append(formatter.format(record))
        return HttpResponse()

    request = RequestFactory().get("/")
    RequestContext(answer)(request)
    return lines[0], request.id


def test_a_line_for_people_names_its_request():
    line, request_id = log_in_request(log_formats.Text())
    assert line.startswith("ERROR runs: went wrong") and f"[request {request_id}]" in line and "ValueError" in line
    outside = log_formats.Text().format(logging.LogRecord("x", logging.INFO, "", 1, "fine", (), None))
    assert outside == "INFO x: fine"


def test_a_line_of_json_is_one_line_whatever_it_says():
    line, request_id = log_in_request(log_formats.Json())
    assert "\n" not in line
    said = json.loads(line)
    assert (said["level"], said["logger"], said["message"]) == ("ERROR", "runs", "went wrong\n")
    assert said["requestId"] == request_id and "ValueError: of the view" in said["exception"]


def test_what_a_process_prints_becomes_json_with_its_name(monkeypatch, capsys):
    monkeypatch.setattr(console, "IS_JSON", True)
    console.print_line("web", '{"level": "ERROR", "message": "x"}')
    console.print_line("redis", "1:M # ready")
    console.print_banner(["is ready"])
    web, redis, up = map(json.loads, capsys.readouterr().out.splitlines())
    assert web == {"process": "web", "level": "ERROR", "message": "x"}
    assert (redis["process"], redis["message"]) == ("redis", "1:M # ready")
    assert (up["process"], up["message"]) == ("up", "is ready")
