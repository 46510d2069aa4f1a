"""Errors of the studio, with messages that say what to do. `error_response` in studio/api.py
makes the JSON of the API, studio/middleware.py (`Errors`) the page.

StudioError
├── Invalid       400  a value is wrong: the message says which, why, and what is allowed
│   ├── TooLarge  413
│   └── LimitReached  422  the object has as many of something as it may have
├── Unauthenticated 401  the token is no longer valid
├── InTrash       404  it is in the trash, and the actor may restore it
├── Denied        403  the actor may see the object but not do this
├── Conflict      409  the object's state does not allow it
├── Unsupported   415  the route does not accept this kind of body
├── TooMany       429  too many requests from this address or person
├── NotReady      503  try again in a moment
└── NoSpace       507  the disk is full
"""


class StudioError(Exception):
    status = 500
    code = "InternalError"
    # Seconds after which a retry may succeed.
    retry_after: int | None = None

    def __init__(self, message: str, *, target: str = "", code: str = "", details: list[dict] | None = None):
        super().__init__(message)
        self.message, self.target, self.details = message, target, details or []
        self.code = code or self.code


class Invalid(StudioError):
    status, code = 400, "UserError"


class TooLarge(Invalid):
    status, code = 413, "TooLarge"


class LimitReached(Invalid):
    status, code = 422, "limit_reached"


class InTrash(StudioError):
    """`address` is the page on which it can be restored; `restore` the address of the form that does it, and its fields."""

    status, code = 404, "ResourceNotFound"

    def __init__(self, message: str, address: str, restore: tuple[str, dict[str, str]]):
        super().__init__(message)
        self.address = address
        self.restore, self.fields = restore


class Unauthenticated(StudioError):
    status, code = 401, "AuthenticationFailed"


class Denied(StudioError):
    status, code = 403, "AuthorizationFailed"


class Conflict(StudioError):
    status, code = 409, "Conflict"


class Unsupported(StudioError):
    status, code = 415, "UnsupportedMediaType"


class TooMany(StudioError):
    status, code = 429, "TooManyRequests"
    retry_after = 60


class NotReady(StudioError):
    status, code = 503, "ServiceUnavailable"
    retry_after = 2


class NoSpace(StudioError):
    status, code = 507, "InsufficientStorage"
