"""Compute instances: the settings of a workstation besides those of its target, and the sessions of browsers on it."""

import datetime as dt
import secrets

from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import Token, User
from accounts.secrets import new_secret, secret_digest
from accounts.sessions import Session, stored_key
from compute.models.targets import ComputeTarget
from compute.models.work import Assignment, Work
from studio import encryption
from studio.errors import Conflict
from studio.links import link_to

# The possible triggers of the last operation.
USER, IDLE_SHUTDOWN, SCHEDULE = "User", "IdleShutdown", "Schedule"


class ComputeInstanceQuerySet(models.QuerySet):
    def present(self):
        return self.filter(target__deleted_at=None)

    def with_state(self):
        """Load the data for `state` with one more query."""
        assignments = models.Prefetch("work__assignments", Assignment.objects.select_related("node__host"))
        return self.select_related("target__workspace", "assigned_to", "work").prefetch_related(assignments)

    def running(self):
        return self.present().filter(work__state=Work.State.CLAIMED)


class ComputeInstance(models.Model):
    class State(models.TextChoices):
        CREATING = "Creating"
        STARTING = "Starting"
        RESTARTING = "Restarting"
        RUNNING = "Running"
        STOPPING = "Stopping"
        STOPPED = "Stopped"
        DELETING = "Deleting"
        CREATE_FAILED = "CreateFailed"

    class Operation(models.TextChoices):
        CREATE = "Create"
        START = "Start"
        RESTART = "Restart"
        STOP = "Stop"

    NOTICE = dt.timedelta(minutes=10)

    target = models.OneToOneField(ComputeTarget, models.CASCADE, primary_key=True, related_name="instance")
    assigned_to = models.ForeignKey(User, models.SET_NULL, null=True, related_name="compute_instances")
    # The first part of the host name of its applications; empty once it is deleted.
    label = models.CharField(max_length=40, blank=True)
    # Its newest work; each start queues new work.
    work = models.ForeignKey(Work, models.SET_NULL, null=True, related_name="+")
    # The token of the Jupyter server of this start, which the gateway sends; encrypted, and empty without a server.
    server_token_text = models.TextField(blank=True, editable=False)
    # The personal token that scripts in it use.
    token = models.ForeignKey(Token, models.SET_NULL, null=True, related_name="+")
    idle_minutes = models.PositiveIntegerField(null=True, blank=True)
    # Its last known activity.
    active_at = models.DateTimeField(null=True, blank=True)
    # When it will be stopped; its user has been notified.
    stops_at = models.DateTimeField(null=True, blank=True)
    operation = models.CharField(max_length=8, choices=Operation, default=Operation.CREATE)
    operation_at = models.DateTimeField(default=timezone.now)
    operation_trigger = models.CharField(max_length=20, default=USER)

    objects = ComputeInstanceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["label"], condition=~Q(label=""), name="one_instance_of_a_label"),
        ]

    def __str__(self):
        return self.target.name

    def get_absolute_url(self):
        return reverse("compute:instance_detail", args=[self.target.workspace.slug, self.target.name])

    @property
    def owner_of_text(self) -> str:
        return f"instance:{self.pk}"

    @property
    def server_token(self) -> str:
        return encryption.load_keys().decrypt(self.server_token_text, self.owner_of_text)

    def make_server_token(self) -> str:
        """A new token for its Jupyter server, encrypted for `server_token_text`."""
        return encryption.load_keys().encrypt(secrets.token_hex(24), self.owner_of_text)

    @property
    def state(self) -> str:
        """Its state, computed from its work, so that nothing has to be synchronized."""
        if self.target.is_deleting:
            return self.State.DELETING
        work = self.work
        if work is None or work.state == Work.State.CANCELED:
            return self.State.STOPPED
        if work.state == Work.State.LOST:
            return self.State.CREATE_FAILED if self.operation == self.Operation.CREATE else self.State.STOPPED
        if work.state == Work.State.DONE:
            return self.State.STOPPED
        if work.stop_requested_at:
            return self.State.STOPPING
        if work.state == Work.State.CLAIMED and self.is_reachable:
            return self.State.RUNNING
        changing = {self.Operation.CREATE: self.State.CREATING, self.Operation.RESTART: self.State.RESTARTING}
        return changing.get(self.Operation(self.operation), self.State.STARTING)

    @property
    def is_reachable(self) -> bool:
        """Whether its server answers."""
        return bool(self._current and self._current.health in (Assignment.Health.HEALTHY, Assignment.Health.UNHEALTHY))

    @property
    def build_progress(self) -> str:
        """The last line of the log while its environment is being built."""
        return self._current.progress if self._current else ""

    @property
    def build_url(self) -> str:
        return link_to("build", self.target.workspace.slug, self.work_id)

    @property
    def address(self) -> str:
        return self._current.address if self._current else ""

    @property
    def _current(self) -> Assignment | None:
        lead = self.work.lead if self.work else None
        return lead if lead and lead.ended_at is None else None

    @property
    def scheduled_stop(self) -> dt.datetime | None:
        """When a schedule will stop it, within the time of a notice."""
        until = timezone.now() + self.NOTICE
        times = [row.next_at for row in self.schedules.all() if row.next_at and row.stops_before(until)]
        return min(times, default=None)

    @property
    def is_changing(self) -> bool:
        settled = (self.State.RUNNING, self.State.STOPPED, self.State.CREATE_FAILED)
        return self.state not in settled

    def check_job(self, user: User) -> None:
        """Raise Conflict unless a job of this person can run next to the server."""
        if self.assigned_to_id != user.pk:
            raise Conflict(f"Only the user of the compute instance {self} can run jobs on it.", target="computeId")
        if self.state != self.State.RUNNING:
            raise Conflict(f"The compute instance {self} is {self.state.lower()}. Start it first.", target="computeId")

    @property
    def reason(self) -> str:
        """Why it does not run, or was started again."""
        return self.work.reason if self.work and self.state != self.State.RUNNING else ""

    def record_operation(self, operation: str, trigger: str, **fields) -> None:
        fields |= {"operation": operation, "operation_trigger": trigger, "operation_at": timezone.now()}
        self._update(**fields)

    def change_idle_shutdown(self, minutes: int | None) -> None:
        self._update(idle_minutes=minutes, stops_at=None)

    def record_activity(self, at: dt.datetime) -> None:
        """Record activity, or a request for more time."""
        self._update(active_at=at, stops_at=None)

    def announce_stop(self, at: dt.datetime) -> None:
        self._update(stops_at=at)

    def _update(self, **fields) -> None:
        ComputeInstance.objects.filter(pk=self.pk).update(**fields)
        for name, value in fields.items():
            setattr(self, name, value)

    def revoke_token(self) -> None:
        if self.token and self.token.is_active:
            self.token.revoke()


def free_label(name: str) -> str:
    """The name itself, unless an instance of another workspace has it."""
    name = name.lower()
    taken = set(ComputeInstance.objects.filter(label__startswith=name).values_list("label", flat=True))
    return next(label for label in (name, *(f"{name}-{number}" for number in range(2, 9999))) if label not in taken)


class ApplicationSession(models.Model):
    """The session of a browser at the host name of an instance: started with a ticket, then continued with a cookie of
    the gateway."""

    TICKET_SECONDS = 60

    instance = models.ForeignKey(ComputeInstance, models.CASCADE, related_name="sessions")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    # The key of the studio's session in its table: signing out ends this one too.
    session = models.CharField(max_length=40)
    path = models.CharField(max_length=2000)
    ticket = models.CharField(max_length=64, blank=True, db_index=True)
    cookie = models.CharField(max_length=64, blank=True, db_index=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self):
        return f"{self.user} at {self.instance}"

    @classmethod
    def begin(cls, instance: ComputeInstance, user: User, session_key: str, path: str) -> str:
        """Create a ticket for the URL of the instance; return its secret."""
        secret = new_secret()
        cls.objects.create(
            instance=instance, user=user, session=stored_key(session_key), path=path, ticket=secret_digest(secret)
        )
        return secret

    @classmethod
    @transaction.atomic
    def redeem(cls, label: str, ticket: str) -> tuple[str, str] | None:
        """Return cookie and path on the first use within a minute, otherwise None."""
        since = timezone.now() - dt.timedelta(seconds=cls.TICKET_SECONDS)
        digest, cookie = secret_digest(ticket), secrets.token_urlsafe(32)
        fresh = cls.objects.filter(ticket=digest, cookie="", instance__label=label, created_at__gt=since)
        if not ticket or not fresh.update(cookie=secret_digest(cookie)):
            return None
        return cookie, cls.objects.get(ticket=digest).path

    @classmethod
    def find(cls, label: str, cookie: str) -> "ApplicationSession | None":
        """The session of the cookie, while the person is signed in to the studio."""
        held = cls.objects.filter(cookie=secret_digest(cookie), instance__label=label).select_related("user")
        found = held.first() if cookie else None
        if found is None or not found.user.is_active:
            return None
        signed_in = Session.objects.live().filter(pk=found.session, user=found.user_id).exists()
        return found if signed_in else None

    @classmethod
    def forget_old(cls) -> None:
        """Delete unused tickets, and sessions that ended with those of the studio."""
        late = timezone.now() - dt.timedelta(hours=1)
        present = Session.objects.live().values("pk")
        cls.objects.filter(Q(cookie="") | ~Q(session__in=present), created_at__lt=late).delete()
