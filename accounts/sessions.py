"""Browser sessions in a table with their person, stored under a digest, so that the table contains no valid cookies."""

import datetime as dt
import hashlib

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from studio import formats
from studio.client_address import client_address
from studio.database import skipped_if_busy
from studio.request_context import current_request
from studio.statements import read_row

# As many hex digits as fit into the column of Django's sessions.
DIGITS = 40
# Writing `last_used_at` for every page would turn each read into a write.
USED_EVERY = dt.timedelta(minutes=5)
BEGAN = "began_at"
BACKEND = "accounts.backends.Passwords"


def stored_key(session_key: str) -> str:
    """The primary key of the session whose cookie is `session_key`."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:DIGITS]


def idle_time() -> dt.timedelta | None:
    """How long a session may be unused; None for as long as it lives."""
    minutes = settings.SESSION_IDLE_MINUTES
    return dt.timedelta(minutes=minutes) if minutes else None


class SessionQuerySet(models.QuerySet):
    def live(self):
        rows = self.filter(expire_date__gt=timezone.now())
        return rows.filter(last_used_at__gt=timezone.now() - idle) if (idle := idle_time()) else rows


class Session(AbstractBaseSession):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="sessions")
    began_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)
    address = models.CharField(max_length=43, blank=True)
    client = models.CharField(max_length=200, blank=True)

    objects = SessionQuerySet.as_manager()  # type: ignore[assignment, misc]

    class Meta(AbstractBaseSession.Meta):
        ordering = ["-last_used_at"]

    @classmethod
    def get_session_store_class(cls):
        return SessionStore

    @property
    def is_live(self) -> bool:
        now, idle = timezone.now(), idle_time()
        return self.expire_date > now and (idle is None or self.last_used_at > now - idle)

    @property
    def device_name(self) -> str:
        """Browser and system by the user agent."""
        found = [next((name for word, name in words if word in self.client), "") for words in (BROWSERS, SYSTEMS)]
        return " on ".join(filter(None, found)) or self.client[:60] or "unknown browser"


# The first match counts: browsers also name earlier ones.
BROWSERS = [("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")]
SYSTEMS = [("Windows", "Windows"), ("iPhone", "iOS"), ("iPad", "iOS"), ("Android", "Android"), ("Mac OS X", "macOS")]
SYSTEMS += [("Linux", "Linux")]


def origin_now() -> dict[str, str]:
    """Address and client of the current request."""
    request = current_request()
    if request is None:
        return {}
    client = formats.replace_unstorable(request.headers.get("User-Agent", ""))[:200]
    return {"address": client_address(request), "client": client}


def _is_unattended() -> bool:
    """Whether an open page sent the current request by itself, while nobody was there (static/js/shared/attendance.js)."""
    request = current_request()
    return request is not None and "X-Unattended" in request.headers


class SessionStore(db.SessionStore):
    @classmethod
    def get_model_class(cls):
        return Session

    def load(self):
        data = super().load()
        # Sessions of earlier versions name the backend that was used then.
        return {**data, BACKEND_SESSION_KEY: BACKEND} if BACKEND_SESSION_KEY in data else data

    def exists(self, session_key):
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data):
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        row.user_id = data.get("_auth_user_id")
        row.began_at = parse_datetime(data.get(BEGAN, "")) or timezone.now()
        # Django counts from the last change of the session, which would have no end for a person who confirms access now and then.
        row.expire_date = row.began_at + dt.timedelta(seconds=self.get_expiry_age())
        for name, value in origin_now().items():
            setattr(row, name, value)
        return row

    def delete(self, session_key=None):
        session_key = session_key or self.session_key
        if session_key:
            super().delete(stored_key(session_key))

    def _get_session_from_db(self):
        found = read_row(Session, session_key=stored_key(self.session_key)) if self.session_key else None
        if found is None or not found.is_live:
            self._session_key = None
            return None
        if found.user_id and timezone.now() - found.last_used_at > USED_EVERY and not _is_unattended():
            with skipped_if_busy():
                Session.objects.filter(pk=found.pk).update(last_used_at=timezone.now(), **origin_now())
        return found

    # Nothing here is asynchronous. The synchronous versions are used, so that nothing bypasses the digest.
    aexists = sync_to_async(exists)  # type: ignore[arg-type]
    acreate_model_instance = sync_to_async(create_model_instance)  # type: ignore[arg-type]
    adelete = sync_to_async(delete)  # type: ignore[arg-type]
    _aget_session_from_db = sync_to_async(_get_session_from_db)
