"""Who asks: a person, or a run by its token."""

import dataclasses
from typing import Any

from accounts.models import User


@dataclasses.dataclass(frozen=True)
class Actor:
    """Who asks: a person, in a browser or by a token; or a run, by its run token, within what runs/run_tokens.py allows."""

    user: User
    workspace_id: int | None = None
    run_id: str = ""
    attempt: int = 0
    # Of a run: its row, and what the route that is asked is to its token.
    run: Any = None
    may: Any = None

    @property
    def is_run(self) -> bool:
        return bool(self.run_id)


def actor_of_request(request) -> Actor:
    """The person in front of a page."""
    return Actor(request.user)
