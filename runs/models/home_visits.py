"""The last visits of a person to the home page of a workspace, which shows jobs that failed since then."""

import datetime as dt

from django.db import models
from django.utils import timezone

# A longer absence starts a new visit.
AWAY = dt.timedelta(minutes=30)
# Within this time nothing is written.
PAUSE = dt.timedelta(minutes=1)
# At the first visit.
FIRST = dt.timedelta(days=1)


class HomeVisitManager(models.Manager["HomeVisit"]):
    def record(self, user, workspace) -> dt.datetime:
        """Record a visit; return the time since which failures are new: the end of the previous visit."""
        now = timezone.now()
        defaults = {"since": now - FIRST, "seen_at": now}
        visit, _ = self.get_or_create(user=user, workspace=workspace, defaults=defaults)
        if now - visit.seen_at > AWAY:
            visit.since = visit.seen_at
        if now - visit.seen_at > PAUSE:
            self.filter(pk=visit.pk).update(since=visit.since, seen_at=now)
        return visit.since

    def read_since(self, user, workspace) -> dt.datetime:
        """The same without a visit, for a poll."""
        found = self.filter(user=user, workspace=workspace).values_list("since", flat=True).first()
        return found or timezone.now() - FIRST


class HomeVisit(models.Model):
    """`seen_at` is the last time; `since` is when the visit before this one ended."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="+")
    since = models.DateTimeField()
    seen_at = models.DateTimeField()

    objects = HomeVisitManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="one_home_visit_of_a_person")]

    def __str__(self):
        return f"{self.user} {self.workspace}"
