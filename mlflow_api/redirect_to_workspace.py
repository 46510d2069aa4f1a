"""The tracking address in a browser: MLflow's clients print links that begin with it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from accounts.actors import actor_of_request
from workspaces import lookup


@require_GET
def browse(request: HttpRequest, **place) -> HttpResponse:
    """To the workspace's own page; what follows a # does not reach a server."""
    return redirect(lookup.find_workspace(actor_of_request(request), **place))
