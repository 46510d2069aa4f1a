"""Tokens of an endpoint with token-based authentication: signed, valid for some hours, until its primary key is replaced."""

import dataclasses
import datetime as dt

from django.core import signing
from django.utils import timezone

SALT = "endpoint-token"
LIFE, REFRESH = dt.timedelta(hours=12), dt.timedelta(hours=11)


@dataclasses.dataclass(frozen=True)
class EndpointToken:
    value: str
    refresh_at: dt.datetime
    expires_at: dt.datetime


def make_token(owner: str, digest: str) -> EndpointToken:
    now = timezone.now()
    return EndpointToken(signing.dumps([owner, digest[:16]], salt=SALT), now + REFRESH, now + LIFE)


def is_valid(token: str, owner: str, digest: str) -> bool:
    """Whether it is a token of this endpoint, made with its present primary key."""
    try:
        return bool(signing.loads(token, salt=SALT, max_age=LIFE) == [owner, digest[:16]])
    except signing.BadSignature:
        return False
