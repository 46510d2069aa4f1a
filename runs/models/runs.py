"""Runs and their methods. Every change of state goes through `Run.move`."""

from collections.abc import Callable

from django.db import connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from accounts import activity
from accounts.models import User
from compute import queue
from compute.models import ComputeTarget, Work
from runs import attempts, rules, token_filters
from runs.models.experiments import Experiment
from runs.models.snapshots import Snapshot
from runs.models.status import ACTIVE, BEFORE_RUNNING, MOVES, PROGRESS, TERMINAL, RunEvent, RunStatus
from runs.models.tags_and_parameters import RunParameter, RunTag
from studio import names, statements
from studio.database import begin_write, prepared_cursor
from studio.errors import Conflict, Invalid
from studio.rules import DESCRIPTION, TAGS
from workspaces.models import Workspace

# SQLite accepts at most 32,766 parameters.
KEYS = 10_000


class ParameterChanged(Conflict):
    """`was` maps names to the stored values."""

    def __init__(self, message: str, was: dict[str, str]):
        super().__init__(message, target="parameters")
        self.was = was


class IsActive(models.Func):
    """The condition of the index `runs_active` with its literal values: SQLite uses the index only for a query with the same."""

    template = "NOT (%(expressions)s IN ('Completed', 'Failed', 'Canceled'))"
    output_field = models.BooleanField()


class RunQuerySet(models.QuerySet):
    def visible_to(self, actor):
        if actor.is_run:
            return self.filter(token_filters.filter_readable(actor), workspace=actor.workspace_id, deleted_at=None)
        return self.filter(workspace__in=Workspace.objects.visible_to(actor), deleted_at=None)

    def writable_by(self, actor):
        """For people all visible runs, because roles are checked separately; for a run token those it may change at the route."""
        if actor.is_run:
            return self.filter(token_filters.filter_writable(actor), workspace=actor.workspace_id, deleted_at=None)
        return self.visible_to(actor)

    def active(self):
        return self.filter(IsActive("status"), status__in=Run.ACTIVE)

    def supervised(self):
        """Runs that one of our runners supervises."""
        return self.exclude(work=None, heartbeat_at=None)

    def to_trash(self, at=None, supervised_only: bool = False):
        """Move these runs and their descendants to the trash, with one time for all, which is returned.

        An active run is a Conflict and nothing is changed; with `supervised_only`, an active run without a runner
        may be deleted, as in MLflow.
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

    def with_descendants(self) -> list[int]:
        """The keys of these runs and of all that descend from them."""
        found = layer = list(self.values_list("pk", flat=True))
        while layer:
            batches = [layer[start : start + KEYS] for start in range(0, len(layer), KEYS)]
            layer = [pk for keys in batches for pk in Run.objects.filter(parent__in=keys).values_list("pk", flat=True)]
            found = found + layer
        return list(dict.fromkeys(found))

    def list_active_family(self) -> list[str]:
        """The ids of the runs that `cancel` cancels."""
        family = self.with_descendants()
        batches = [family[start : start + KEYS] for start in range(0, len(family), KEYS)]
        active = (Run.objects.filter(pk__in=keys).active().order_by("pk") for keys in batches)
        return [run_id for rows in active for run_id in rows.values_list("run_id", flat=True)]

    def cancel(self) -> None:
        """Cancel these runs and their descendants in one transaction: at once if nothing runs, otherwise with the
        runner's next heartbeat. Runs that have ended, or end meanwhile, do not change.
        """
        with transaction.atomic():
            family = self.with_descendants()
            for start in range(0, len(family), KEYS):
                _cancel(family[start : start + KEYS])

    def with_related(self):
        """Prefetches all that the API's description of a run needs, in a fixed number of queries."""
        return self.select_related(
            "workspace__resource_group__subscription", "experiment", "parent", "root", "work", "created_by", "snapshot"
        ).prefetch_related("tag_rows", "parameter_rows")


class Run(models.Model):
    Status = RunStatus
    BEFORE_RUNNING = BEFORE_RUNNING
    TERMINAL = TERMINAL
    ACTIVE = ACTIVE
    MOVES = MOVES
    PROGRESS = PROGRESS

    # Without an index of its own, where another one begins with the column, or holds only rows that have a value.
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="runs", db_index=False)
    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="runs", db_index=False)
    run_id = models.CharField(max_length=256)
    number = models.PositiveIntegerField()
    display_name = models.CharField(max_length=256)
    description = models.TextField(max_length=5000, blank=True)
    run_type = models.CharField(max_length=60, blank=True)
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children", db_index=False)
    root = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="descendants", db_index=False)
    # The run whose token created this one; null if a person did.
    made_by = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="made", db_index=False)
    status = models.CharField(max_length=16, choices=Status, default=Status.NOT_STARTED)
    # Azure's REST job as it was sent; empty for an interactive run.
    job = models.JSONField(default=dict, blank=True)
    snapshot = models.ForeignKey(Snapshot, models.SET_NULL, null=True, blank=True, related_name="runs", db_index=False)
    # The registered or curated environment that its job names or carries unchanged; it may have been removed since.
    environment_name = models.CharField(max_length=255, blank=True)
    environment_version = models.CharField(max_length=30, blank=True)
    target_name = models.CharField(max_length=64, blank=True)
    compute = models.ForeignKey(
        ComputeTarget, models.SET_NULL, null=True, blank=True, related_name="runs", db_index=False
    )
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
    # Incremented by every change that a page shows, so that a poll can be answered with "nothing new".
    revision = models.PositiveBigIntegerField(default=0)
    # When it was moved to the trash; objects deleted together have the same time.
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()
    # The work and attempt that write to this row (runs/attempts.py); not stored.
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
            # Only the columns that the counters of a list read.
            models.Index(fields=["workspace", "deleted_at", "status", "parent"], name="runs_counted"),
            models.Index(fields=["experiment", "deleted_at", "status", "parent"], name="runs_counted_of_experiment"),
            models.Index(fields=["workspace", "environment_name", "-created_at"], name="runs_of_environment"),
            # Recently failed runs, for the home page.
            models.Index(fields=["workspace", "status", "-ended_at"], name="runs_by_end"),
            # The default order of MLflow's searches.
            models.Index("experiment", Coalesce("started_at", "created_at").desc(), "run_id", name="runs_by_start"),
            models.Index(
                fields=["status"], condition=~Q(status__in=["Completed", "Failed", "Canceled"]), name="runs_active"
            ),
            models.Index(
                fields=["deleted_at", "workspace"], condition=Q(deleted_at__isnull=False), name="runs_in_trash"
            ),
            models.Index(fields=["parent"], condition=Q(parent__isnull=False), name="runs_by_parent"),
            models.Index(fields=["root"], condition=Q(root__isnull=False), name="runs_by_root"),
            models.Index(fields=["made_by"], condition=Q(made_by__isnull=False), name="runs_by_maker"),
            models.Index(fields=["snapshot"], condition=Q(snapshot__isnull=False), name="runs_by_snapshot"),
            models.Index(fields=["compute"], condition=Q(compute__isnull=False), name="runs_by_compute"),
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
        """Whether its script runs on the submitter's own machine."""
        return self.target_name == "local"

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

    def record_error(self, error: dict):
        """The error that a script reports before its runner ends the run."""
        Run.objects.filter(pk=self.pk).update(error=error, revision=F("revision") + 1)
        self.error = error

    def move(self, status, *, message: str = "", error: dict | None = None, node: str = ""):
        """Change the state, by one conditional UPDATE: of two attempts, one wins. The same state again changes nothing."""
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
            attempts.fence(self)
            allowed = [state for state in self.MOVES[status] if state != status]
            if not Run.objects.filter(pk=self.pk, status__in=allowed).update(**fields):
                return self._stay(status)
            RunEvent.objects.create(run=self, status=status, message=message[:1000])
            if status in self.TERMINAL:
                self._end_what_hangs_on_it(status)
        self.refresh_from_db()

    def wait_again(self, reason: str):
        """Queue it again after its node was removed; the script will start from the beginning.

        If a cancel was requested, it is canceled instead.
        """
        if self.status == self.Status.CANCEL_REQUESTED:
            queue.cancel_queued([self.work_id] if self.work_id else [])
            return
        fields = {"status": self.Status.QUEUED, "started_at": None, "heartbeat_at": None, "node_name": ""}
        states = [state for state in self.PROGRESS if state != self.Status.QUEUED]
        if Run.objects.filter(pk=self.pk, status__in=states).update(**fields, revision=F("revision") + 1):
            RunEvent.objects.create(run=self, status=self.Status.QUEUED, message=f"Waits again. {reason}"[:1000])

    def set_client_status(self, status, *, ended_at=None):
        """Without a runner, the client sets the state, also back from a final one: MLflow's runs can be resumed."""
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
                RunEvent.objects.create(run=self, status=status, at=self._moment_of_stage(ended_at if over else None))
        self.refresh_from_db()

    def _moment_of_stage(self, at):
        """The time at which a client says that a stage started, limited to after the previous stage and before now."""
        now = timezone.now()
        before = self.events.aggregate(at=models.Max("at"))["at"]
        return max(min(at or now, now), before or now)

    def _status(self, word):
        if word not in self.MOVES:
            raise Invalid(f"{word!r} is not a state that a run can have; use {', '.join(self.MOVES)}.", target="status")
        return self.Status(word)

    def _stay(self, status):
        """A repeated report is a retry, and a canceled run learns so from the response; everything else is refused."""
        self.refresh_from_db()
        if self.status == status or (self.status == self.Status.CANCEL_REQUESTED and status in self.PROGRESS):
            return
        code = "run_is_final" if self.status in self.TERMINAL else "illegal_move"
        raise Conflict(
            f"The run {self.run_id} is {self.status}; it cannot become {status}.", code=code, target="status"
        )

    def _end_what_hangs_on_it(self, status):
        """Ends children that only the ended script could end, and cancels queued work."""
        if self.work_id:
            queue.cancel_queued([self.work_id])
        if status == self.Status.CANCELED:
            # A script may have made some since the cancel was requested.
            self.children.active().cancel()
            return
        if status == self.Status.COMPLETED and not (self.work_id or self.heartbeat_at):
            return
        state = status if status == self.Status.COMPLETED else self.Status.CANCELED
        layer = [self.pk]
        while layer:
            unsupervised = Run.objects.filter(parent__in=layer[:KEYS], work=None, heartbeat_at=None).active()
            found = list(unsupervised.select_for_update().values_list("pk", flat=True))
            _store_states(found, state, "Its parent run ended.")
            layer = layer[KEYS:] + found

    def cancel(self):
        """Cancel it with its descendants; a second cancel changes nothing."""
        with transaction.atomic():
            attempts.fence(self)
            status = Run.objects.select_for_update().values_list("status", flat=True).get(pk=self.pk)
            if status in self.TERMINAL and status != self.Status.CANCELED:
                raise Conflict(f"The run {self.run_id} is {status} already.", code="illegal_move", target="status")
            Run.objects.filter(pk=self.pk).cancel()
            if status in self.ACTIVE and status != self.Status.CANCEL_REQUESTED:
                activity.record("run.cancel", self, scope=self.workspace, message=f"was {status.lower()}")
        self.refresh_from_db()

    def edit(self, *, display_name=None, description=None, tags=None, remove_tags=()):
        """Change the given fields; other tags are kept."""
        fields = {"revision": F("revision") + 1}
        if display_name is not None:
            fields["display_name"] = rules.DISPLAY_NAME.check(display_name)
        if description is not None:
            fields["description"] = DESCRIPTION.check(description)
        tags = TAGS.check(tags)
        with transaction.atomic():
            Run.objects.filter(pk=self.pk).update(**fields)
            self.tag_rows.filter(name__in=list(remove_tags)).delete()
            self._set_tags(tags)
        self.refresh_from_db()

    def _set_tags(self, tags: dict):
        rows = [RunTag(run=self, name=name, value=value) for name, value in tags.items()]
        RunTag.objects.store(rows)
        count = RunTag.objects.filter(run=self).count()
        if tags and count > names.MAX_TAGS:
            raise Invalid(f"The run would have {count} tags; {names.MAX_TAGS} are allowed.", target="tags")

    def add_properties(self, properties: dict):
        """Properties can be added, but not changed."""
        added = rules.PROPERTIES.check(properties)
        with transaction.atomic():
            run = Run.objects.select_for_update().get(pk=self.pk)
            changed = [name for name, value in added.items() if run.properties.get(name, value) != value]
            if changed:
                raise Conflict(f"Properties never change: {', '.join(changed)} has another value.", target="properties")
            self.properties = {**run.properties, **added}
            Run.objects.filter(pk=self.pk).update(properties=self.properties, revision=F("revision") + 1)

    def note_container(self, image: str, digest: str, engine: str):
        """In what its script runs; on another machine, a later attempt may find another image of the same name."""
        with transaction.atomic():
            run = Run.objects.select_for_update().get(pk=self.pk)
            found = {"image": image, "imageDigest": digest, "containerEngine": engine}
            self.properties = {**run.properties, **{f"lazuli.{name}": text for name, text in found.items()}}
            Run.objects.filter(pk=self.pk).update(properties=self.properties, revision=F("revision") + 1)

    def add_parameters(self, parameters: dict):
        """A parameter is written once; writing the same value again changes nothing."""
        self.store_parameters(rules.PARAMETERS.check(parameters))

    def store_parameters(self, added: dict[str, str]):
        """The same, if the caller has checked names and values by its own limits."""
        with begin_write():
            self.lock()
            self.insert_parameters(added)

    def insert_parameters(self, added: dict[str, str]):
        """The same, if the caller has locked the run in its transaction too."""
        rows = [(self.pk, name, value) for name, value in added.items()]
        fresh = statements.insert_new_rows(RunParameter, ["run", "name", "value"], rows, "name")
        if len(fresh) == len(rows):
            return
        there = [name for name in added if name not in fresh]
        present = {row.name: row.value for row in statements.read_rows(RunParameter, run=self.pk, name=there)}
        changed = {name: value for name, value in present.items() if value != added[name]}
        if changed:
            was = ", ".join(f"{name} is {value!r}" for name, value in changed.items())
            raise ParameterChanged(f"A parameter is written once: {was}.", changed)

    def lock(self) -> None:
        """Lock the run and increment its revision, if the writing attempt still has the work. Other writers of this run
        wait here until the transaction ends."""
        with prepared_cursor() as cursor:
            if self.writer is None:
                cursor.execute(RAISE_REVISION, [self.pk])
                return
            work_id, attempt = self.writer
            cursor.execute(RAISE_IF_HELD, [self.pk, Work._meta.pk.get_db_prep_value(work_id, connection), attempt])
            if cursor.fetchone() is None:
                raise attempts.stale_attempt_error(self)

    def store_tags(self, tags: dict[str, str], **columns):
        """Set tags that the caller has checked by its own limits, together with columns of the run."""
        with begin_write():
            Run.objects.filter(pk=self.pk).update(revision=F("revision") + 1, **columns)
            RunTag.objects.store([RunTag(run=self, name=name, value=value) for name, value in tags.items()])

    def remove_tag(self, name: str, **columns) -> bool:
        """Returns whether the tag existed."""
        with begin_write():
            Run.objects.filter(pk=self.pk).update(revision=F("revision") + 1, **columns)
            return bool(self.tag_rows.filter(name=name).delete()[0])

    def change_tag(self, name: str, change: Callable[[str], str]):
        """Store `change(value)` of the tag's value, which is empty for a new tag; concurrent changes both count."""
        with transaction.atomic():
            Run.objects.select_for_update().get(pk=self.pk)
            value = self.tag_rows.filter(name=name).values_list("value", flat=True).first() or ""
            self.tag_rows.update_or_create(name=name, defaults={"value": change(value)})

    def warn(self, message: str, source: str = "runner"):
        with transaction.atomic():
            run = Run.objects.select_for_update().get(pk=self.pk)
            warning = {
                "source": source,
                "message": names.check_text(message, "warning", max_length=3000, allow_lines=True),
            }
            if warning not in run.warnings:
                warnings = [*run.warnings, warning][-100:]
                Run.objects.filter(pk=self.pk).update(warnings=warnings, revision=F("revision") + 1)
        self.refresh_from_db()

    def delete(self, at=None, supervised_only: bool = False):
        """Move it to the trash with its descendants; see RunQuerySet.to_trash. trash/purge.py deletes rows and files."""
        with transaction.atomic():
            self.deleted_at = Run.objects.filter(pk=self.pk).to_trash(at, supervised_only)
            activity.record("run.delete", self, scope=self.workspace)

    def restore(self):
        """Restore it with the descendants that were deleted with it, and with its ancestors."""
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
                now, layer = layer[:KEYS], layer[KEYS:]
                Run.objects.filter(pk__in=now).update(deleted_at=None, revision=F("revision") + 1)
                below = Run.objects.filter(parent__in=now, deleted_at=self.deleted_at)
                layer += below.values_list("pk", flat=True)
            activity.record("run.restore", self, scope=self.workspace)
        self.deleted_at = None

    def family(self) -> list["Run"]:
        """The run and its descendants, parents before children."""
        found, layer = [self], [self]
        while layer:
            layer = list(Run.objects.filter(parent__in=layer).select_related("workspace"))
            found += layer
        return found


def _cancel(keys: list[int]) -> None:
    """Within a transaction."""
    requestable = Run.objects.filter(pk__in=keys, status__in=MOVES[RunStatus.CANCEL_REQUESTED])
    locked = list(requestable.select_for_update().order_by("pk").values_list("pk", "work_id", "heartbeat_at"))
    canceled_work = queue.cancel_queued([work for _, work, _ in locked if work])
    queued = [pk for pk, work, heartbeat in locked if not heartbeat and work in canceled_work]
    unsupervised = [pk for pk, work, heartbeat in locked if not heartbeat and work is None]
    at_once = {*queued, *unsupervised}
    running = [pk for pk, _, _ in locked if pk not in at_once]
    _store_states(queued, RunStatus.CANCELED, "Canceled before a node started it.")
    _store_states(unsupervised, RunStatus.CANCELED, "Canceled.")
    _store_states(running, RunStatus.CANCEL_REQUESTED, "")


def _store_states(keys: list[int], status: RunStatus, message: str) -> None:
    now = timezone.now()
    fields = {"ended_at": now} if status in TERMINAL else {}
    Run.objects.filter(pk__in=keys).update(status=status, revision=F("revision") + 1, **fields)
    RunEvent.objects.bulk_create([RunEvent(run_id=pk, status=status, message=message, at=now) for pk in keys], 500)


RAISE_REVISION = f'UPDATE "{Run._meta.db_table}" SET revision = revision + 1 WHERE id = %s'
RAISE_IF_HELD = f"{RAISE_REVISION} AND {attempts.STILL_HELD} RETURNING id"
