"""Authenticate bearer tokens: personal tokens are rows, run tokens are signed and valid for one run."""

import datetime as dt
from collections.abc import Callable

from django.core import signing
from django.db.models import Q
from django.utils import timezone

from accounts import principals
from accounts.actors import Actor
from accounts.models import Token
from accounts.secrets import secret_digest
from studio import formats
from studio.client_address import client_address
from studio.database import skipped_if_busy
from studio.request_context import current_request

RUN_TOKEN_DAYS = 31
SALT = "run-token"
# Writing `last_used_at` on every call would turn each read into a write.
USED_EVERY = dt.timedelta(minutes=5)


class RunTokens:
    """Decides what a run's token may do. Set by runs.apps, because this app cannot import runs."""

    # (claim, method, route) -> Actor
    admit: Callable[[tuple, str, str], Actor]


def actor_of_token(secret: str, method: str, route: str) -> Actor | None:
    """The owner of the token. A run's token is checked for each route; if it is not allowed there, an error says why."""
    if not secret.startswith("run."):
        return _from_principal(secret) or _from_personal_token(secret)
    claim = read_run_token(secret)
    return claim and RunTokens.admit(claim, method, route)


def _from_principal(secret: str) -> Actor | None:
    user = principals.find_user(secret) if secret.startswith(principals.TOKEN_PREFIX) else None
    return Actor(user) if user else None


def _from_personal_token(secret: str) -> Actor | None:
    now = timezone.now()
    token = (
        Token.objects.filter(digest=secret_digest(secret), revoked_at=None, user__is_active=True)
        .filter(Q(expires_at=None) | Q(expires_at__gt=now))
        .select_related("user")
        .first()
    )
    if token is None:
        return None
    if token.last_used_at is None or now - token.last_used_at > USED_EVERY:
        record_use(token.pk, now)
    return Actor(token.user, token_id=token.pk, scope=token.scope, only_workspace=token.workspace_key)


def record_use(token_id: int, now: dt.datetime) -> None:
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
    request = current_request()
    origin = {}
    if request is not None:
        client = formats.replace_unstorable(request.headers.get("User-Agent", ""))[:80]
        origin = {"last_used_from": client_address(request), "last_used_by": client}
    with skipped_if_busy():
        Token.objects.filter(stale, pk=token_id).update(last_used_at=now, **origin)


def make_run_token(user_id: int, workspace_id: int, run_id: str, attempt: int) -> str:
    """A token for this attempt of the run, valid until shortly after the run ends, with the permissions in
    runs/run_tokens.py."""
    return "run." + signing.dumps([user_id, workspace_id, run_id, attempt], salt=SALT, compress=True)


def read_run_token(secret: str) -> tuple[int, int, str, int] | None:
    """The content of the token: person, workspace, run and attempt."""
    try:
        return tuple(signing.loads(secret[4:], salt=SALT, max_age=dt.timedelta(days=RUN_TOKEN_DAYS)))
    except signing.BadSignature:
        return None
