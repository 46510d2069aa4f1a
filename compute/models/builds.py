"""Builds of environments for services: compute instances and replicas of endpoints."""

import uuid

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.actors import Actor
from compute import work_kinds
from compute.models.work import Work
from studio.errors import Conflict, Denied
from studio.links import link_to
from workspaces.models import Workspace

# The end of a longer log is kept.
MAX_LOG = 256 * 1024


# Its work is still in the attempt for which the environment is built.
RUNNING = Q(ended_at=None, work__state=Work.State.CLAIMED, attempt=F("work__attempt"))


class ServiceBuildQuerySet(models.QuerySet):
    def of(self, workspace: Workspace):
        rows = self.filter(work__target__workspace=workspace, work__target__deleted_at=None).defer("log")
        return rows.select_related("work__target__workspace", "work__submitted_by")

    def running(self):
        return self.filter(RUNNING)

    def ended(self):
        return self.exclude(RUNNING)


class ServiceBuild(models.Model):
    """The newest build for a unit of kept-up work. Builds for jobs have their log among the files of the job."""

    work = models.OneToOneField(Work, models.CASCADE, related_name="build")
    attempt = models.PositiveIntegerField()
    # The name of the work for people, which a list reads without what it is for.
    title = models.CharField(max_length=300, blank=True)
    node_name = models.CharField(max_length=60, blank=True)
    log = models.TextField(blank=True)
    # All characters that were reported.
    size = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    # When the environment was ready; empty if the build did not come to that.
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ServiceBuildQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at"]
        verbose_name = "build for a service"

    def __str__(self):
        return f"Build for {self.title}"

    def get_absolute_url(self) -> str:
        return link_to("build", self.work.target.workspace.slug, self.work_id)

    @classmethod
    @transaction.atomic
    def append(cls, work_id: uuid.UUID, attempt: int, offset: int, text: str, is_done: bool) -> None:
        """Add text that begins after `offset` characters; what was reported before is left out. A new attempt begins
        again."""
        row, _ = cls.objects.get_or_create(work_id=work_id, defaults={"attempt": attempt})
        row = cls.objects.select_for_update().select_related("work").get(pk=row.pk)
        if row.attempt != attempt:
            row.attempt, row.log, row.size, row.started_at, row.ended_at = attempt, "", 0, timezone.now(), None
        row.title, row.node_name = row.work.title[:300], row.work.node.name if row.work.node else ""
        new = text[max(0, row.size - offset) :]
        row.log, row.size = (row.log + new)[-MAX_LOG:], row.size + len(new)
        row.ended_at = timezone.now() if is_done else row.ended_at
        row.save()

    @property
    def environment_name(self) -> str:
        return str((self.work.spec.get("environment") or {}).get("name") or "")

    @property
    def is_running(self) -> bool:
        return not self.ended_at and self.work.state == Work.State.CLAIMED and self.work.attempt == self.attempt

    @property
    def page_state(self) -> str:
        """The state in the terms of jobs."""
        if self.is_running:
            return "Running"
        if self.ended_at:
            return "Succeeded"
        return "Canceled" if self.work.stop_requested_at else "Failed"

    @property
    def left_out(self) -> int:
        """How many characters at the start of the log are not kept."""
        return max(0, self.size - len(self.log))

    def may_change(self, actor: Actor) -> bool:
        may_change = work_kinds.kind_of(self.work.scope).may_change
        return bool(may_change and may_change(self.work, actor))

    def cancel(self, actor: Actor) -> None:
        """Stop the build and what it is for."""
        kind = self._require_kind(actor)
        if not self.is_running:
            raise Conflict("This build has ended; there is nothing to cancel.")
        assert kind.cancel_build is not None
        kind.cancel_build(self.work, actor)

    def rebuild(self, actor: Actor) -> None:
        """Build the environment once more, with the newest matching packages, and start what it is for with it."""
        kind = self._require_kind(actor)
        if self.is_running:
            raise Conflict("It is being built at the moment. Cancel it, or wait for its end.")
        assert kind.rebuild is not None
        kind.rebuild(self.work, actor)

    def _require_kind(self, actor: Actor) -> work_kinds.WorkKind:
        if not self.may_change(actor):
            raise Denied(f"You may not change {self.title}.")
        return work_kinds.kind_of(self.work.scope)
