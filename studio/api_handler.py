"""Requests of the API pass only the middleware that they need: scripts send thousands of them a minute."""

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.utils.module_loading import import_string


class ApiMiddleware:
    """Loads settings.API_MIDDLEWARE in place of settings.MIDDLEWARE. None of it has hooks for views."""

    def load_middleware(self, is_async=False):
        self._view_middleware, self._template_response_middleware, self._exception_middleware = [], [], []
        handler = convert_exception_to_response(self._get_response)
        for path in reversed(settings.API_MIDDLEWARE):
            handler = convert_exception_to_response(import_string(path)(handler))
        # Handlers take this as the sign that all is loaded.
        self._middleware_chain = handler


class ApiHandler(ApiMiddleware, WSGIHandler):
    """Serves what `studio.middleware.API` matches; studio/wsgi.py decides."""
