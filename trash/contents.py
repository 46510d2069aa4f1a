"""The content of a workspace's trash, its size, and restoring from it. trash/purge.py deletes it permanently.

A row with `deleted_at` is in the trash. Objects deleted together have the same time, so that they are restored together. The
`restore` of each table decides what comes back, and refuses a name that has been taken meanwhile (`Model.restore` in the registry).
"""

import dataclasses
import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, Sum

from accounts.models import User
from registry.models import Model, ModelVersion
from runs import purging
from runs.models import Artifact, Experiment, Run, Snapshot
from studio.errors import Conflict, Invalid
from studio.formats import format_count, format_names
from studio.purging import PurgeSelection
from trash import purge
from trash.models import PurgeJob
from workspaces.models import Workspace

MAX_AT_ONCE = 500
# Names of each kind in a preview.
NAMED = 3


def list_deleted_experiments(workspace: Workspace):
    gone = Experiment.objects.filter(workspace=workspace).exclude(deleted_at=None)
    with_it = Count("runs", filter=Q(runs__deleted_at=F("deleted_at")))
    return gone.annotate(runs_gone=with_it).order_by("-deleted_at", "-pk")


def list_deleted_runs(workspace: Workspace):
    """Runs that were deleted on their own, not with their experiment or a parent run."""
    gone = Run.objects.filter(workspace=workspace, experiment__deleted_at=None).exclude(deleted_at=None)
    gone = gone.filter(Q(parent=None) | Q(parent__deleted_at=None) | ~Q(parent__deleted_at=F("deleted_at")))
    return gone.order_by("-deleted_at", "-pk")


def list_deleted_models(workspace: Workspace) -> list[Model | ModelVersion]:
    """Models, and versions that were deleted on their own, the last deleted first."""
    models = Model.objects.filter(workspace=workspace).exclude(deleted_at=None).order_by("-deleted_at")[:MAX_AT_ONCE]
    versions = ModelVersion.objects.filter(workspace=workspace, model__deleted_at=None).exclude(deleted_at=None)
    found: list[Any] = [*models, *versions.select_related("model").order_by("-deleted_at")[:MAX_AT_ONCE]]
    return sorted(found, key=lambda row: row.deleted_at, reverse=True)[:MAX_AT_ONCE]


def find_deleted_model(workspace: Workspace, kind: str, key: int) -> Model | ModelVersion:
    """`kind` is model or version."""
    if kind not in ("model", "version"):
        raise Invalid(f"kind={kind[:40]!r}: write model or version.", target="kind")
    rows = (Model if kind == "model" else ModelVersion).objects.filter(workspace=workspace, pk=key)
    found = rows.exclude(deleted_at=None).first()
    if found is None:
        raise Conflict("It is no longer in the trash: it was restored or deleted permanently.", code="not_in_trash")
    return found


def list_all_deleted_runs(workspace: Workspace):
    """Every run in the trash, including those deleted with something else."""
    return Run.objects.filter(workspace=workspace).exclude(deleted_at=None)


def count_bytes(runs_found) -> int:
    """The size of the files of these runs."""
    return Artifact.objects.filter(run__in=runs_found.order_by().values("pk")).aggregate(all=Sum("size"))["all"] or 0


def count_bytes_by_run(found: list[Run]) -> dict[int, int]:
    """Map each run to the size of its files and of runs deleted with it."""
    total = {run.pk: 0 for run in found}
    at = {run.pk: run.deleted_at for run in found}
    # Maps each deleted run to the run of `found` with which it was deleted.
    layer = {pk: pk for pk in total}
    while layer:
        # SQLite accepts at most 32,766 keys.
        now = dict(list(layer.items())[:10_000])
        layer = {pk: top for pk, top in layer.items() if pk not in now}
        sizes = Artifact.objects.filter(run__in=now).order_by().values_list("run").annotate(Sum("size"))
        for pk, size in sizes:
            total[now[pk]] += size
        below: Any = Run.objects.filter(parent__in=now).values_list("pk", "parent", "deleted_at")
        layer |= {pk: now[parent] for pk, parent, gone in below if gone == at[now[parent]] and pk not in total}
    return total


def count_bytes_by_experiment(found: list[Experiment]) -> dict[int, int]:
    """Map each experiment to the size of the files of its runs in the trash."""
    files = Artifact.objects.filter(run__experiment__in=found).exclude(run__deleted_at=None).order_by()
    return dict(files.values_list("run__experiment").annotate(Sum("size")))


def count_bytes_of_workspace(workspace: Workspace) -> int:
    snapshots = Snapshot.objects.filter(workspace=workspace).aggregate(all=Sum("size"))["all"] or 0
    return count_bytes(Run.objects.filter(workspace=workspace)) + snapshots


def find_selected(workspace: Workspace, run_ids: list[str], names: list[str]) -> tuple[list[Run], list[Experiment]]:
    """The selected runs and experiments in the trash; an error names a missing one."""
    if len(run_ids) + len(names) > MAX_AT_ONCE:
        text = f"Select at most {MAX_AT_ONCE} at once; {len(run_ids) + len(names)} are selected."
        raise Invalid(text, target="runIds")
    found = list(list_all_deleted_runs(workspace).filter(run_id__in=run_ids))
    gone = list(Experiment.objects.filter(workspace=workspace, name__in=names).exclude(deleted_at=None))
    missing = {*run_ids, *names} - {run.run_id for run in found} - {experiment.name for experiment in gone}
    if missing:
        named = ", ".join(sorted(missing)[:5])
        raise Conflict(
            f"The trash has no {named}. It may have been restored, or deleted permanently.", code="not_in_trash"
        )
    if not found and not gone:
        raise Invalid("Select at least one job or experiment.", target="runIds")
    return found, gone


@transaction.atomic
def restore_selected(found: list[Run], gone: list[Experiment]) -> int:
    """Restores each with everything that was deleted with it; returns the number of selected objects."""
    for experiment in gone:
        experiment.restore()
    for run in found:
        # It may have just been restored with its experiment or another run.
        run.refresh_from_db(fields=["deleted_at"])
        if run.deleted_at:
            run.restore()
    return len(found) + len(gone)


@transaction.atomic
def undo_deletion(workspace: Workspace, at: dt.datetime) -> int:
    """Undo one deletion, identified by its time; returns the number of restored experiments and runs."""
    gone = list(Experiment.objects.filter(workspace=workspace, deleted_at=at))
    for experiment in gone:
        experiment.restore()
    back = Run.objects.filter(workspace=workspace, deleted_at=at).update(deleted_at=None, revision=F("revision") + 1)
    if not gone and not back:
        raise Conflict("There is nothing left to undo: it was restored or deleted permanently.", code="nothing_to_undo")
    return back + len(gone)


def delete_permanently(user: User, workspace: Workspace, found: list[Run], gone: list[Experiment]) -> PurgeJob:
    """Purge the selected objects; a run is deleted with its metrics, files and child runs."""
    chosen = {"run_pks": [run.pk for run in found], "experiment_pks": [experiment.pk for experiment in gone]}
    return purge.queue_purge(user, workspace, PurgeJob.Scope.CHOSEN, **chosen)


@dataclasses.dataclass(frozen=True)
class TrashPreview:
    """The objects that emptying the trash deletes: a line with count and first names for each kind, and a token of exactly these rows."""

    until: dt.datetime
    lines: list[str]
    # Jobs that stay.
    kept: int
    bytes: int
    token: str


def preview_trash(workspace: Workspace, until: dt.datetime) -> TrashPreview:
    selection = PurgeSelection(workspace.pk, until=until)
    runs, kept = purging.runs_to_delete(selection), purging.kept_runs(selection)
    old = {"workspace": workspace, "deleted_at__lte": until}
    kinds: list[tuple[str, Any]] = [
        ("job", runs),
        ("experiment", Experiment.objects.filter(**old).exclude(pk__in=kept.values("experiment"))),
        ("model", Model.objects.filter(**old)),
        ("model version", ModelVersion.objects.filter(**old, model__deleted_at=None).select_related("model")),
    ]
    lines, totals = [], []
    for noun, rows in kinds:
        found = rows.order_by().aggregate(number=Count("pk"), keys=Sum("pk"))
        totals.append(f"{found['number']}.{found['keys'] or 0}")
        if found["number"]:
            names = format_names([str(row) for row in rows.order_by("pk")[:NAMED]], found["number"])
            lines.append(f"{format_count(found['number'], noun)} ({names})")
    return TrashPreview(until, lines, kept.count(), count_bytes(runs), "-".join(totals))


def empty_previewed(user: User, workspace: Workspace, until: dt.datetime, token: str) -> PurgeJob:
    """Purge what a preview has shown, if it is still exactly that."""
    if preview_trash(workspace, until).token != token:
        raise Conflict(
            "What the page showed is no longer what is in the trash, so nothing was deleted. Open the page again, and "
            "check what it shows.",
            code="selection_changed",
        )
    return empty_trash(user, workspace, until=until)


def empty_trash(user: User, workspace: Workspace, **fields) -> PurgeJob:
    """Purge everything that is in the trash now, or was at `until`."""
    busy = workspace.purges.filter(scope=PurgeJob.Scope.TRASH, state__in=PurgeJob.OPEN)
    return busy.first() or purge.queue_purge(user, workspace, PurgeJob.Scope.TRASH, **fields)
