"""How an HTTP answer of the server becomes one of the SDK's errors.

Each class is both a `ServiceException` (it has `status_code` and `code`) and the error that a caller of SDK v1 expects.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple, Type

from azureml.exceptions import AuthenticationException, AzureMLException, ServiceException, UserErrorException


class Refused(ServiceException, UserErrorException):
    """The request was wrong or is not allowed: 400, 403, 409, 413, 422."""


class NotFound(Refused):
    """404"""


class Conflict(Refused):
    """409"""


class Forbidden(Refused):
    """403"""


class Unauthorized(ServiceException, AuthenticationException):
    """401"""


class Unreachable(AzureMLException, ConnectionError):
    """The server did not answer, after all retries."""


class NotAvailable(UserErrorException, NotImplementedError):
    """The service behind a member of SDK v1 does not exist in this version of the studio."""

    def __init__(self, service: str, member: str = "", **kwargs: Any):
        what = f"{member} needs {service}" if member else f"This needs {service}"
        super().__init__(f"{what}, which this version of Lazuli Studio does not have yet.", **kwargs)
        self.service = service


_CLASSES: Dict[int, Type[ServiceException]] = {
    400: Refused,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: Refused,
    422: Refused,
}


def from_response(response: Any) -> ServiceException:
    """The error for an httpx response whose body has been read."""
    code, message, body = _parse(response)
    kind = _CLASSES.get(response.status_code, ServiceException)
    return kind(message, status_code=response.status_code, code=code, details=body)


def _parse(response: Any) -> Tuple[str, str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        return str(error.get("code") or ""), str(error.get("message") or response.reason_phrase), body
    if isinstance(body, dict) and "error_code" in body:  # the MLflow routes
        return str(body["error_code"]), str(body.get("message") or ""), body
    text = f"{response.request.method} {response.request.url} answered {response.status_code} {response.reason_phrase}."
    return "", text, body
