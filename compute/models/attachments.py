"""Machines that the studio attaches by SSH: what a site administrator asked for, and how far it is."""

import datetime as dt
import uuid

from django.db import models, transaction
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor
from accounts.models import User
from compute import notifications, rules
from compute.models.hosts import Host
from studio.errors import Conflict, Invalid
from workspaces.access import require
from workspaces.models import Workspace
from workspaces.vault.models import Secret
from workspaces.vault.rules import SECRET_VALUE

TASK = "compute.tasks.attach_machines"


class SshAttachment(models.Model):
    """A machine to attach. The control worker dials it; a person confirms its host key; then the agent is installed.

    The private key or password is in the key vault. A copy of its own is deleted when the machine has joined, because from
    then on the machine connects to the studio.
    """

    class State(models.TextChoices):
        QUEUED = "Queued"
        RUNNING = "Running"
        CONFIRM = "Confirm", "Waits for you to confirm the host key"
        JOINED = "Joined"
        FAILED = "Failed"

    # Longer than the longest step.
    HOLD_TIME = dt.timedelta(minutes=16)
    KEPT = dt.timedelta(days=1)

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    username = models.CharField(max_length=32)
    address = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=22)
    # The name of the machine in the studio; empty for its host name.
    name = models.CharField(max_length=32, blank=True)
    secret = models.ForeignKey(Secret, models.SET_NULL, null=True, related_name="+")
    shown_key = models.CharField(max_length=60, blank=True)
    # The fingerprint that a person has confirmed.
    host_key = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    steps = models.JSONField(default=list, blank=True)
    problem = models.TextField(blank=True)
    host = models.ForeignKey(Host, models.SET_NULL, null=True, related_name="+")
    created_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    held_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "machine to attach"

    def __str__(self):
        return f"{self.username}@{self.address}"

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING)

    @property
    def actor(self) -> Actor:
        return Actor(self.created_by)

    @classmethod
    @transaction.atomic
    def create(cls, actor: Actor, workspace: Workspace, *, secret: str = "", credential: str = "", **fields):
        """A machine to attach with a secret of the key vault, or with a private key or password that is stored there."""
        for name, rule in {"username": rules.USERNAME, "address": rules.ADDRESS, "port": rules.SSH_PORT}.items():
            rule.check(fields[name])
        for name, rule in {"name": rules.COMPUTE_NAME, "host_key": rules.FINGERPRINT}.items():
            fields.get(name) and rule.check(fields[name])
        if bool(secret) == bool(credential):
            raise Invalid("Either enter a private key or password, or select a secret.", target="credential")
        chosen = cls._find(actor, workspace, secret) if secret else cls._store(actor, workspace, credential)
        row = cls.objects.create(workspace=workspace, secret=chosen, created_by=actor.user, **fields)
        activity.record("host.attach", row, actor=actor)
        notifications.notify_control(TASK)
        return row

    @staticmethod
    def _find(actor: Actor, workspace: Workspace, name: str) -> Secret:
        require(actor, "read_secrets", workspace)
        found = workspace.secrets.readable().filter(name__iexact=name).first()
        if found is None:
            raise Invalid(f"There is no secret {name!r} in the key vault of {workspace.name}.", target="secret")
        return found

    @staticmethod
    def _store(actor: Actor, workspace: Workspace, value: str) -> Secret:
        SECRET_VALUE.check(value)
        title = f"machine-{uuid.uuid4().hex[:12]}"
        return Secret.set_internal(actor, workspace, title, value, "SSH credential")

    @classmethod
    def claim(cls) -> "SshAttachment | None":
        """Claim the oldest. One at a time, because the control worker has other work to do."""
        now = timezone.now()
        waiting = cls.objects.filter(state__in=(cls.State.QUEUED, cls.State.RUNNING))
        if waiting.filter(held_until__gte=now).exists():
            return None
        free = waiting.filter(models.Q(held_until=None) | models.Q(held_until__lt=now))
        row = free.order_by("pk").select_related("workspace", "secret", "created_by").first()
        fields = {"held_until": now + cls.HOLD_TIME, "state": cls.State.RUNNING, "steps": [], "problem": ""}
        if row is None or not free.filter(pk=row.pk).update(**fields):
            return None
        row.steps = []
        return row

    def report(self, step: str) -> None:
        """Store a step that has passed."""
        self.steps.append(step)
        running = SshAttachment.objects.filter(pk=self.pk, state=self.State.RUNNING)
        running.update(steps=self.steps, held_until=timezone.now() + self.HOLD_TIME)

    def read_credential(self) -> str:
        """The private key or password; of a secret that people can read, the activity log records this."""
        if self.secret is None:
            raise Conflict(
                "The secret with the private key or password was deleted. Remove this machine, and attach it again."
            )
        self.secret.workspace = self.workspace
        if self.secret.internal:
            return self.secret.decrypt_newest()
        newest = self.secret.versions.first()
        if newest is None:
            raise Conflict(f"The secret {self.secret.name} has no version.")
        return self.secret.read(self.actor, newest)

    def ask_for_confirmation(self, fingerprint: str) -> None:
        self._end(self.State.CONFIRM, shown_key=fingerprint)

    @transaction.atomic
    def fail(self, problem: str) -> None:
        self._end(self.State.FAILED, problem=problem)
        if row := self._find_attached():
            row.lose()

    @transaction.atomic
    def finish(self, host: Host | None) -> None:
        """It has joined; its credential is not needed any more."""
        self._end(self.State.JOINED, host=host)
        self._forget_credential()
        if host is not None and (row := self._find_attached()):
            row.connect(host)

    def _find_attached(self):
        """The compute target that waits for this machine, or None."""
        return getattr(self, "attached", None)

    def _end(self, state: str, **fields) -> None:
        running = SshAttachment.objects.filter(pk=self.pk, state=self.State.RUNNING)
        running.update(state=state, held_until=None, **fields)

    @transaction.atomic
    def confirm(self, actor: Actor, fingerprint: str) -> None:
        """Continue with this host key, which a person has compared with the machine's."""
        waiting = SshAttachment.objects.filter(pk=self.pk, state=self.State.CONFIRM, shown_key=fingerprint)
        if not waiting.update(state=self.State.QUEUED, host_key=fingerprint):
            raise Conflict(f"{self} is no longer waiting for you to confirm this host key.")
        activity.record("host.confirm_key", self, actor=actor, message=fingerprint)
        notifications.notify_control(TASK)

    @transaction.atomic
    def retry(self, actor: Actor) -> None:
        """Begin again after a failure, with the host key that was confirmed."""
        if not SshAttachment.objects.filter(pk=self.pk, state=self.State.FAILED).update(state=self.State.QUEUED):
            raise Conflict(f"{self} has not failed.")
        if row := self._find_attached():
            row.retry()
        activity.record("host.attach", self, actor=actor, message="once more")
        notifications.notify_control(TASK)

    @transaction.atomic
    def remove(self, actor: Actor) -> None:
        """Give it up, and delete its credential and the compute target that waits for it; a machine that has joined stays."""
        waiting = self._find_attached() if self.state != self.State.JOINED else None
        if not SshAttachment.objects.filter(pk=self.pk).exclude(state=self.State.RUNNING).delete()[0]:
            raise Conflict(f"{self} is being attached at the moment. Remove it once that has ended.")
        self._forget_credential()
        if waiting is not None and not waiting.target.is_deleting:
            waiting.target.start_deleting()
        if self.state != self.State.JOINED:
            activity.record("host.attach_end", self, actor=actor)

    def _forget_credential(self) -> None:
        if self.secret is not None and self.secret.internal:
            self.secret.workspace = self.workspace
            self.secret.remove(self.actor)

    @classmethod
    def forget_old(cls) -> None:
        """Remove what nobody has finished within a day."""
        old = cls.objects.filter(created_at__lt=timezone.now() - cls.KEPT).exclude(state=cls.State.RUNNING)
        for row in old.select_related("workspace", "secret", "created_by")[:100]:
            row.remove(row.actor)
