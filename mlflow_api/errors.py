"""MLflow's errors: a code for its client, a message, and the status of the code."""

from studio.errors import Conflict, Denied, Invalid, NoSpace, NotReady, StudioError, Unauthenticated

STATUS = {
    "INTERNAL_ERROR": 500,
    "TEMPORARILY_UNAVAILABLE": 503,
    "RESOURCE_EXHAUSTED": 507,
    "RESOURCE_CONFLICT": 409,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "NOT_IMPLEMENTED": 400,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "BAD_REQUEST": 400,
    "INVALID_STATE": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "INVALID_PARAMETER_VALUE": 400,
}
# In the order in which they are tried: TooLarge is an Invalid.
OURS = [
    (Invalid, "INVALID_PARAMETER_VALUE"),
    (Denied, "PERMISSION_DENIED"),
    (Unauthenticated, "UNAUTHENTICATED"),
    (Conflict, "RESOURCE_CONFLICT"),
    (NotReady, "TEMPORARILY_UNAVAILABLE"),
    (NoSpace, "RESOURCE_EXHAUSTED"),
]


class MlflowError(Exception):
    def __init__(self, code: str, message: str, status: int = 0):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status or STATUS[code]
        self.retry_after: int | None = None


def invalid_parameter(message: str) -> MlflowError:
    return MlflowError("INVALID_PARAMETER_VALUE", message)


def not_found(message: str) -> MlflowError:
    return MlflowError("RESOURCE_DOES_NOT_EXIST", message)


def translate_error(error: StudioError) -> MlflowError:
    """Translate an error of the studio to MLflow's."""
    for kind, code in OURS:
        if isinstance(error, kind):
            found = MlflowError(code, error.message)
            found.retry_after = error.retry_after
            return found
    return MlflowError("INTERNAL_ERROR", error.message)
