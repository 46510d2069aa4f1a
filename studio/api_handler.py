"""A handler for the API with only the necessary middleware, because scripts send thousands of requests a minute."""

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.utils.module_loading import import_string


class ApiMiddleware:
    """Loads settings.API_MIDDLEWARE instead of settings.MIDDLEWARE; none of it has view hooks."""

    def load_middleware(self, is_async=False):
        self._view_middleware, self._template_response_middleware, self._exception_middleware = [], [], []
        handler = convert_exception_to_response(self._get_response)
        for path in reversed(settings.API_MIDDLEWARE):
            handler = convert_exception_to_response(import_string(path)(handler))
        # Django's handlers use this as the sign that middleware is loaded.
        self._middleware_chain = handler


class ApiHandler(ApiMiddleware, WSGIHandler):
    """Serves the paths of `studio.middleware.API`; studio/wsgi.py selects it."""
