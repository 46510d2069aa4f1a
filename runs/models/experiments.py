"""An experiment: a named group of runs."""

import uuid

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from accounts import activity
from accounts.models import User
from runs.rules import EXPERIMENT_NAME
from studio.database import prepared_cursor
from studio.errors import Conflict
from studio.rules import DESCRIPTION, TAGS
from studio.search.db_functions import IsAmong
from workspaces.models import Workspace

# MLflow's clients expect an experiment 0 on every server; here it is the one with this name.
DEFAULT_NAME = "Default"
# How many of its newest runs decide whether a list begins with child runs too.
NEWEST = 50
# With so many runs, the columns of an experiment are read in the background: runs/pages/lists/prepared_columns.py.
LONG = 16_384


class ExperimentQuerySet(models.QuerySet["Experiment"]):
    def visible_to(self, actor):
        return self.present().filter(workspace__in=Workspace.objects.visible_to(actor))

    def present(self):
        """Experiments that are not in the trash."""
        return self.filter(deleted_at=None)

    def long(self):
        """Experiments in use that have a great many runs."""
        return self.present().filter(archived_at=None, run_count__gte=LONG)

    def make(self, actor, workspace: Workspace, name: str, *, description: str = "", tags: dict | None = None):
        """A new experiment; the caller has checked the fields by its own limits."""
        try:
            with transaction.atomic():
                return self.create(
                    workspace=workspace, name=name, description=description, tags=tags or {}, created_by=actor.user
                )
        except IntegrityError as error:
            raise name_conflict(workspace, name) from error

    def default_of(self, workspace: Workspace, actor) -> "Experiment":
        """The experiment for runs that name none, created on demand. It counts as the oldest."""
        fields = {"created_by": actor.user, "created_at": workspace.created_at}
        return self.get_or_create(workspace=workspace, name=DEFAULT_NAME, defaults=fields)[0]


def name_conflict(workspace: Workspace, name: str) -> Conflict:
    there = Experiment.objects.filter(workspace=workspace, name=name).first()
    where = there.where if there else "in this workspace"
    return Conflict(f"There is an experiment {name!r} {where} already.", target="name")


class Experiment(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="experiments")
    # Our limit is lower (studio/names.py); MLflow's clients may use longer names.
    name = models.CharField(max_length=500)
    experiment_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    description = models.TextField(max_length=5000, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    run_count = models.PositiveIntegerField(default=0, help_text="Also the number of the newest run.")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    # When it was moved to the trash. Its name stays taken.
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ExperimentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_experiment_of_a_name")]
        indexes = [
            models.Index(
                fields=["deleted_at", "workspace"], condition=Q(deleted_at__isnull=False), name="experiments_in_trash"
            )
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("runs:experiment_detail", args=[self.workspace.slug, self.experiment_id])

    def edit(self, *, name=None, description=None, tags=None, archived=None):
        """Change the given fields."""
        if name is not None and name != self.name:
            EXPERIMENT_NAME.check(name)
            if Experiment.objects.filter(workspace=self.workspace, name=name).exists():
                raise name_conflict(self.workspace, name)
            self.name = name
        if description is not None:
            self.description = DESCRIPTION.check(description)
        if tags is not None:
            self.tags = TAGS.check(tags)
        if archived is not None:
            self.archived_at = (self.archived_at or timezone.now()) if archived else None
        self.updated_at = timezone.now()
        self.save(update_fields=["name", "description", "tags", "archived_at", "updated_at"])

    def rename(self, name: str):
        """Rename it; the caller has checked the name by its own limits."""
        try:
            with transaction.atomic():
                self._update(name=name)
        except IntegrityError as error:
            raise name_conflict(self.workspace, name) from error

    def set_description(self, description: str):
        self._update(description=description)

    def set_tag(self, key: str, value: str):
        self._change_tags(lambda tags: tags | {key: value})

    def remove_tag(self, key: str):
        self._change_tags(lambda tags: {name: value for name, value in tags.items() if name != key})

    def _change_tags(self, change):
        with transaction.atomic():
            stored = Experiment.objects.select_for_update().get(pk=self.pk)
            self._update(tags=change(stored.tags))

    def _update(self, **fields):
        Experiment.objects.filter(pk=self.pk).update(updated_at=timezone.now(), **fields)
        for name, value in fields.items():
            setattr(self, name, value)

    def next_number(self) -> int:
        """The number of a new run; called inside the transaction that stores the run, so that none is used twice."""
        with prepared_cursor() as cursor:
            cursor.execute(COUNT_RUN, [self.pk])
            (self.run_count,) = cursor.fetchone()
        return self.run_count

    def has_majority(self) -> bool:
        """Whether it is long and probably has more runs than all others together."""
        if self.run_count < LONG:
            return False
        return self.run_count * 2 > (self.runs.model.objects.aggregate(last=models.Max("pk"))["last"] or 0)

    def has_metrics_only_in_children(self) -> bool:
        """Whether its newest runs log nothing but their children do, as those of a sweep."""
        runs = self.runs.filter(parent=None, deleted_at=None).order_by("-pk")
        newest = list(runs.values_list("pk", flat=True)[:NEWEST])
        logged = self.runs.model.objects.filter(metrics__isnull=False)
        if not newest or logged.filter(IsAmong("pk", newest)).exists():
            return False
        return logged.filter(parent__in=newest, deleted_at=None).exists()

    @property
    def where(self) -> str:
        return "in the trash" if self.deleted_at else "in this workspace"

    def check_open(self):
        """Refuses additions to an experiment in the trash."""
        if self.deleted_at:
            text = f"The experiment {self.name!r} is in the trash. Restore it, or delete it permanently to use its name again."
            raise Conflict(text, code="in_trash", target="experimentName")

    def delete(self, supervised_only: bool = False):  # type: ignore[override]
        """Move it to the trash with its runs, if none of them is active; see RunQuerySet.to_trash."""
        self.deleted_at = timezone.now()
        with transaction.atomic():
            Experiment.objects.filter(pk=self.pk).update(deleted_at=self.deleted_at, updated_at=self.deleted_at)
            self.runs.to_trash(self.deleted_at, supervised_only)
            activity.record("experiment.delete", self, scope=self.workspace)

    def restore(self):
        """Restore it with the runs that were deleted with it; runs deleted before stay in the trash."""
        with transaction.atomic():
            # Runs are found by the time of deletion, because children may be in another experiment.
            back = self.workspace.runs.filter(deleted_at=self.deleted_at)
            back.filter(Q(experiment=self) | Q(experiment__deleted_at=None)).update(deleted_at=None)
            Experiment.objects.filter(pk=self.pk).update(deleted_at=None, updated_at=timezone.now())
            activity.record("experiment.restore", self, scope=self.workspace)
        self.deleted_at = None


COUNT_RUN = f'UPDATE "{Experiment._meta.db_table}" SET run_count = run_count + 1 WHERE id = %s RETURNING run_count'
