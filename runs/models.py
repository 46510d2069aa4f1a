"""Experiments, runs and what runs leave behind: metrics, parameters, tags, artifacts, snapshots."""

import uuid

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from compute import queue
from compute.models import ComputeTarget, Work
from runs import attempts
from runs.inputs import RunDataset, RunModel  # noqa: F401  (Django looks for tables here)
from runs.purge_jobs import PurgeJob  # noqa: F401
from runs.retention_rules import RetentionAct, RetentionRule  # noqa: F401
from runs.saved_views import SavedView, Star, TagEdit  # noqa: F401
from runs.search.patterns import AsNumber, ValueStart
from runs.series import MetricBatch, MetricChunk, MetricSeries  # noqa: F401
from studio.errors import Conflict, Invalid
from workspaces import names
from workspaces.models import User, Workspace


class ExperimentQuerySet(models.QuerySet):
    def visible_to(self, actor):
        return self.present().filter(workspace__in=Workspace.objects.visible_to(actor))

    def present(self):
        """Those that are not in the trash."""
        return self.filter(deleted_at=None)


class Experiment(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="experiments")
    # Ours are shorter (workspaces/names.py); MLflow's clients may write more.
    name = models.CharField(max_length=500)
    experiment_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    description = models.TextField(max_length=5000, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    run_count = models.PositiveIntegerField(default=0, help_text="Also the number of the newest run.")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    # In the trash since then. Its name stays taken.
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
        """Change what is given; the rest stays."""
        if name is not None and name != self.name:
            names.name(name, "experiment name")
            taken = Experiment.objects.filter(workspace=self.workspace, name=name).first()
            if taken:
                raise Conflict(f"There is an experiment {name!r} {taken.where} already.", target="name")
            self.name = name
        if description is not None:
            self.description = names.checked(description, "description", most=5000, empty=True)
        if tags is not None:
            self.tags = names.tags(tags)
        if archived is not None:
            self.archived_at = (self.archived_at or timezone.now()) if archived else None
        self.updated_at = timezone.now()
        self.save(update_fields=["name", "description", "tags", "archived_at", "updated_at"])

    def next_number(self) -> int:
        """The number of a new run; inside the transaction that stores the run, so that none is used twice."""
        Experiment.objects.filter(pk=self.pk).update(run_count=F("run_count") + 1)
        self.refresh_from_db(fields=["run_count"])
        return self.run_count

    @property
    def where(self) -> str:
        return "in the trash" if self.deleted_at else "in this workspace"

    def check_open(self):
        """Nothing new comes into an experiment that is in the trash."""
        if self.deleted_at:
            text = (
                f"The experiment {self.name!r} is in the trash. Restore it, or delete it for ever to use its name anew."
            )
            raise Conflict(text, code="in_trash", target="experimentName")

    def delete(self, supervised_only: bool = False):
        """To the trash, with its runs, and only when none of them is active; see RunQuerySet.to_trash."""
        self.deleted_at = timezone.now()
        with transaction.atomic():
            Experiment.objects.filter(pk=self.pk).update(deleted_at=self.deleted_at, updated_at=self.deleted_at)
            self.runs.to_trash(self.deleted_at, supervised_only)

    def restore(self):
        """With the runs that went to the trash with it; those that were there before stay there."""
        with transaction.atomic():
            # By the moment, since children may be in another experiment.
            back = Run.objects.filter(workspace=self.workspace_id, deleted_at=self.deleted_at)
            back.filter(Q(experiment=self) | Q(experiment__deleted_at=None)).update(deleted_at=None)
            Experiment.objects.filter(pk=self.pk).update(deleted_at=None, updated_at=timezone.now())
        self.deleted_at = None


class Snapshot(models.Model):
    """The code of a run as it was submitted: one zip, stored once per content."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="snapshots")
    snapshot_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    digest = models.CharField(max_length=64)
    key = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    files = models.JSONField(default=list)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # When somebody last asked for it; one that no run has is forgotten some time after that.
    used_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "digest"], name="one_snapshot_of_a_content")]

    def __str__(self):
        return str(self.snapshot_id)


class RunQuerySet(models.QuerySet):
    def visible_to(self, actor):
        """A run token sees its own run and that run's descendants."""
        runs = self.filter(workspace__in=Workspace.objects.visible_to(actor), deleted_at=None)
        if actor.is_run:
            own = Q(run_id=actor.run_id) | Q(root__run_id=actor.run_id)
            runs = runs.filter(own | Q(parent__run_id=actor.run_id) | Q(parent__parent__run_id=actor.run_id))
        return runs

    def readable_by(self, actor):
        """Those visible; a run token may also look at the runs that its own descends from."""
        if not actor.is_run:
            return self.visible_to(actor)
        own = Run.objects.filter(workspace_id=actor.workspace_id, run_id=actor.run_id)
        above = Q()
        for way in ("parent_id", "parent__parent_id", "root_id"):
            above |= Q(pk__in=own.values(way))
        seen = self.visible_to(actor).values("pk")
        return self.filter(Q(pk__in=seen) | above, workspace_id=actor.workspace_id, deleted_at=None)

    def active(self):
        return self.filter(status__in=Run.ACTIVE)

    def supervised(self):
        """Those that a runner of ours ends."""
        return self.exclude(work=None, heartbeat_at=None)

    def to_trash(self, at=None, supervised_only: bool = False):
        """Put these runs and all that descend from them into the trash, with one moment for all, which is returned.

        One that has not ended is a Conflict and nothing is changed; with `supervised_only` an open run that no
        runner supervises may go, as MLflow has it.
        """
        at = at or timezone.now()
        with transaction.atomic():
            layer = self.filter(deleted_at=None).update(deleted_at=at)
            while layer:
                layer = Run.objects.filter(parent__deleted_at=at, deleted_at=None).update(deleted_at=at)
            active = Run.objects.filter(deleted_at=at).active()
            active = active.supervised() if supervised_only else active
            if names_of := list(active.values_list("run_id", flat=True)[:10]):
                verb = "has" if len(names_of) == 1 else "have"
                raise Conflict(f"{', '.join(names_of)} {verb} not ended. Cancel first.", code="in_use")
        return at

    def told(self):
        """With all that the description of a run over the wire needs, in a fixed number of queries."""
        return self.select_related(
            "workspace__resource_group__subscription", "experiment", "parent", "root", "work", "created_by", "snapshot"
        ).prefetch_related("tag_rows", "parameter_rows")


class Run(models.Model):
    class Status(models.TextChoices):
        NOT_STARTED = "NotStarted", "Not started"
        PREPARING = "Preparing"
        PROVISIONING = "Provisioning"
        STARTING = "Starting"
        QUEUED = "Queued"
        RUNNING = "Running"
        FINALIZING = "Finalizing"
        CANCEL_REQUESTED = "CancelRequested", "Cancel requested"
        COMPLETED = "Completed"
        FAILED = "Failed"
        CANCELED = "Canceled"

    TERMINAL = [Status.COMPLETED, Status.FAILED, Status.CANCELED]
    ACTIVE = [
        Status.NOT_STARTED,
        Status.PREPARING,
        Status.PROVISIONING,
        Status.STARTING,
        Status.QUEUED,
        Status.RUNNING,
        Status.FINALIZING,
        Status.CANCEL_REQUESTED,
    ]

    # From which states a run may come to each. Which of Preparing and Queued is first depends on who builds the environment.
    BEFORE_RUNNING = [Status.NOT_STARTED, Status.PREPARING, Status.PROVISIONING, Status.STARTING, Status.QUEUED]
    MOVES = {
        Status.PREPARING: BEFORE_RUNNING,
        Status.PROVISIONING: BEFORE_RUNNING,
        Status.STARTING: BEFORE_RUNNING,
        Status.QUEUED: BEFORE_RUNNING,
        Status.RUNNING: BEFORE_RUNNING,
        Status.FINALIZING: [*BEFORE_RUNNING, Status.RUNNING],
        Status.CANCEL_REQUESTED: [*BEFORE_RUNNING, Status.RUNNING, Status.FINALIZING],
        Status.COMPLETED: ACTIVE,
        Status.FAILED: ACTIVE,
        Status.CANCELED: ACTIVE,
    }
    PROGRESS = [
        Status.PREPARING,
        Status.PROVISIONING,
        Status.STARTING,
        Status.QUEUED,
        Status.RUNNING,
        Status.FINALIZING,
    ]

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="runs")
    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="runs")
    run_id = models.CharField(max_length=256)
    number = models.PositiveIntegerField()
    display_name = models.CharField(max_length=256)
    description = models.TextField(max_length=5000, blank=True)
    run_type = models.CharField(max_length=60, blank=True)
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")
    root = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="descendants")
    status = models.CharField(max_length=16, choices=Status, default=Status.NOT_STARTED)
    # Azure's REST job as it was sent, whole; empty for an interactive run.
    job = models.JSONField(default=dict, blank=True)
    snapshot = models.ForeignKey(Snapshot, models.SET_NULL, null=True, blank=True, related_name="runs")
    target_name = models.CharField(max_length=64, blank=True)
    compute = models.ForeignKey(ComputeTarget, models.SET_NULL, null=True, blank=True, related_name="runs")
    work = models.OneToOneField(Work, models.SET_NULL, null=True, blank=True, related_name="run")
    node_name = models.CharField(max_length=60, blank=True)
    # {"code", "message", "details"} once failed.
    error = models.JSONField(default=dict, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    properties = models.JSONField(default=dict, blank=True)
    heartbeat_at = models.DateTimeField(
        null=True, blank=True, help_text="Set by a runner; empty for an interactive run."
    )
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # Raised by every change that a page shows, so that a poll can be answered with "nothing new".
    revision = models.PositiveBigIntegerField(default=0)
    # In the trash since then; what went there together has the same moment.
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()
    # The work and the attempt in whose name something is written to this row (runs/attempts.py); stored nowhere.
    writer = None

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "run_id"], name="one_run_of_an_id"),
            models.UniqueConstraint(fields=["experiment", "number"], name="one_run_of_a_number"),
        ]
        indexes = [
            models.Index(fields=["workspace", "-created_at", "-id"], name="runs_newest"),
            models.Index(fields=["experiment", "-created_at", "-id"], name="runs_of_experiment"),
            # What the counters of a list read, and nothing but these.
            models.Index(fields=["workspace", "deleted_at", "status", "parent"], name="runs_counted"),
            models.Index(fields=["experiment", "deleted_at", "status", "parent"], name="runs_counted_of_experiment"),
            # The order of MLflow's searches.
            models.Index("experiment", Coalesce("started_at", "created_at").desc(), "run_id", name="runs_by_start"),
            models.Index(
                fields=["status"], condition=~Q(status__in=["Completed", "Failed", "Canceled"]), name="runs_active"
            ),
            models.Index(
                fields=["deleted_at", "workspace"], condition=Q(deleted_at__isnull=False), name="runs_in_trash"
            ),
        ]

    def __str__(self):
        return self.display_name

    def get_absolute_url(self):
        return reverse("runs:run_detail", args=[self.workspace.slug, self.run_id])

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def storage_area(self) -> str:
        return f"{self.workspace.storage_area}/runs/{self.pk}"

    @property
    def is_local(self) -> bool:
        """Its script runs on the submitter's own machine."""
        return self.target_name == "local"

    @property
    def has_runner(self) -> bool:
        """A process of ours supervises the script, and hears of a cancel by its heartbeat."""
        return self.heartbeat_at is not None or (self.work is not None and self.work.state == Work.State.CLAIMED)

    @property
    def duration(self) -> float | None:
        if self.started_at is None:
            return None
        return ((self.ended_at or timezone.now()) - self.started_at).total_seconds()

    @property
    def tags(self) -> dict:
        return {row.name: row.value for row in self.tag_rows.all()}

    @property
    def parameters(self) -> dict:
        return {row.name: row.value for row in self.parameter_rows.all()}

    def start(self, *, node: str = ""):
        self.move(self.Status.RUNNING, node=node)

    def fail(self, code: str, message: str, details: list | None = None):
        error = {"code": code, "message": message, "details": details or []}
        self.move(self.Status.FAILED, message=message, error=error)

    def note_error(self, error: dict):
        """What a script says went wrong before whoever supervises it ends the run."""
        Run.objects.filter(pk=self.pk).update(error=error, revision=F("revision") + 1)
        self.error = error

    def move(self, status, *, message: str = "", error: dict | None = None, node: str = ""):
        """Come to another state, by one conditional UPDATE: of two that try, one wins. The same state again changes nothing."""
        status = self._status(status)
        fields = {"status": status, "revision": F("revision") + 1}
        if status == self.Status.RUNNING:
            fields["started_at"] = Coalesce("started_at", timezone.now(), output_field=models.DateTimeField())
        if status in self.TERMINAL:
            fields["ended_at"] = timezone.now()
        if error:
            fields["error"] = error
        if node:
            fields["node_name"] = node
        with transaction.atomic():
            attempts.hold(self)
            allowed = [state for state in self.MOVES[status] if state != status]
            if not Run.objects.filter(pk=self.pk, status__in=allowed).update(**fields):
                return self._stay(status)
            RunEvent.objects.create(run=self, status=status, message=message[:1000])
            if status in self.TERMINAL:
                self._end_what_hangs_on_it(status)
        self.refresh_from_db()

    def put_in(self, status, *, ended_at=None):
        """A run that no runner supervises is where its client says, back from an end too: MLflow's runs can be resumed."""
        over = status in self.TERMINAL
        fields = {
            "status": status,
            "ended_at": (ended_at or timezone.now()) if over else None,
            "revision": F("revision") + 1,
        }
        with transaction.atomic():
            if not Run.objects.filter(pk=self.pk, work=None, heartbeat_at=None).update(**fields):
                raise Conflict(f"The run {self.run_id} is supervised by a runner, which ends it.", target="status")
            if self.status != status:
                RunEvent.objects.create(run=self, status=status)
        self.refresh_from_db()

    def _status(self, word):
        if word not in self.MOVES:
            raise Invalid(
                f"{word!r} is no state that a run can be given; use {', '.join(self.MOVES)}.", target="status"
            )
        return self.Status(word)

    def _stay(self, status):
        """A repeated report is a retry, and a run that shall be canceled hears so in the answer; all else is refused."""
        self.refresh_from_db()
        if self.status == status or (self.status == self.Status.CANCEL_REQUESTED and status in self.PROGRESS):
            return
        code = "run_is_final" if self.status in self.TERMINAL else "illegal_move"
        raise Conflict(
            f"The run {self.run_id} is {self.status}; it cannot become {status}.", code=code, target="status"
        )

    def _end_what_hangs_on_it(self, status):
        """Children that only the ended script could end, and work that no node has taken yet."""
        if self.work_id:
            queue.cancel(self.work)
        if status == self.Status.COMPLETED and not (self.work_id or self.heartbeat_at):
            return
        for child in self.children.active().filter(work=None, heartbeat_at=None):
            child.move(
                status if status == self.Status.COMPLETED else self.Status.CANCELED, message="Its parent run ended."
            )

    def cancel(self):
        """At once if nothing runs; else the runner is told by its next heartbeat. A second cancel changes nothing."""
        if self.status in (self.Status.CANCELED, self.Status.CANCEL_REQUESTED):
            return
        if self.status in self.TERMINAL:
            raise Conflict(f"The run {self.run_id} is {self.status} already.", code="illegal_move", target="status")
        for child in self.children.active():
            child.cancel()
        waiting = self.work is None or queue.cancel(self.work)
        if waiting and not self.heartbeat_at:
            self.move(
                self.Status.CANCELED, message="Canceled before a node had taken it." if self.work else "Canceled."
            )
        else:
            self.move(self.Status.CANCEL_REQUESTED)

    def edit(self, *, display_name=None, description=None, tags=None, remove_tags=()):
        """Change what is given; `tags` are set one by one, the others stay."""
        fields = {"revision": F("revision") + 1}
        if display_name is not None:
            fields["display_name"] = names.checked(display_name, "display name", most=256)
        if description is not None:
            fields["description"] = names.checked(description, "description", most=5000, empty=True)
        tags = names.tags(tags)
        with transaction.atomic():
            Run.objects.filter(pk=self.pk).update(**fields)
            self.tag_rows.filter(name__in=list(remove_tags)).delete()
            self._set_tags(tags)
        self.refresh_from_db()

    def _set_tags(self, tags: dict):
        rows = [RunTag(run=self, name=name, value=value) for name, value in tags.items()]
        RunTag.objects.bulk_create(rows, update_conflicts=True, unique_fields=["run", "name"], update_fields=["value"])
        count = RunTag.objects.filter(run=self).count()
        if tags and count > names.MAX_TAGS:
            raise Invalid(f"The run would have {count} tags; {names.MAX_TAGS} are allowed.", target="tags")

    def add_properties(self, properties: dict):
        """Properties are added, never changed."""
        added = names.tags(properties, "property", most=200)
        with transaction.atomic():
            run = Run.objects.select_for_update().get(pk=self.pk)
            changed = [name for name, value in added.items() if run.properties.get(name, value) != value]
            if changed:
                raise Conflict(f"Properties never change: {', '.join(changed)} has another value.", target="properties")
            self.properties = {**run.properties, **added}
            Run.objects.filter(pk=self.pk).update(properties=self.properties, revision=F("revision") + 1)

    def add_parameters(self, parameters: dict):
        """A parameter is written once; the same value again changes nothing."""
        added = names.tags(parameters, "parameter", most=1000)
        with transaction.atomic():
            attempts.hold(self)
            Run.objects.filter(pk=self.pk).update(revision=F("revision") + 1)
            present = dict(self.parameter_rows.filter(name__in=added).values_list("name", "value"))
            changed = [name for name, value in added.items() if present.get(name, value) != value]
            if changed:
                was = ", ".join(f"{name} is {present[name]!r}" for name in changed)
                raise Conflict(f"A parameter is written once: {was}.", target="parameters")
            fresh = [RunParameter(run=self, name=n, value=v) for n, v in added.items() if n not in present]
            RunParameter.objects.bulk_create(fresh)

    def warn(self, message: str, source: str = "runner"):
        with transaction.atomic():
            run = Run.objects.select_for_update().get(pk=self.pk)
            warning = {"source": source, "message": names.checked(message, "warning", most=3000)}
            if warning not in run.warnings:
                warnings = [*run.warnings, warning][-100:]
                Run.objects.filter(pk=self.pk).update(warnings=warnings, revision=F("revision") + 1)
        self.refresh_from_db()

    def delete(self, at=None, supervised_only: bool = False):
        """To the trash, with all that descend from it; see RunQuerySet.to_trash. runs/deletion/purge.py frees rows and files."""
        self.deleted_at = Run.objects.filter(pk=self.pk).to_trash(at, supervised_only)

    def restore(self):
        """With the children that went to the trash with it, and with its parents, without which it would hang in the air."""
        if self.experiment.deleted_at:
            raise Conflict(
                f"The experiment {self.experiment.name} is in the trash too. Restore it first.", code="in_trash"
            )
        layer, above, parents = [self.pk], self.parent, []
        while above and above.deleted_at:
            parents.append(above.pk)
            above = above.parent
        with transaction.atomic():
            Run.objects.filter(pk__in=parents).update(deleted_at=None, revision=F("revision") + 1)
            while layer:
                # Some thousands at once, for SQLite takes no more than 32,766 keys.
                now, layer = layer[:10_000], layer[10_000:]
                Run.objects.filter(pk__in=now).update(deleted_at=None, revision=F("revision") + 1)
                below = Run.objects.filter(parent__in=now, deleted_at=self.deleted_at)
                layer += below.values_list("pk", flat=True)
        self.deleted_at = None

    def family(self) -> list["Run"]:
        """The run and all that descend from it, parents before children."""
        found, layer = [self], [self]
        while layer:
            layer = list(Run.objects.filter(parent__in=layer).select_related("workspace"))
            found += layer
        return found


class RunEvent(models.Model):
    """When a run reached each state, and why."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="events")
    status = models.CharField(max_length=16, choices=Run.Status)
    at = models.DateTimeField(default=timezone.now)
    message = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self):
        return self.status


class RunTag(models.Model):
    run = models.ForeignKey(Run, models.CASCADE, related_name="tag_rows")
    name = models.CharField(max_length=256)
    value = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_tag_of_a_name")]
        indexes = [
            models.Index("name", ValueStart("value"), "run", name="tags_by_value"),
            models.Index("name", AsNumber("value"), "run", name="tags_by_number"),
        ]
        ordering = ["name"]

    def __str__(self):
        return f"{self.name} : {self.value}"


class RunParameter(models.Model):
    """Written once."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="parameter_rows")
    name = models.CharField(max_length=256)
    value = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_parameter_of_a_name")]
        indexes = [
            models.Index("name", ValueStart("value"), "run", name="parameters_by_value"),
            models.Index("name", AsNumber("value"), "run", name="parameters_by_number"),
        ]
        ordering = ["name"]

    def __str__(self):
        return f"{self.name} : {self.value}"


class Artifact(models.Model):
    """A file of a run. Its bytes are one or more segments in storage, so that a log can grow on any storage."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="artifacts")
    path = models.CharField(max_length=1000)
    size = models.PositiveBigIntegerField(default=0)
    content_type = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "path"], name="one_artifact_of_a_path")]
        ordering = ["path"]

    def __str__(self):
        return self.path


class ArtifactSegment(models.Model):
    artifact = models.ForeignKey(Artifact, models.CASCADE, related_name="segments")
    offset = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField()
    key = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["artifact", "offset"], name="one_segment_at_a_place")]
        ordering = ["offset"]

    def __str__(self):
        return f"{self.artifact} [{self.offset}, +{self.size}]"
