"""The actor and permissions of a request, checked each time, so that revoked tokens and roles take effect at once.

Scripts log with thousands of requests, so one statement checks everything for a person, and one for a run
(runs/run_tokens.py). Only the workspace of a URL is cached for a moment.
"""

import dataclasses
import json
import time
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, Q
from django.utils import timezone

from accounts.actors import Actor
from accounts.authentication import USED_EVERY, actor_of_token, record_use
from accounts.models import Token, User
from accounts.secrets import secret_digest
from mlflow_api.errors import MlflowError
from runs.models import Run
from studio.database import prepared_cursor
from workspaces import access, lookup
from workspaces.models import CustomRole, ResourceGroup, RoleAssignment, UserGroup, Workspace
from workspaces.role_definitions import Definition, verbs_of

SECONDS = 2.0
MAX_ENTRIES = 2_000
# Permissions of access.can; the table of run tokens has already checked a run token.
REQUIRED_VERBS = {"log": "edit", "register": "edit"}
TABLES: dict[str, type[Model]] = {
    "t": Token,
    "u": User,
    "w": Workspace,
    "g": ResourceGroup,
    "a": RoleAssignment,
    "c": CustomRole,
    "m": UserGroup.members.through,
    "r": Run,
}
T = {name: f'"{model._meta.db_table}"' for name, model in TABLES.items()}
PERSON = f"""
SELECT t.id, t.scope, t.user_id, u.is_superuser, a.role, c.actions, c.not_actions, r.id
FROM {T["t"]} t JOIN {T["u"]} u ON u.id = t.user_id JOIN {T["w"]} w ON w.id = %s
JOIN {T["g"]} g ON g.id = w.resource_group_id LEFT JOIN {T["a"]} a
  ON (a.user_id = u.id OR a.group_id IN (SELECT m.usergroup_id FROM {T["m"]} m WHERE m.user_id = u.id))
  AND (a.workspace_id = w.id OR a.resource_group_id = g.id OR a.subscription_id = g.subscription_id)
LEFT JOIN {T["c"]} c ON c.id = a.custom_role_id
LEFT JOIN {T["r"]} r ON r.workspace_id = w.id AND r.run_id = %s AND r.deleted_at IS NULL
WHERE t.digest = %s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > %s)
  AND u.is_active AND w.deleted_at IS NULL AND (t.workspace_key IS NULL OR t.workspace_key = w.id)"""
_workspaces_by_path: dict[tuple, tuple[float, Workspace]] = {}


@dataclasses.dataclass
class TokenSession:
    actor: Actor
    workspace: Workspace
    # The permissions of a personal token, if they are known already.
    verbs: frozenset[str] | None = None
    # The run that the request names, if it is in the workspace and not in its trash: its run id and its key.
    named_run: tuple[str, int] | None = None

    def require(self, verb: str) -> Workspace:
        """The workspace, if the actor may do this. `log` and `register` are edits that a run token may make too;
        `register` only if its submitter may edit."""
        if self.actor.is_run and verb == "register":
            access.require_of_person(self.actor, REQUIRED_VERBS[verb], self.workspace)
        elif self.actor.is_run:
            access.require(self.actor, "read" if verb in REQUIRED_VERBS else verb, self.workspace)
        elif self.verbs is None:
            access.require(self.actor, REQUIRED_VERBS.get(verb, verb), self.workspace)
        elif REQUIRED_VERBS.get(verb, verb) not in self.verbs:
            raise access.denied(REQUIRED_VERBS.get(verb, verb), self.workspace)
        return self.workspace


def open_session(secret: str, workspace_path: dict, method: str, route: str, run_id: str = "") -> TokenSession:
    """Open a session. `run_id` is the run of the request: the statement that checks the permissions also looks it
    up."""
    workspace = _workspace_at_path(tuple(workspace_path.values()))
    if workspace is not None and not secret.startswith("run."):
        session = _session_of_person(secret, workspace, run_id)
        if session is not None:
            return session
    actor = actor_of_token(secret, method, route) if secret else None
    if actor is None:
        raise MlflowError("UNAUTHENTICATED", "Send a valid token: set MLFLOW_TRACKING_TOKEN to one made in the studio.")
    if workspace is None or workspace.pk != actor.workspace_id:
        # This raises the error that says what is missing.
        workspace = lookup.find_workspace(
            actor, workspace_path["subscription_id"], workspace_path["resource_group"], workspace_path["workspace_name"]
        )
    return TokenSession(actor, workspace)


def _workspace_at_path(words: tuple) -> Workspace | None:
    """The workspace of the URL, without permission checks."""
    until, found = _workspaces_by_path.get(words, (0.0, None))
    if until < time.monotonic():
        subscription, group, name = words
        rows = Workspace.objects.with_path().filter(
            Q(resource_group__subscription__subscription_id__iexact=subscription),
            Q(resource_group__name__iexact=group, name__iexact=name),
        )
        found = rows.first()
        if len(_workspaces_by_path) >= MAX_ENTRIES:
            _workspaces_by_path.clear()
        if found is not None:
            _workspaces_by_path[words] = (time.monotonic() + SECONDS, found)
    return found


def _session_of_person(secret: str, workspace: Workspace, run_id: str) -> TokenSession | None:
    """None unless the token belongs to somebody with a role on the workspace."""
    now, database = timezone.now(), connections[DEFAULT_DB_ALIAS]
    values: list[Any] = [workspace.pk, run_id, secret_digest(secret), database.ops.adapt_datetimefield_value(now)]
    with prepared_cursor() as cursor:
        cursor.execute(PERSON, values)
        rows = cursor.fetchall()
    roles = frozenset(_make_definition(*row[4:7]) for row in rows if row[4])
    if not rows or not (roles or rows[0][3]):
        return None
    token_id, scope, user_id, is_superuser = rows[0][:4]
    _record_use(token_id, now)
    actor = Actor(User.of_key(user_id), token_id=token_id, scope=scope)
    verbs = access.ALL if is_superuser else verbs_of(roles)
    named_run = (run_id, rows[0][7]) if rows[0][7] else None
    return TokenSession(actor, workspace, verbs & access.SCOPES.get(scope, verbs), named_run)


def _make_definition(role: str, actions: str | None, not_actions: str | None) -> Definition:
    """The lists of a custom role come as JSON."""
    if actions is None:
        return access.make_definition(role, None, None)
    return access.make_definition(role, json.loads(actions), json.loads(not_actions or "[]"))


_used: dict[int, float] = {}


def _record_use(token_id: int, now) -> None:
    """Record the use of the token, not with every request, because that would make each read a write."""
    if _used.get(token_id, 0.0) > time.monotonic():
        return
    if len(_used) >= MAX_ENTRIES:
        _used.clear()
    _used[token_id] = time.monotonic() + USED_EVERY.total_seconds()
    record_use(token_id, now)


def clear_caches() -> None:
    _workspaces_by_path.clear()
    _used.clear()
