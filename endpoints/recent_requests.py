"""The newest requests that a person has sent from the tab Test of an endpoint, until their session ends."""

from endpoints.models import Endpoint

KEY = "endpoint_tests"
# Requests of an endpoint, endpoints of a session, and characters of a request that is remembered.
MAX_REQUESTS, MAX_ENDPOINTS, MAX_BODY = 10, 10, 2000


def list_requests(request, endpoint: Endpoint) -> list[str]:
    """The newest first."""
    return list(request.session.get(KEY, {}).get(str(endpoint.pk), []))


def add_request(request, endpoint: Endpoint, body: str) -> list[str]:
    """Put the request first, unless it is too long; returns the list."""
    present = list_requests(request, endpoint)
    if len(body) > MAX_BODY:
        return present
    kept = [body, *(one for one in present if one != body)][:MAX_REQUESTS]
    others = {key: found for key, found in request.session.get(KEY, {}).items() if key != str(endpoint.pk)}
    request.session[KEY] = {**dict(list(others.items())[1 - MAX_ENDPOINTS :]), str(endpoint.pk): kept}
    return kept
