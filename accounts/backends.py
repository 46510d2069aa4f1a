"""Django's sign-in by user name and password."""

from django.contrib.auth.backends import ModelBackend

from accounts.models import User
from studio.statements import read_row


class Passwords(ModelBackend):
    """Reads the person of a session by a prepared statement, because each page and poll needs the person."""

    def get_user(self, user_id):
        found = read_row(User, pk=user_id)
        return found if found is not None and self.user_can_authenticate(found) else None
