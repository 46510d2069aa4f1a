"""The errors of the SDK: SDK v1's own classes, and how an HTTP answer of the server becomes one of them.

`ServiceException` alone is not an `AzureMLException`, as in SDK v1. The classes for an HTTP answer are both a
`ServiceException` (they have `status_code` and `code`) and the error that a caller of SDK v1 expects.
"""

from __future__ import annotations

import json
import traceback
from typing import Any, Dict, Iterable, Optional, Tuple, Type

from lazuli.masking import Masker


class _Described(Exception):
    """The message and details that every error here has."""

    _error_code: Optional[str] = None

    def __init__(self, exception_message: Any = "", inner_exception: Optional[BaseException] = None, **details: Any):
        super().__init__(exception_message)
        self._message = str(exception_message)
        self._inner_exception = inner_exception
        self._details = details

    @property
    def message(self) -> str:
        return self._message

    @message.setter
    def message(self, value: str) -> None:
        self._message = value

    @property
    def inner_exception(self) -> Optional[BaseException]:
        return self._inner_exception

    @inner_exception.setter
    def inner_exception(self, value: Optional[BaseException]) -> None:
        self._inner_exception = value

    def print_stacktrace(self) -> None:
        traceback.print_exception(type(self), self, self.__traceback__)

    def _error_body(self) -> Dict[str, Any]:
        body: Dict[str, Any] = {"code": self._error_code} if self._error_code else {}
        body["message"] = self._message
        target = self._details.get("target")
        return dict(body, target=target) if target else body

    def __str__(self) -> str:
        response = json.dumps({"error": self._error_body()}, indent=4, ensure_ascii=False)
        return (
            f"{type(self).__name__}:\n\tMessage: {self._message}\n"
            f"\tInnerException {_in_one_line(self._inner_exception)}\n\tErrorResponse \n{response}"
        )

    def __repr__(self) -> str:
        return str(self)


def _in_one_line(error: Optional[BaseException]) -> str:
    if isinstance(error, _Described):
        return f"{type(error).__name__}: {error.message}"
    return repr(error)


class AzureMLException(_Described):
    """The root of the SDK's own errors."""

    def __init__(
        self,
        exception_message: Any = "",
        inner_exception: Optional[BaseException] = None,
        target: Optional[str] = None,
        details: Any = None,
        message_format: Optional[str] = None,
        message_parameters: Optional[Dict[str, Any]] = None,
        reference_code: Optional[str] = None,
        **kwargs: Any,
    ):
        if not exception_message and message_format:
            exception_message = message_format.format(**(message_parameters or {}))
        super().__init__(exception_message, inner_exception, target=target, details=details, **kwargs)
        self.reference_code = reference_code


class ServiceException(_Described):
    """The server refused a request; `status_code` is the HTTP status, `code` the server's error code."""

    def __init__(self, error_response_exception: Any = "", **kwargs: Any):
        super().__init__(error_response_exception, **kwargs)
        self.status_code: Optional[int] = kwargs.get("status_code")
        self.code: Optional[str] = kwargs.get("code")
        self.details = kwargs.get("details")
        # The seconds of the server's Retry-After.
        self.retry_after: Optional[float] = None

    def _error_body(self) -> Dict[str, Any]:
        body = super()._error_body()
        return dict(body, code=self.code) if self.code else body


class UserErrorException(AzureMLException):
    _error_code = "UserError"


class AuthenticationException(UserErrorException):
    _error_code = "Authentication"


class ComputeTargetException(AzureMLException):
    """A compute target is missing or cannot be created."""


class ExperimentExecutionException(AzureMLException):
    """A run cannot be submitted."""


class ProjectSystemException(AzureMLException):
    """A project folder cannot be used."""


class RunConfigurationException(AzureMLException):
    """A run configuration is wrong."""


class SnapshotException(AzureMLException):
    """A snapshot cannot be taken or restored."""


class TrainingException(AzureMLException):
    """Training failed."""


class ModelNotFoundException(AzureMLException):
    def __init__(self, exception_message: Any, logger: Any = None, **kwargs: Any):
        super().__init__(exception_message, **kwargs)


class ModelPathNotFoundException(AzureMLException):
    def __init__(self, exception_message: Any, logger: Any = None, **kwargs: Any):
        super().__init__(exception_message, **kwargs)


class WebserviceException(AzureMLException):
    def __init__(self, exception_message: Any, status_code: Optional[int] = None, logger: Any = None, **kwargs: Any):
        super().__init__(exception_message, **kwargs)
        self.status_code = status_code


class WorkspaceException(AzureMLException):
    def __init__(self, exception_message: Any, found_multiple: bool = False, **kwargs: Any):
        super().__init__(exception_message, **kwargs)
        self.found_multiple = found_multiple


class WorkspacePrivateEndpointException(AzureMLException):
    def __init__(self, exception_message: Any, found_multiple: bool = False, **kwargs: Any):
        super().__init__(exception_message, **kwargs)
        self.found_multiple = found_multiple


class ParallelRunException(AzureMLException):
    def __init__(self, exception_message: Any, code: Optional[str] = None, delay_seconds: int = 0, **kwargs: Any):
        super().__init__(exception_message, **kwargs)
        self.code = code
        self.delay_seconds = delay_seconds


class ActivityFailedException(AzureMLException):
    """A run ended as Failed; the message is the run's error as indented JSON."""

    def __init__(self, error_details: Any, **kwargs: Any):
        text = error_details if isinstance(error_details, str) else json.dumps(error_details, indent=4)
        super().__init__("Activity Failed:\n" + text, **kwargs)
        self.error_details = error_details


class DatasetTimestampMissingError(AzureMLException):
    def __init__(self, error_details: Any, **kwargs: Any):
        super().__init__(error_details, **kwargs)


class DiscoveryUrlNotFoundException(AzureMLException):
    def __init__(self, discovery_key: str, **kwargs: Any):
        super().__init__(f"The server's address is not in the environment: {discovery_key} is not set.", **kwargs)


class RunEnvironmentException(AzureMLException):
    def __init__(self, **kwargs: Any):
        super().__init__(
            "Could not load a submitted run, if outside of an execution context, "
            "use experiment.start_logging to initialize an azureml.core.Run.",
            **kwargs,
        )


class AzureMLAggregatedException(AzureMLException):
    def __init__(self, exceptions_list: Iterable[BaseException], **kwargs: Any):
        self.exceptions_list = list(exceptions_list)
        super().__init__("\n".join(str(error) for error in self.exceptions_list), **kwargs)


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

    def __init__(self, service: str, member: str = "", instead: str = "", **kwargs: Any):
        what = f"{member} needs {service}" if member else f"This needs {service}"
        super().__init__(f"{what}, which this version of Lazuli Studio does not have yet. {instead}".strip(), **kwargs)
        self.service = service


class ComputeNotAvailable(ComputeTargetException, NotAvailable):
    """A kind of compute that the studio does not have, and what to use instead."""

    def __init__(self, service: str, member: str, instead: str, **kwargs: Any):
        AzureMLException.__init__(self, f"{member.partition('.')[0]} {instead}.", **kwargs)
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
    # The address of an index or a server may contain its password, and a message may quote the address.
    masker = Masker()
    details = masker.mask_json(body)
    error = kind(masker.mask_text(message), status_code=response.status_code, code=code, details=details)
    error.retry_after = retry_after(response)
    return error


def retry_after(response: Any) -> Optional[float]:
    """The seconds of the header Retry-After, at most a minute; None without one."""
    try:
        return min(float(response.headers["Retry-After"]), 60.0)
    except (KeyError, ValueError):
        return None


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
