"""What quotas hold back: queued work that would exceed one waits, and its page names the tightest."""

import dataclasses
from collections import Counter

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
# From work to whom a quota may be for.
PERSON, WORKSPACE = "submitted_by", "target__workspace"
SUBSCRIPTION = "target__workspace__resource_group__subscription"


@dataclasses.dataclass(frozen=True)
class Applied:
    """One limit of a quota, with what is used of it now."""

    quota: Quota
    name: str
    limit: int
    used: float

    @property
    def words(self) -> str:
        return WORDS[self.name]

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit else 1

    @property
    def percent(self) -> int:
        return min(100, round(100 * self.share))

    def describe(self) -> str:
        return f"The quota of {self.quota.label} is {self.limit:,} {self.words}, and {self.used:,.4g} are used."


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
    """Which queued work would exceed a quota."""
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


def list_applied(user: User, workspace: Workspace) -> list[Applied]:
    """Every limit that holds for a person's work there, the tightest first."""
    subscription = workspace.resource_group.subscription_id
    quotas = Quota.objects.filter(
        Q(person=user) | Q(workspace=workspace) | Q(subscription=subscription) | FOR_EACH_PERSON
    ).select_related("person", "workspace", "subscription")
    found = list(quotas)
    if any(quota.person_id for quota in found):
        found = [quota for quota in found if _path_of(quota)[0]]
    if not found:
        return []
    running = Running()
    applied = []
    for quota in found:
        path, key = _path_of(quota)
        path, key = (path, key) if path else (PERSON, user.pk)
        used = {"running_jobs": running.jobs[path][key], "cores": running.cores[path][key]}
        for name, limit in quota.limits.items():
            amount = used[name] if name in used else count_nodes(quota) if name == "nodes" else count_gb(quota)
            applied.append(Applied(quota, name, limit, amount))
    return sorted(applied, key=lambda one: -one.share)


def count_nodes(quota: Quota) -> int:
    nodes = Node.objects.usable()
    if quota.workspace_id:
        return nodes.filter(target__workspace=quota.workspace_id).count()
    return nodes.filter(target__workspace__resource_group__subscription=quota.subscription_id).count()


def count_gb(quota: Quota) -> float:
    """As it was last measured."""
    keys = [quota.workspace_id]
    if quota.subscription_id:
        inside = Workspace.objects.filter(resource_group__subscription=quota.subscription_id)
        keys = list(inside.values_list("pk", flat=True))
    rows = Usage.objects.filter(kind=Usage.Kind.STORAGE, workspace_key__in=keys).order_by("day")
    return sum(dict(rows.values_list("workspace_key", "bytes")).values()) / GB


def explain(work: Work) -> list[str]:
    """The limits that hold this queued work, the tightest first."""
    workspace = work.target.workspace
    needed = {"running_jobs": 1, "cores": work.cores if work.cores is not None else work.target.size.vcpus}
    applied = list_applied(work.submitted_by, workspace)
    return [
        f"{one.describe()} This job needs {needed[one.name]:,}." if one.name == "cores" else one.describe()
        for one in applied
        if one.name in needed and one.used + needed[one.name] > one.limit
    ]


def check_new_work(target: ComputeTarget, user: User) -> None:
    """Who has used up the storage may not add to it."""
    subscription = target.workspace.resource_group.subscription_id
    scopes = Q(workspace=target.workspace_id) | Q(subscription=subscription)
    for quota in Quota.objects.filter(scopes).exclude(storage_gb=None).select_related("workspace", "subscription"):
        used = count_gb(quota)
        if used >= quota.storage_gb:
            applied = Applied(quota, "storage_gb", quota.storage_gb, used)
            text = f"{applied.describe()} Delete files, empty the trash, or ask a site admin."
            raise Conflict(text, target="computeId", code="QuotaExceeded")


def count_more_nodes(target: ComputeTarget) -> int | None:
    """How many nodes the tightest quota leaves; None without one."""
    subscription = target.workspace.resource_group.subscription_id
    scopes = Q(workspace=target.workspace_id) | Q(subscription=subscription)
    quotas = Quota.objects.filter(scopes).exclude(nodes=None)
    return min((quota.nodes - count_nodes(quota) for quota in quotas), default=None)
