"""Quotas hold back work: queued work that would exceed one waits, and its page names the tightest."""

import dataclasses
import functools
from collections import Counter
from collections.abc import Iterator

from django.db.models import Count, Q, Sum

from accounts.models import User
from compute.models import Assignment, ComputeTarget, Node, Work
from compute.sizes import all_sizes
from costs.limit_models import FOR_EACH_PERSON, Quota
from costs.models import Usage
from costs.storage_meter import GB
from studio.errors import Conflict
from workspaces.models import Workspace

WORDS = {"cores": "cores", "nodes": "nodes", "running_jobs": "running jobs", "storage_gb": "GB of storage"}
# Lookups from work to the scopes of quotas.
PERSON, WORKSPACE = "submitted_by", "target__workspace"
SUBSCRIPTION = "target__workspace__resource_group__subscription"


@dataclasses.dataclass(frozen=True)
class Applied:
    """One limit of a quota, with its current use."""

    quota: Quota
    name: str
    limit: int
    used: float

    @property
    def limit_label(self) -> str:
        return WORDS[self.name]

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit else 1

    @property
    def percent(self) -> int:
        return min(100, round(100 * self.share))

    def describe(self) -> str:
        return f"Of the quota of {self.quota.label}, {self.used:,.4g} of {self.limit:,} {self.limit_label} are in use."


class Running:
    """Jobs and cores in use at this moment, by person, workspace and subscription; one statement."""

    def __init__(self):
        self.jobs: dict[str, Counter] = {path: Counter() for path in (PERSON, WORKSPACE, SUBSCRIPTION)}
        self.cores: dict[str, Counter] = {path: Counter() for path in self.jobs}
        rows = Assignment.objects.current().filter(work__state=Work.State.CLAIMED).order_by()
        paths = [f"work__{path}" for path in self.jobs]
        for *keys, jobs, cores in rows.values_list(*paths).annotate(Count("work", distinct=True), Sum("cores")):
            for path, key in zip(self.jobs, keys, strict=True):
                self.jobs[path][key] += jobs
                self.cores[path][key] += cores or 0


def find_held() -> Q | None:
    """A condition for the queued work that would exceed a quota."""
    quotas = list(Quota.objects.exclude(cores=None, running_jobs=None))
    if not quotas:
        return None
    running, held = Running(), Q(pk=None)
    sizes = {size.name.lower(): size.vcpus for size in all_sizes()}
    names = set(ComputeTarget.objects.present().values_list("vm_size", flat=True))
    cores_of = {name: sizes.get(name.lower(), 0) for name in names}
    for quota in quotas:
        for scope, jobs, cores in _scopes_of(quota, quotas, running):
            if quota.running_jobs is not None and jobs >= quota.running_jobs:
                held |= scope
            if quota.cores is not None:
                held |= scope & _needs_more(quota.cores - cores, cores_of)
    return held


def _needs_more(left: int, cores_of: dict[str, int]) -> Q:
    too_large = [name for name, cores in cores_of.items() if cores > left]
    return Q(cores__gt=max(left, -1)) | Q(cores=None, target__vm_size__in=too_large)


def _scopes_of(quota: Quota, quotas: list[Quota], running: Running):
    """(work of the scope, jobs, cores in use): for a quota of each person, one for each who has something running."""
    path, key = _path_of(quota)
    if path:
        yield Q(**{path: key}), running.jobs[path][key], running.cores[path][key]
        return
    own = {other.person_id for other in quotas if other.person_id}
    busy = {person for person in running.jobs[PERSON] if person not in own}
    for person in busy:
        yield Q(submitted_by=person), running.jobs[PERSON][person], running.cores[PERSON][person]
    yield ~Q(submitted_by__in=own | busy), 0, 0


def _path_of(quota: Quota) -> tuple[str, int | None]:
    if quota.person_id:
        return PERSON, quota.person_id
    if quota.workspace_id:
        return WORKSPACE, quota.workspace_id
    return (SUBSCRIPTION, quota.subscription_id) if quota.subscription_id else ("", None)


class Applicable:
    """The quotas for work in a workspace, read once for all of its people."""

    def __init__(self, workspace_id: int):
        inside = Q(workspace=workspace_id) | Q(subscription__resource_groups__workspaces=workspace_id)
        rows = Quota.objects.filter(inside | FOR_EACH_PERSON | Q(person__isnull=False))
        self.quotas = list(rows.select_related("person", "workspace", "subscription"))

    @functools.cached_property
    def running(self) -> Running:
        return Running()

    def list_applied(self, user_id: int) -> list[Applied]:
        """All limits for a person's work, the tightest first."""
        own = [quota for quota in self.quotas if quota.person_id == user_id]
        shared = [quota for quota in self.quotas if not quota.person_id and (_path_of(quota)[0] or not own)]
        found = [one for quota in own + shared for one in self._apply(quota, user_id)]
        return sorted(found, key=lambda one: -one.share)

    def _apply(self, quota: Quota, user_id: int) -> Iterator[Applied]:
        path, key = _path_of(quota)
        path, key = (path, key) if path else (PERSON, user_id)
        for name, limit in quota.limits.items():
            if name == "nodes":
                used: float = count_nodes(quota)
            elif name == "storage_gb":
                used = count_gb(quota)
            else:
                used = (self.running.jobs if name == "running_jobs" else self.running.cores)[path][key]
            yield Applied(quota, name, limit, used)

    def explain(self, work: Work) -> list[str]:
        """The limits that hold this queued work, the tightest first."""
        if not self.quotas:
            return []
        needed = {"running_jobs": 1, "cores": work.cores if work.cores is not None else work.target.size.vcpus}
        return [
            f"{one.describe()} This job needs {needed[one.name]:,}." if one.name == "cores" else one.describe()
            for one in self.list_applied(work.submitted_by_id)
            if one.name in needed and one.used + needed[one.name] > one.limit
        ]


def list_applied(user: User, workspace: Workspace) -> list[Applied]:
    return Applicable(workspace.pk).list_applied(user.pk)


def count_nodes(quota: Quota) -> int:
    nodes = Node.objects.usable()
    if quota.workspace_id:
        return nodes.filter(target__workspace=quota.workspace_id).count()
    return nodes.filter(target__workspace__resource_group__subscription=quota.subscription_id).count()


def count_gb(quota: Quota) -> float:
    """The last measured storage in GB."""
    keys = [quota.workspace_id] if quota.workspace_id else []
    if quota.subscription_id:
        inside = Workspace.objects.filter(resource_group__subscription=quota.subscription_id)
        keys = list(inside.values_list("pk", flat=True))
    rows = Usage.objects.filter(kind=Usage.Kind.STORAGE, workspace_key__in=keys).order_by("day")
    return sum(dict(rows.values_list("workspace_key", "bytes")).values()) / GB


def check_new_work(target: ComputeTarget, user: User) -> None:
    """Refuse new work where the storage quota of its workspace or subscription is used up."""
    _check_storage(target.workspace, "computeId")


def check_new_files(workspace: Workspace) -> None:
    """Refuse files that people upload there."""
    _check_storage(workspace, "path")


def _check_storage(workspace: Workspace, where: str) -> None:
    scopes = Q(workspace=workspace.pk) | Q(subscription=workspace.resource_group.subscription_id)
    for quota in Quota.objects.filter(scopes).exclude(storage_gb=None).select_related("workspace", "subscription"):
        used, limit = count_gb(quota), quota.storage_gb
        if limit is not None and used >= limit:
            applied = Applied(quota, "storage_gb", limit, used)
            text = f"{applied.describe()} Delete files, empty the trash, or ask a site admin."
            raise Conflict(text, target=where, code="QuotaExceeded")


def count_more_nodes(target: ComputeTarget) -> int | None:
    """The number of nodes that the tightest quota allows; None without one."""
    scopes = Q(workspace=target.workspace_id) | Q(subscription__resource_groups__workspaces=target.workspace_id)
    quotas = Quota.objects.filter(scopes).exclude(nodes=None)
    return min((quota.nodes - count_nodes(quota) for quota in quotas if quota.nodes is not None), default=None)
