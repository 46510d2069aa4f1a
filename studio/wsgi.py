"""The web application that gunicorn serves."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
django_application = get_wsgi_application()

# Only once Django is set up.
from studio import probes, tracing  # noqa: E402
from studio.api_handler import ApiHandler  # noqa: E402
from studio.middleware import API  # noqa: E402

api_application = ApiHandler()


def application(variables, start_response):
    """A proxy that serves us below a path may leave it on the address or take it off."""
    path = variables.get("PATH_INFO", "")
    if settings.PUBLIC_PATH and path.startswith(f"{settings.PUBLIC_PATH}/"):
        variables["PATH_INFO"] = path.removeprefix(settings.PUBLIC_PATH)
        path = variables["PATH_INFO"]
    if path in probes.PATHS:
        return probes.answer_probe(path, variables, start_response)
    return answer_request(variables, start_response)


@tracing.trace_requests
def answer_request(variables, start_response):
    chosen = api_application if API.match(variables.get("PATH_INFO", "")) else django_application
    return chosen(variables, start_response)
