"""Traces of requests and tasks by OpenTelemetry, if OTEL_EXPORTER_OTLP_ENDPOINT is set; otherwise nothing of it is loaded.

Its own variables set the rest: OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER and so on.
"""

import importlib.util

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def check_packages() -> None:
    """Raise ImproperlyConfigured if the packages for traces are missing."""
    if importlib.util.find_spec("opentelemetry") is None:
        raise ImproperlyConfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: run `python3 deploy/setup.py opentelemetry`."
        )


def start_tracing(process: str) -> None:
    """Send the spans of this process. Called after its fork, which the thread that sends them does not survive."""
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        # Imported here because its packages are optional.
        from studio import spans

        spans.start_sending(process)


def trace_requests(application):
    """The WSGI application with a span for each request."""
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return application
    # Imported here because its packages are optional.
    from studio import spans

    return spans.wrap_application(application)
