"""A site admin sees the studio as another person, read only and for 30 minutes. accounts/view_as_guard.py enforces it.

A row exists while a view lasts; the session of the admin has its key. The request that deletes the row records the end,
so that each view has one end in the activity log.
"""

import datetime as dt
import math
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor, require_site_admin
from accounts.sessions import Session, stored_key
from studio.errors import Conflict

if TYPE_CHECKING:
    from accounts.models import User

DURATION = dt.timedelta(minutes=30)
# The session key for the key of the row.
VIEW_AS = "view_as"


def hidden_in_view_as(view):
    """Close a view whose GET shows a secret, opens an application or signs somebody in."""
    view.is_hidden_in_view_as = True
    return view


class ViewAs(models.Model):
    admin = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # As stored in the table of sessions.
    session_key = models.CharField(max_length=40)
    until = models.DateTimeField()

    def __str__(self):
        return f"{self.admin} as {self.person}"

    @classmethod
    @transaction.atomic
    def begin(cls, request, actor: Actor, person: "User") -> "ViewAs":
        require_site_admin(actor, "see the studio as another person")
        if obstacle := cls.find_obstacle(actor.user, person):
            raise Conflict(obstacle)
        key = stored_key(request.session.session_key)
        view = cls.objects.create(admin=actor.user, person=person, session_key=key, until=timezone.now() + DURATION)
        request.session[VIEW_AS] = view.pk
        activity.record("view_as.begin", person, actor=actor, message=f"read only, for {view.minutes_left} minutes")
        return view

    @staticmethod
    def find_obstacle(admin: "User", person: "User") -> str:
        """Why the admin cannot see the studio as this person; empty if it is possible."""
        if person == admin:
            return "You see the studio as yourself already."
        if person.is_superuser or person.is_staff:
            return f"{person} is a site admin. You can see the studio only as people who are not."
        if not person.is_active or person.kind != person.Kind.PERSON:
            return f"{person} cannot sign in, so there is nothing to see."
        return ""

    @transaction.atomic
    def end(self, reason: str) -> None:
        if ViewAs.objects.filter(pk=self.pk).delete()[0]:
            activity.record("view_as.end", self.person, actor=Actor(self.admin), message=reason)

    @property
    def minutes_left(self) -> int:
        return math.ceil((self.until - timezone.now()).total_seconds() / 60)

    def find_end(self) -> str:
        """Why the view has ended; empty while it lasts."""
        if timezone.now() >= self.until:
            return "the time limit was reached"
        if not (self.admin.is_superuser and self.admin.is_active):
            return f"{self.admin} is no longer a site admin"
        if not self.person.is_active:
            return f"the account of {self.person} was closed"
        if self.person.is_superuser or self.person.is_staff:
            return f"{self.person} became a site admin"
        return ""


def end_views_of(person: "User") -> None:
    """End the views of a closed account, and views as this person."""
    for view in ViewAs.objects.filter(Q(admin=person) | Q(person=person)).select_related("admin", "person"):
        view.end(f"the account of {person} was closed")


def end_old_views() -> None:
    """End views whose browser has sent no request since."""
    live = set(Session.objects.live().filter(pk__in=ViewAs.objects.values("session_key")).values_list("pk", flat=True))
    for view in ViewAs.objects.select_related("admin", "person"):
        reason = view.find_end() or ("" if view.session_key in live else "the session has ended")
        if reason:
            view.end(reason)
