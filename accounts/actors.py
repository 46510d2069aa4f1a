"""The actor of a request: a person, or a run with its token."""

import dataclasses
from typing import TYPE_CHECKING, Any

from studio.errors import Denied
from studio.request_context import current_request

if TYPE_CHECKING:
    from accounts.models import User, ViewAs


@dataclasses.dataclass(frozen=True)
class Actor:
    """The actor of a request: a person, or a run with its run token, within the limits of runs/run_tokens.py."""

    user: "User"
    workspace_id: int | None = None
    run_id: str = ""
    attempt: int = 0
    # Only for a run: its row, and the permissions of its token at the requested route.
    run: Any = None
    may: Any = None
    # The personal token of the request, if it has one.
    token_id: int | None = None
    # The scope of the token, one of accounts.rules.TokenScope, and the only workspace for which it is valid.
    scope: str = "admin"
    only_workspace: int | None = None

    @property
    def is_run(self) -> bool:
        return bool(self.run_id)

    @property
    def is_site_admin(self) -> bool:
        """False for a token with fewer permissions than its owner."""
        limited = self.is_run or self.scope != "admin" or self.only_workspace is not None
        return not limited and self.user.is_superuser


def actor_of_request(request) -> Actor:
    """The signed-in person."""
    return Actor(request.user)


def find_view_as() -> "ViewAs | None":
    """If a site admin sees the studio as the person of the current request: the row with both."""
    return getattr(current_request(), "view_as", None)


def require_site_admin(actor: Actor, what: str) -> None:
    """Raises Denied; `what` is a verb with its object, such as "make groups"."""
    if not actor.is_site_admin:
        raise Denied(f"Only site admins can {what}. Ask a site admin.")
