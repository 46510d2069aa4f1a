"""From a bearer token to the actor: personal tokens are rows, run tokens are signed and hold for one run."""

import datetime as dt

from django.core import signing
from django.db.models import Q
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import Token, User
from accounts.secrets import digest

RUN_TOKEN_DAYS = 31
SALT = "run-token"
# Writing `last_used_at` at every call would make each read a write.
USED_EVERY = dt.timedelta(minutes=5)


def actor_of(secret: str) -> Actor | None:
    return _from_run_token(secret) if secret.startswith("run.") else _from_personal_token(secret)


def _from_personal_token(secret: str) -> Actor | None:
    now = timezone.now()
    token = (
        Token.objects.filter(digest=digest(secret), revoked_at=None, user__is_active=True)
        .filter(Q(expires_at=None) | Q(expires_at__gt=now))
        .select_related("user")
        .first()
    )
    if token is None:
        return None
    if token.last_used_at is None or now - token.last_used_at > USED_EVERY:
        Token.objects.filter(pk=token.pk).update(last_used_at=now)
    return Actor(token.user)


def run_token(user_id: int, workspace_id: int, run_id: str, attempt: int) -> str:
    """Good for this run (and the making of its children) only, and only for this attempt."""
    return "run." + signing.dumps([user_id, workspace_id, run_id, attempt], salt=SALT, compress=True)


def _from_run_token(secret: str) -> Actor | None:
    try:
        user_id, workspace_id, run_id, attempt = signing.loads(
            secret[4:], salt=SALT, max_age=dt.timedelta(days=RUN_TOKEN_DAYS)
        )
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return user and Actor(user, workspace_id, run_id, attempt)
