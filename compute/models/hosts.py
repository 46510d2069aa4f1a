"""Machines that run nodes, and the tokens with which further ones join."""

import datetime as dt
import uuid

from django.conf import settings
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone
from lazuli.agent.machine import Machine

from accounts import activity
from accounts.models import User
from accounts.secrets import new_secret, secret_digest
from compute import notifications, rules
from studio.errors import Conflict, Invalid


class HostQuerySet(models.QuerySet):
    def alive(self):
        """Hosts whose agent reported within the lease of a node."""
        return self.filter(heartbeat_at__gt=timezone.now() - dt.timedelta(seconds=settings.NODE_LEASE_SECONDS))

    def reopen_due(self) -> None:
        """Open the machines whose drain was to end by now, unless something else keeps them closed."""
        for host in self.filter(reopens_at__lte=timezone.now(), detached_at=None, quarantined_at=None):
            host.reopen()


class Host(models.Model):
    """A machine that runs nodes. Its agent polls for the nodes to run and reports those that run. Its key is signed
    (compute/keys.py).

    A joined host is another machine than the studio's: it connects to the studio's URL, and the studio cannot connect
    to it.
    """

    # Its agent reports every 3 seconds.
    RECENTLY = dt.timedelta(seconds=10)

    name = models.CharField(max_length=60, unique=True)
    # Signed by its key, so that a later machine with the same name has another key.
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cpus = models.PositiveIntegerField(default=1)
    memory_gb = models.FloatField(default=1)
    gpus = models.PositiveSmallIntegerField(default=0)
    # The UUIDs of GPUs that disappeared since its agent started, separated by commas; `gpus` does not count them.
    lost_gpus = models.TextField(blank=True, default="")
    address = models.CharField(max_length=100, blank=True)
    # Its system, Python and SDK, as reported when it joined.
    system = models.CharField(max_length=200, blank=True)
    # The boot id of the machine that reported last: a copy of its disk on another machine has another one.
    boot = models.CharField(max_length=100, blank=True)
    joined_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When a page last showed its resource use, so that its agent sends samples at once.
    watched_at = models.DateTimeField(null=True, blank=True, editable=False)
    # It is deleted once its nodes have ended.
    detached_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    # Missing isolation of scripts, found by its agent at its start; empty if there is none.
    isolation_problem = models.CharField(max_length=300, blank=True)

    # Its container engine with its version, such as podman 4.3.1; or why it has none.
    container_engine = models.CharField(max_length=100, blank=True, default="")
    container_problem = models.CharField(max_length=300, blank=True, default="")

    # The size of the packages that it has downloaded and built for environments; none before the first measurement.
    wheel_cache_bytes = models.BigIntegerField(null=True, blank=True)
    environment_cache_bytes = models.BigIntegerField(null=True, blank=True)

    # Consecutive failures of its nodes and runners; a successful job resets them.
    failures = models.PositiveSmallIntegerField(default=0)
    quarantined_at = models.DateTimeField(null=True, blank=True)
    quarantine_reason = models.CharField(max_length=500, blank=True)
    drained_at = models.DateTimeField(null=True, blank=True)
    # An administrator's reason, which people see whose jobs wait for the machine.
    drain_reason = models.CharField(max_length=rules.DRAIN_REASON.limits["maxLength"], blank=True, default="")
    # When a drain ends by itself; null if an administrator ends it.
    reopens_at = models.DateTimeField(null=True, blank=True)

    FAILURES_BEFORE_QUARANTINE = 3

    objects = HostQuerySet.as_manager()

    def __str__(self):
        return self.name

    @property
    def machine(self) -> Machine:
        """Its resources for nodes."""
        return Machine(self.cpus, self.memory_gb, self.gpus)

    @property
    def lost_gpu_list(self) -> list[str]:
        return self.lost_gpus.split(",") if self.lost_gpus else []

    @property
    def is_alive(self) -> bool:
        return self.heartbeat_at is not None and timezone.now() - self.heartbeat_at < dt.timedelta(
            seconds=settings.NODE_LEASE_SECONDS
        )

    @property
    def is_open(self) -> bool:
        """Whether it accepts new nodes, and its nodes accept new work."""
        return self.quarantined_at is None and self.drained_at is None

    @property
    def has_joined(self) -> bool:
        """Whether it is another machine than the studio's own."""
        return self.joined_at is not None

    @property
    def closed_reason(self) -> str:
        """Why it accepts no work; shown in all workspaces, so without details of a job."""
        if self.quarantined_at and self.failures < self.FAILURES_BEFORE_QUARANTINE:
            return "An administrator has put it in quarantine."
        if self.quarantined_at:
            return f"It is in quarantine after {self.FAILURES_BEFORE_QUARANTINE} failures in a row."
        if self.detached_at:
            return "It is being detached."
        until = f" until {self.reopens_at:%Y-%m-%d %H:%M} UTC" if self.reopens_at else ""
        return f"An administrator is draining it{until}{f': {self.drain_reason}' if self.drain_reason else '.'}"

    def record_failure(self, reason: str) -> None:
        """Count a failure; after some in a row it is in quarantine, because it would fail one job after the other."""
        host = Host.objects.filter(pk=self.pk)
        host.update(failures=F("failures") + 1)
        words = f"{self.FAILURES_BEFORE_QUARANTINE} failures in a row. The last: {reason}"[:500]
        found = host.filter(failures__gte=self.FAILURES_BEFORE_QUARANTINE, quarantined_at=None)
        with transaction.atomic():
            if found.update(quarantined_at=timezone.now(), quarantine_reason=words):
                activity.record("host.quarantine", self, message=words)

    def record_success(self) -> None:
        if self.failures:
            Host.objects.filter(pk=self.pk).update(failures=0)

    def drain(self, reason: str = "", until: dt.datetime | None = None) -> None:
        """Drain it: its nodes accept no more jobs and stop after their current ones; it opens by itself at `until`."""
        reason, now = rules.DRAIN_REASON.check(reason.strip()), timezone.now()
        if until is not None and until <= now:
            raise Invalid("The time at which it accepts jobs again is in the past.", target="until")
        with transaction.atomic():
            host = Host.objects.filter(pk=self.pk)
            host.filter(drained_at=None).update(drained_at=now)
            host.update(drain_reason=reason, reopens_at=until)
            activity.record("host.drain", self, message=reason, changes={"until": [None, until]} if until else None)

    def quarantine(self, reason: str) -> None:
        """Close it because something is wrong with it, for the reason that administrators see."""
        reason = rules.QUARANTINE_REASON.check(reason.strip())
        with transaction.atomic():
            if not Host.objects.filter(pk=self.pk, quarantined_at=None).update(
                quarantined_at=timezone.now(), quarantine_reason=reason
            ):
                raise Conflict(f"{self.name} is in quarantine already.")
            activity.record("host.quarantine", self, message=reason)

    def reopen(self) -> None:
        """Lift quarantine and drain."""
        with transaction.atomic():
            Host.objects.filter(pk=self.pk).update(
                quarantined_at=None,
                quarantine_reason="",
                drained_at=None,
                drain_reason="",
                reopens_at=None,
                detached_at=None,
                failures=0,
            )
            activity.record("host.reopen", self)
        notifications.notify_autoscaler()

    def detach(self) -> None:
        """Detach it: it accepts no more jobs, and is deleted once its nodes have ended."""
        if not self.has_joined:
            raise Conflict(f"{self.name} is the studio's own machine, which cannot be detached; drain it instead.")
        now = timezone.now()
        with transaction.atomic():
            if Host.objects.filter(pk=self.pk, detached_at=None).update(detached_at=now, drained_at=now):
                activity.record("host.detach", self)
                for row in self.attached.all():
                    row.lose()
        notifications.notify_autoscaler()

    def forget_if_done(self) -> bool:
        """Delete it if it was detached and its nodes have ended, so that its key no longer works."""
        running = self.nodes.filter(ended_at=None).exclude(state="unusable")
        if self.detached_at is None or running.exists():
            return False
        self.delete()
        return True

    def has_reported_recently(self, now: dt.datetime) -> bool:
        """Whether it can start a node at once; stricter than `is_alive`."""
        return self.heartbeat_at is not None and now - self.heartbeat_at < self.RECENTLY


class JoinToken(models.Model):
    """Lets one machine join within an hour. Its secret is shown once and stored as a hash."""

    VALID = dt.timedelta(hours=1)

    digest = models.CharField(max_length=64, unique=True)
    # None: the command line of the studio.
    created_by = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True, blank=True)
    host = models.ForeignKey(Host, models.SET_NULL, null=True, related_name="+")

    def __str__(self):
        return f"token of {self.created_by or 'the command line'}"

    @property
    def expires_at(self) -> dt.datetime:
        return self.created_at + self.VALID

    @property
    def is_valid(self) -> bool:
        return self.used_at is None and timezone.now() < self.expires_at

    @classmethod
    def create_with_secret(cls, user: User | None) -> tuple["JoinToken", str]:
        """Create a token; return it with its secret. Old tokens are deleted."""
        cls.objects.filter(created_at__lt=timezone.now() - dt.timedelta(days=1)).delete()
        secret = new_secret("join.")
        with transaction.atomic():
            token = cls.objects.create(digest=secret_digest(secret), created_by=user)
            activity.record("host.invite", token)
        return token, secret

    @classmethod
    def find(cls, secret: str) -> "JoinToken | None":
        token = cls.objects.filter(digest=secret_digest(secret)).first()
        return token if token and token.is_valid else None

    def create_host(self, **machine) -> Host | None:
        """Create the host that joins with this token; None if another one was faster."""
        now = timezone.now()
        with transaction.atomic():
            if not JoinToken.objects.filter(pk=self.pk, used_at=None).update(used_at=now):
                return None
            host = Host.objects.create(joined_at=now, **machine | {"name": _find_free_name(machine["name"])})
            JoinToken.objects.filter(pk=self.pk).update(host=host)
            activity.record("host.join", host, message=f"With a {self}.")
        return host


def _find_free_name(name: str) -> str:
    """The name itself, unless another machine has it."""
    taken = set(Host.objects.filter(name__startswith=name).values_list("name", flat=True))
    return next(each for each in (name, *(f"{name}-{number}" for number in range(2, 9999))) if each not in taken)
