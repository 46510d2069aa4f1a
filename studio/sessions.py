"""Django's sessions in the database, but stored under a digest: reading the table gives nobody a valid cookie."""

import hashlib

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import db
from django.utils import timezone

# As many hex digits as the column of Django's table can hold.
DIGITS = 40


def stored_key(session_key: str) -> str:
    """The primary key of the session whose cookie is `session_key`."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:DIGITS]


class SessionStore(db.SessionStore):
    def exists(self, session_key):
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data):
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    def delete(self, session_key=None):
        session_key = session_key or self.session_key
        if session_key:
            super().delete(stored_key(session_key))

    def _get_session_from_db(self):
        rows = self.model.objects.filter(expire_date__gt=timezone.now())
        found = rows.filter(pk=stored_key(self.session_key)).first() if self.session_key else None
        if found is None:
            self._session_key = None
        return found

    # Nothing here is asynchronous. The synchronous versions are used, so that nothing bypasses the digest.
    aexists = sync_to_async(exists)  # type: ignore[arg-type]
    acreate_model_instance = sync_to_async(create_model_instance)  # type: ignore[arg-type]
    adelete = sync_to_async(delete)  # type: ignore[arg-type]
    _aget_session_from_db = sync_to_async(_get_session_from_db)
