"""Who stands in which workspace. Remembered for a moment, because scripts log a thousand points by a thousand requests.

A token that is revoked or a role that is taken away works for this moment longer.
"""

import dataclasses
import time

from accounts.actors import Actor
from accounts.authentication import actor_of
from mlflow_api.errors import MlflowError
from workspaces import access, lookup
from workspaces.models import Workspace

SECONDS = 2.0
MOST = 2_000
# What a script may do with its run's token beside its own run: keep models, but not delete them.
RUN_MAY = {"read", "log", "register"}
_open: dict[tuple, "Door"] = {}


@dataclasses.dataclass
class Door:
    actor: Actor
    workspace: Workspace
    until: float
    allowed: set = dataclasses.field(default_factory=set)

    def require(self, verb: str) -> Workspace:
        """The workspace, if the actor may do this in it. `log` and `register` are edits that a run's token may make too."""
        if verb not in self.allowed:
            self._check(verb)
            self.allowed.add(verb)
        return self.workspace

    def _check(self, verb: str) -> None:
        if self.actor.is_run and verb not in RUN_MAY:
            raise MlflowError("PERMISSION_DENIED", f"The token of a run cannot {verb} here; use a personal token.")
        asked = "read" if self.actor.is_run else "edit" if verb in RUN_MAY - {"read"} else verb
        access.require(self.actor, asked, self.workspace)


def enter(secret: str, place: dict) -> Door:
    key, now = (secret, *place.values()), time.monotonic()
    door = _open.get(key)
    if door is None or door.until < now:
        door = _open[key] = _opened(secret, place, now)
    return door


def _opened(secret: str, place: dict, now: float) -> Door:
    actor = actor_of(secret) if secret else None
    if actor is None:
        raise MlflowError("UNAUTHENTICATED", "Send a valid token: set MLFLOW_TRACKING_TOKEN to one made in the studio.")
    if len(_open) >= MOST:
        _open.clear()
    workspace = lookup.workspace(actor, place["subscription_id"], place["resource_group"], place["workspace_name"])
    return Door(actor, workspace, now + SECONDS)


def forget() -> None:
    _open.clear()
