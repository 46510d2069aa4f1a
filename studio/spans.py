"""OpenTelemetry's spans of this process; loaded by studio/tracing.py if there is a collector."""

import os

from django.conf import settings
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from studio.request_context import ROUTE


def start_sending(process: str) -> None:
    name = os.environ.get("OTEL_SERVICE_NAME") or "lazuli-studio"
    instance = f"{settings.HOST_NAME}-{process}-{os.getpid()}"
    provider = TracerProvider(resource=Resource.create({"service.name": name, "service.instance.id": instance}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()


def wrap_application(application):
    return OpenTelemetryMiddleware(application, response_hook=_describe_response)


def _describe_response(span, variables: dict, status: str, headers: list[tuple[str, str]]) -> None:
    """Named by its route: the path would be a name of its own for each run."""
    if route := variables.get(ROUTE):
        span.update_name(f"{variables['REQUEST_METHOD']} /{route}")
        span.set_attribute("http.route", f"/{route}")
    if request_id := dict(headers).get("X-Request-Id"):
        span.set_attribute("request.id", request_id)
