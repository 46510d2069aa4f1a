import http.server
import importlib.util
import subprocess
import sys
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from compute.tasks import stop_idle
from studio import tracing, wsgi

WSGI = {
    "REQUEST_METHOD": "GET",
    "QUERY_STRING": "",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "wsgi.url_scheme": "http",
}


@pytest.fixture
def collector(settings, monkeypatch):
    """A collector of OpenTelemetry; `spans()` are those that it got, by name."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            """Quiet."""

    received: list = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", settings.OTEL_EXPORTER_OTLP_ENDPOINT)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    yield received
    CeleryInstrumentor().uninstrument()
    trace.get_tracer_provider().shutdown()
    server.shutdown()


@pytest.fixture
def kept_connection(db):
    """Django's test client keeps the connection in the same way."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_a_collector_gets_a_span_of_each_request_and_task(kept_connection, collector):
    tracing.start_tracing("web")
    application = tracing.trace_requests(wsgi.django_application)
    for path in ("/signin/", "/runs/of/nobody"):
        answer = application({**WSGI, "PATH_INFO": path, "wsgi.input": sys.stdin}, lambda status, headers: None)
        b"".join(answer)
    stop_idle.apply()
    trace.get_tracer_provider().force_flush()
    [sent] = [resource for part in collector for resource in part.resource_spans]
    about = {pair.key: pair.value.string_value for pair in sent.resource.attributes}
    assert about["service.name"] == "lazuli-studio" and "-web-" in about["service.instance.id"]
    spans = {span.name: span for scope in sent.scope_spans for span in scope.spans}
    assert {"GET /signin/", "run/compute.tasks.stop_idle"} <= spans.keys()
    found = {pair.key for pair in spans["GET /signin/"].attributes}
    assert {"http.route", "request.id"} <= found


def test_without_a_collector_nothing_of_it_is_loaded():
    program = "import django; django.setup(); import studio.wsgi, sys; print([m for m in sys.modules if 'opentelemetry' in m])"
    env = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    ended = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=60)
    assert ended.stdout == "[]\n", ended.stderr


def test_missing_packages_are_named_at_the_start(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match=r"deploy/setup\.py opentelemetry"):
        tracing.check_packages()
