"""Acts on more runs than a request can change: steps of the control worker (runs/bulk_work.py), with a log and an undo."""

import datetime as dt

from django.db import IntegrityError, models, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Concat
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from compute import notifications
from studio.errors import Conflict
from studio.request_context import current_request
from workspaces.models import Workspace

TASK = "runs.tasks.work_on_bulk_acts"
# Runs of one step, which is one transaction.
STEP = 500
# After this time, a worker that took it is considered dead.
HOLD_TIME = dt.timedelta(seconds=60)


class BulkActQuerySet(models.QuerySet):
    def free(self):
        now = timezone.now()
        return self.filter(state__in=BulkAct.OPEN).filter(Q(held_until=None) | Q(held_until__lt=now))


class BulkAct(models.Model):
    class Verb(models.TextChoices):
        DELETE = "delete", "Delete jobs"
        CANCEL = "cancel", "Cancel jobs"
        TAG = "tag", "Tag jobs"
        UNTAG = "untag", "Remove the tag"

    class State(models.TextChoices):
        QUEUED = "Queued"
        RUNNING = "Running"
        COMPLETED = "Completed"
        FAILED = "Failed"
        CANCELED = "Canceled"

    OPEN = [State.QUEUED, State.RUNNING]

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="bulk_acts")
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    verb = models.CharField(max_length=6, choices=Verb)
    # The act that this one takes back; an act is undone once.
    undoes = models.OneToOneField("self", models.CASCADE, null=True, related_name="undone_by")
    tag_name = models.CharField(max_length=256, blank=True)
    tag_value = models.TextField(blank=True)
    # The runs, in the order of the steps.
    keys = models.JSONField()
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)
    # The others that are done were left as they are.
    changed = models.PositiveIntegerField(default=0)
    # The request that began it: rows of the activity log have its id.
    request_id = models.CharField(max_length=32, blank=True)
    # Step n moves its runs to the trash with this time and n microseconds.
    at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    held_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    log = models.TextField(blank=True)

    objects = BulkActQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["id"], condition=Q(state__in=["Queued", "Running"]), name="bulk_acts_open")]

    def __str__(self):
        name = f"{self.get_verb_display()} {self.tag_name}".strip()
        return f"Undo: {name}" if self.undoes_id else name

    def get_absolute_url(self):
        return reverse("runs:bulk_act", args=[self.workspace.slug, self.pk])

    @classmethod
    def queue(cls, workspace: Workspace, user: User | None, verb: str, keys: list[int], **fields) -> "BulkAct":
        request = current_request()
        request_id = request.id if request else ""  # type: ignore[attr-defined]
        made = cls(workspace=workspace, user=user, verb=verb, keys=keys, total=len(keys), request_id=request_id)
        for name, value in fields.items():
            setattr(made, name, value)
        with transaction.atomic():
            made.save()
            made.append_log(f"Begun with {len(keys):,} jobs.")
            notifications.notify_control(TASK)
        return made

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def can_be_undone(self) -> bool:
        """Canceled jobs stay canceled, and what was undone can be done again in the list."""
        is_new = not self.undoes_id and not hasattr(self, "undone_by")
        return is_new and not self.is_open and self.verb != self.Verb.CANCEL and self.changed > 0

    def undo(self) -> "BulkAct":
        """Take back all steps that were done, as another act."""
        if not self.can_be_undone:
            raise Conflict(f"{self} cannot be undone.", code="nothing_to_undo")
        fields = {"undoes": self, "tag_name": self.tag_name, "tag_value": self.tag_value}
        try:
            return BulkAct.queue(self.workspace, self.user, self.verb, self.keys[: self.done], **fields)
        except IntegrityError as error:
            raise Conflict(f"{self} is being undone already.", code="nothing_to_undo") from error

    def stop(self) -> None:
        """Do no more steps; those that were done stay, until somebody undoes them."""
        if not self.end(self.State.CANCELED, f"Stopped by {self.user}."):
            raise Conflict(f"{self} has ended already.")

    def take(self) -> bool:
        """Claim it with one conditional UPDATE: of two workers, one gets it."""
        taken = BulkAct.objects.free().filter(pk=self.pk)
        return bool(taken.update(state=self.State.RUNNING, held_until=timezone.now() + HOLD_TIME))

    def advance(self, number: int) -> bool:
        """Count a step, first in its transaction; False if another worker did it, or somebody stopped the act."""
        same = BulkAct.objects.filter(pk=self.pk, state=self.State.RUNNING, done=self.done)
        return bool(same.update(done=F("done") + number, held_until=timezone.now() + HOLD_TIME))

    def count_changed(self, number: int) -> None:
        BulkAct.objects.filter(pk=self.pk).update(changed=F("changed") + number)

    def release(self) -> None:
        """Let any worker go on with it."""
        BulkAct.objects.filter(pk=self.pk).update(held_until=None)

    def end(self, state: str, line: str) -> bool:
        fields = {"state": state, "ended_at": timezone.now(), "held_until": None}
        has_ended = BulkAct.objects.filter(pk=self.pk, state__in=self.OPEN).update(**fields)
        if has_ended:
            self.append_log(line)
        return bool(has_ended)

    def append_log(self, text: str) -> None:
        line = f"{timezone.now():%H:%M:%S} {text}\n"
        BulkAct.objects.filter(pk=self.pk).update(log=Concat("log", Value(line)))
