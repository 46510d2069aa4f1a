"""Find events for site admins (machines, backups) and about a person's own account and waiting jobs.

Like notices/find_events.py, each turn reads the last minutes again, and a person gets one notification per cause."""

import datetime as dt

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.activity import Activity
from accounts.models import Token, User
from backups.models import Backup
from compute import liveness
from compute.models import Host, Work
from notices.models import Event, Notification
from runs.models import Run

SILENCE = dt.timedelta(minutes=1)
LONG_WAIT = dt.timedelta(minutes=10)
BEFORE_END = dt.timedelta(days=7)
# Rows of each kind in one turn.
MAX_EVENTS = 200


def find_events(since: dt.datetime) -> int:
    """Send new notifications; return their number."""
    _close_recovered()
    sent = _find_quarantines(since) + _find_silent_machines(since) + _find_backups(since)
    return sent + _find_tokens(since) + _find_sign_ins(since) + _find_long_waits(since)


def _tell_admins(event: str, cause: str, title: str, detail: str, path: str) -> int:
    admins = User.objects.filter(is_superuser=True, is_active=True)
    return sum(Notification.send(person, event, cause, title, detail, path) for person in admins)


def _find_quarantines(since: dt.datetime) -> int:
    rows = Activity.objects.filter(verb="host.quarantine", at__gte=since)[:MAX_EVENTS]
    path = reverse("operations:machines")
    return sum(
        _tell_admins(Event.MACHINE, f"activity:{row.pk}", f"{row.label} is in quarantine", row.message, path)
        for row in rows
    )


def _find_silent_machines(since: dt.datetime) -> int:
    """Machines that became silent, one notification for each silence; none while the studio itself was away."""
    if not liveness.is_silence_meaningful():
        return 0
    silent = Q(heartbeat_at__lt=timezone.now() - SILENCE, heartbeat_at__gte=since - SILENCE)
    hosts = list(Host.objects.filter(silent, detached_at=None)[:MAX_EVENTS])
    path = reverse("operations:machines")
    return sum(
        _tell_admins(
            Event.MACHINE,
            f"host:{host.pk}:{_seconds_of(host)}",
            f"{host.name} does not respond",
            f"Its last report was at {host.heartbeat_at:%H:%M:%S} UTC.",
            path,
        )
        for host in hosts
    )


def _seconds_of(host: Host) -> int:
    return int(host.heartbeat_at.timestamp()) if host.heartbeat_at else 0


def _close_recovered() -> None:
    """Mark what was said of a silent machine as read once it reports again."""
    unread = Notification.objects.filter(read_at=None, on_bell=True, event=Event.MACHINE, cause__startswith="host:")
    for row in unread.select_related("person")[:MAX_EVENTS]:
        host = Host.objects.filter(pk=row.cause.split(":")[1]).first()
        if host is None or host.is_alive:
            Notification.objects.filter(pk=row.pk).update(read_at=timezone.now())
            Notification.objects.store_unread(row.person)


def _find_backups(since: dt.datetime) -> int:
    failed = Backup.objects.filter(state=Backup.State.FAILED, ended_at__gte=since)
    damaged = Backup.objects.filter(checked_at__gte=since).exclude(check_error="")
    path = reverse("operations:backups")
    problems = [(f"backup:{row.pk}:failed", f"The backup {row} failed", row.error) for row in failed[:MAX_EVENTS]]
    problems += [(f"backup:{row.pk}:damaged", f"The backup {row} is damaged", row.check_error) for row in damaged]
    return sum(_tell_admins(Event.BACKUP, cause, title, detail, path) for cause, title, detail in problems)


def _find_tokens(since: dt.datetime) -> int:
    """Tokens that end a week from now."""
    ending = Token.objects.filter(revoked_at=None, expires_at__gt=since + BEFORE_END)
    ending = ending.filter(expires_at__lte=timezone.now() + BEFORE_END, user__is_active=True).select_related("user")
    path, sent = reverse("accounts:tokens"), 0
    for token in ending[:MAX_EVENTS]:
        detail = f"After {token.expires_at:%Y-%m-%d %H:%M} UTC, programs that use it get no access."
        title = f"Your token {token.name} ends in a week"
        sent += Notification.send(token.user, Event.TOKEN_END, f"token:{token.pk}", title, detail, path)
    return sent


def _find_sign_ins(since: dt.datetime) -> int:
    """Sign-ins of people from an address from which they have not signed in before."""
    done = Activity.objects.filter(verb="session.begin", outcome=Activity.Outcome.DONE)
    rows = done.filter(at__gte=since, actor_kind=Activity.ActorKind.PERSON).exclude(address="").order_by("pk")
    path, sent = reverse("accounts:sessions"), 0
    for row in rows[:MAX_EVENTS]:
        before = done.filter(actor_id=row.actor_id, pk__lt=row.pk)
        if not before.exists() or before.filter(address=row.address).exists():
            continue
        person = User.objects.filter(pk=row.actor_id or 0, is_active=True).first()
        detail = f"From {row.address}, {row.message}. If it was not you, end the session and change your password."
        if person:
            title = "You signed in from a new address"
            sent += Notification.send(person, Event.SIGN_IN, f"activity:{row.pk}", title, detail, path)
    return sent


def _find_long_waits(since: dt.datetime) -> int:
    """Jobs that have been queued for LONG_WAIT since the last turn."""
    waiting = Work.objects.filter(state=Work.State.QUEUED, queued_at__lte=timezone.now() - LONG_WAIT)
    waiting = waiting.filter(queued_at__gt=since - LONG_WAIT)
    runs = Run.objects.filter(work__in=waiting, parent=None, created_by__isnull=False)
    sent = 0
    for run in runs.select_related("created_by", "workspace", "experiment")[:MAX_EVENTS]:
        assert run.created_by is not None, "the query leaves the others out"
        title = f"{run.display_name} of {run.experiment.name} has waited for {LONG_WAIT.seconds // 60} minutes"
        detail = "Its page says why."
        path = run.get_absolute_url()
        sent += Notification.send(run.created_by, Event.JOB_WAITS, f"wait:{run.pk}", title, detail, path)
    return sent
