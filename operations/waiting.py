"""The queues of all clusters: running jobs, waiting jobs with reasons, and actions of administrators."""

import uuid
from collections import Counter

from django.db import transaction
from django.db.models import Count, F, Prefetch, QuerySet
from django.http import Http404
from django.utils import timezone

from accounts import activity
from compute import capacity, queue
from compute.models import Assignment, ComputeTarget, Resources, Work
from compute.waiting import QueueView
from runs.models import Run
from studio.errors import Conflict, Invalid

# The rows that are read with each job.
WITH = ("workspace__resource_group__subscription", "created_by", "work")
# The reasons why a queue waits, with their texts for the summary.
REASONS = {
    "no-machine": "No connected machine accepts jobs",
    "trash": "The workspace is in the trash",
    "full": "All nodes of the cluster are busy",
    "no-room": "No machine has capacity for a node",
    "starting": "Nodes are starting",
    "soon": "A node will start it in a moment",
}


def list_waiting():
    """Queued work of all workspaces, the longest waiting first."""
    rows = Work.objects.filter(state=Work.State.QUEUED).select_related("target__workspace", "submitted_by")
    return rows.order_by("queued_at", "pk")


def explain_waiting(works: list[Work]) -> None:
    """Set `waiting` of each: position, all reasons and an estimate; each queue is read once."""
    views: dict[int, QueueView] = {}
    for work in works:
        view = views.setdefault(work.target_id, QueueView(work.target))
        work.waiting = view.explain(work)  # type: ignore[attr-defined]


def list_running():
    assignments = Prefetch("assignments", Assignment.objects.select_related("node__host"))
    rows = Work.objects.held().select_related("target__workspace", "submitted_by").prefetch_related(assignments)
    return rows.order_by("claimed_at", "pk")


def explain_queues() -> dict[int, str]:
    """Map the key of each cluster with a queue to the one of REASONS that holds it."""
    hosts = [host for host in capacity.find_usable_hosts(timezone.now()) if host.is_open]
    free = list(capacity.measure_free_resources(hosts).values())
    queued = Work.objects.filter(state=Work.State.QUEUED).values("target")
    targets = ComputeTarget.objects.filter(pk__in=queued).with_counts().select_related("workspace")
    return {target.pk: _explain_queue(target, free) for target in targets}


def _explain_queue(target: ComputeTarget, free: list[Resources]) -> str:
    """Find the reason of a queue; `free` has the free resources of each connected machine."""
    counts = target.node_counts
    if target.workspace.deleted_at:
        return "trash"
    if counts["running"] and counts["running"] >= target.scale_settings.max_nodes:
        return "full"
    if not free:
        return "no-machine"
    if counts["preparing"]:
        return "starting"
    return "soon" if counts["idle"] or any(left.has_space_for(target.node_resources) for left in free) else "no-room"


def count_reasons(reasons: dict[int, str]) -> list[tuple[str, int]]:
    """How much work waits for each reason: [(words, number)], the largest first."""
    counts: Counter[str] = Counter()
    rows = Work.objects.filter(state=Work.State.QUEUED).order_by().values_list("target").annotate(Count("pk"))
    for target, number in rows:
        counts[reasons.get(target, "soon")] += number
    return [(REASONS[key], number) for key, number in counts.most_common()]


@transaction.atomic
def move_to_front(work: Work) -> None:
    """Move work to the front: the next free node of its cluster takes it."""
    before = work.priority
    queue.move_to_front(work)
    changes = {"priority": [before, work.priority]}
    activity.record("work.front", work, scope=work.target.workspace, label=work.subject, changes=changes)


def find_work(pk: uuid.UUID) -> Work:
    rows = Work.objects.select_related("target__workspace__resource_group__subscription", "submitted_by")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404("This job no longer exists.")
    return found


def list_other_clusters(work: Work) -> QuerySet[ComputeTarget]:
    """The clusters of its workspace to which waiting work can be moved."""
    present = ComputeTarget.objects.present().filter(workspace=work.target.workspace_id)
    present = present.filter(kind__in=[ComputeTarget.Kind.CLUSTER, ComputeTarget.Kind.ATTACHED])
    return present.exclude(pk=work.target_id).order_by("name")


@transaction.atomic
def move_to_cluster(work: Work, name: str) -> None:
    """Move a waiting job to another cluster of its workspace."""
    run = Run.objects.filter(work=work).select_related("workspace").first()
    if run is None:
        raise Conflict(f"{work.title} is not a job, or its job was deleted.")
    target = list_other_clusters(work).filter(name__iexact=name).first()
    if target is None:
        names = ", ".join(list_other_clusters(work).values_list("name", flat=True)[:50]) or "there is none"
        raise Invalid(f"compute={name[:60]!r}: write another cluster of the workspace: {names}.", target="compute")
    before = work.target.name
    queue.move_to_cluster(work, target)
    Run.objects.filter(pk=run.pk).update(
        compute=target, target_name=target.name, job={**run.job, "computeId": target.name}, revision=F("revision") + 1
    )
    changes = {"compute": [before, target.name]}
    activity.record("work.move", work, scope=run.workspace, label=work.subject, changes=changes)


def list_active_jobs(person: str = "") -> QuerySet[Run]:
    """The jobs of all workspaces that wait or run, without the children of others, the oldest first."""
    found = Run.objects.filter(parent=None, deleted_at=None, status__in=Run.ACTIVE)
    if person:
        found = found.filter(created_by__username__iexact=person)
    return found.select_related(*WITH).order_by("pk")


def find_jobs(keys: list[int]) -> list[Run]:
    found = list(Run.objects.filter(pk__in=keys).select_related(*WITH).order_by("pk"))
    if len(found) < len(set(keys)):
        raise Conflict("Some of these jobs were deleted permanently, so nothing was canceled. Open the page again.")
    return found


def count_children(jobs: list[Run]) -> None:
    """Set `active_children` of each: the number of its descendants that are canceled with it."""
    below = Run.objects.filter(root__in=jobs, status__in=Run.ACTIVE).order_by()
    counts = dict(below.values_list("root").annotate(Count("pk")))
    for run in jobs:
        run.active_children = counts.get(run.pk, 0)  # type: ignore[attr-defined]


def cancel_job(work: Work) -> list[str]:
    """End the job that this work is for, with all of its child jobs; return the ids of those that had not ended."""
    run = Run.objects.filter(work=work).select_related(*WITH).first()
    if run is None:
        raise Conflict(f"{work.title} is not a job, or its job was deleted.")
    return cancel_run(run)


@transaction.atomic
def cancel_run(run: Run) -> list[str]:
    """Cancel a job with its children; return the ids of those that had not ended."""
    canceled = Run.objects.filter(pk=run.pk).list_active_family()
    if not canceled:
        raise Conflict(f"{run} has ended already.")
    run.cancel()
    return canceled
