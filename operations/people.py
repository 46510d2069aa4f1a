"""The people of the site, with figures for administrators."""

from collections import Counter

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from accounts import people
from accounts.models import Token, User
from compute.models import Work
from costs.models import Usage
from workspaces.models import RoleAssignment


def find_people(words: list[str], state: str = "") -> QuerySet[User]:
    """People whose name or address contains the words, optionally of one state; the last to sign in first."""
    found = people.list_people(state)
    for word in words:
        found = found.filter(
            Q(username__icontains=word)
            | Q(first_name__icontains=word)
            | Q(last_name__icontains=word)
            | Q(email__icontains=word)
        )
    return found.order_by("-is_active", "-last_login", "username")


def add_figures(found: list[User]) -> list[dict]:
    """A row for each person of a page; five statements for all of them."""
    keys, names = [one.pk for one in found], [one.username for one in found]
    roles = _count(RoleAssignment.objects.filter(user__in=keys), "user")
    tokens = _count(Token.objects.filter(user__in=keys, revoked_at=None), "user")
    work = Work.objects.filter(submitted_by__in=keys)
    running = _count(work.filter(state=Work.State.CLAIMED), "submitted_by")
    waiting = _count(work.filter(state=Work.State.QUEUED), "submitted_by")
    today = timezone.now().date()
    used = Usage.objects.between_days(today.replace(day=1), today).filter(person__in=names)
    hours = dict(used.order_by().values_list("person").annotate(Sum("seconds")))
    return [
        {
            "person": one,
            "state": people.state_of(one),
            "seen_at": people.last_seen(one),
            "roles": roles[one.pk],
            "tokens": tokens[one.pk],
            "running": running[one.pk],
            "waiting": waiting[one.pk],
            "hours": hours.get(one.username, 0) / 3600,
        }
        for one in found
    ]


def _count(rows, field: str) -> Counter:
    return Counter(dict(rows.order_by().values_list(field).annotate(Count("pk"))))
