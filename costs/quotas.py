"""Quotas hold back work: queued work that would exceed one waits, and its page names the tightest."""

import dataclasses
import functools
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from django.db.models import Count, Exists, OuterRef, Q, Sum

from accounts.models import User
from compute.models import Assignment, ComputeTarget, Node, VmSize, Work
from compute.sizes import all_sizes
from costs.limit_models import FOR_EACH_PERSON, Quota
from costs.models import Usage
from costs.storage_meter import GB
from studio.errors import Conflict
from workspaces.models import Workspace

WORDS = {
    "cores": "cores",
    "memory_gb": "GB of memory",
    "gpus": "GPUs",
    "running_jobs": "running jobs",
    "nodes": "nodes",
    "storage_gb": "GB of storage",
}
# The resources of nodes that running jobs use, with the field of a size.
SIZES = {"cores": "vcpus", "memory_gb": "memory_gb", "gpus": "gpus"}
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
    """The use of jobs at this moment, by person, workspace and subscription; one statement."""

    def __init__(self):
        self.used: dict[tuple[str, str], Counter] = defaultdict(Counter)
        rows = Assignment.objects.current().filter(work__state=Work.State.CLAIMED).order_by()
        paths = (PERSON, WORKSPACE, SUBSCRIPTION)
        sums = {"running_jobs": Count("work", distinct=True)} | {name: Sum(name) for name in SIZES}
        found = rows.values_list(*(f"work__{path}" for path in paths)).annotate(*sums.values())
        for *keys, jobs, cores, memory, gpus in found:
            counts = {"running_jobs": jobs, "cores": cores or 0, "memory_gb": memory or 0, "gpus": gpus or 0}
            for (path, key), name in itertools.product(zip(paths, keys, strict=True), counts):
                self.used[path, name][key] += counts[name]

    def count(self, path: str, keys: Iterable[int], name: str) -> float:
        return sum(self.used[path, name][key] for key in keys)


def find_held() -> Q | None:
    """A condition for the queued work that would exceed a quota."""
    limited = Q(running_jobs__isnull=False)
    for name in SIZES:
        limited |= Q(**{f"{name}__isnull": False})
    quotas = list(Quota.objects.filter(limited).prefetch_related("group__members"))
    if not quotas:
        return None
    running, held = Running(), Q(pk=None)
    names = set(ComputeTarget.objects.present().values_list("vm_size", flat=True))
    sizes = {size.name.lower(): size for size in all_sizes()}
    present = {name: sizes[name.lower()] for name in names if name.lower() in sizes}
    for quota in quotas:
        for scope, path, keys in _scopes_of(quota, quotas, running):
            too_much = _needs_more(quota, functools.partial(running.count, path, keys), present)
            held |= scope & too_much & (_others_wait(scope) if quota.is_soft else Q())
    return held


def _needs_more(quota: Quota, used: Callable[[str], float], present: dict[str, VmSize]) -> Q:
    """A condition for work that needs more than is left; without cores, it takes whole nodes."""
    found = Q(pk=None)
    if quota.running_jobs is not None and used("running_jobs") >= quota.running_jobs:
        return Q(pk__isnull=False)
    for name, field in SIZES.items():
        limit = getattr(quota, name)
        if limit is None:
            continue
        left = max(limit - used(name), 0)
        found |= Q(cores__isnull=False, **{f"{name}__gt": left})
        by_count: dict[int, list[str]] = defaultdict(list)
        for size_name, size in present.items():
            if each := getattr(size, field):
                by_count[int(left // each)].append(size_name)
        for count, size_names in by_count.items():
            found |= Q(cores=None, target__vm_size__in=size_names, node_count__gt=count)
    return found


def _others_wait(scope: Q) -> Q:
    """A condition for work in whose queue somebody outside of this scope waits: only then does a soft quota count."""
    waiting = Work.objects.filter(target=OuterRef("target"), state=Work.State.QUEUED, stop_requested_at=None)
    return Q(Exists(waiting.exclude(scope)))


def _scopes_of(quota: Quota, quotas: list[Quota], running: Running) -> Iterator[tuple[Q, str, list[int]]]:
    """(work of the scope, lookup, keys of what it uses): for a quota of each person, one for each who has something running."""
    if not quota.is_for_each_person:
        path, keys = _path_of(quota)
        yield Q(**{f"{path}__in": keys}), path, keys
        return
    own = {other.person_id for other in quotas if other.person_id}
    busy = {person for person in running.used[PERSON, "running_jobs"] if person not in own}
    for person in busy:
        yield Q(submitted_by=person), PERSON, [person]
    yield ~Q(submitted_by__in=own | busy), PERSON, []


def _path_of(quota: Quota) -> tuple[str, list[int]]:
    """The lookup from work, and its values."""
    if quota.group:
        return PERSON, [member.pk for member in quota.group.members.all()]
    found = {PERSON: quota.person_id, WORKSPACE: quota.workspace_id, SUBSCRIPTION: quota.subscription_id}
    return next((path, [key]) for path, key in found.items() if key)


class Applicable:
    """The quotas for work in a workspace, read once for all of its people."""

    def __init__(self, workspace_id: int):
        inside = Q(workspace=workspace_id) | Q(subscription__resource_groups__workspaces=workspace_id)
        rows = Quota.objects.filter(inside | FOR_EACH_PERSON | Q(person__isnull=False) | Q(group__isnull=False))
        shown = rows.select_related("person", "group", "workspace", "subscription")
        self.quotas = list(shown.prefetch_related("group__members"))

    @functools.cached_property
    def running(self) -> Running:
        return Running()

    def list_applied(self, user_id: int) -> list[Applied]:
        """All limits for a person's work, the tightest first."""
        has_own = any(quota.person_id == user_id for quota in self.quotas)
        found = [one for quota in self.quotas for one in self._apply(quota, user_id, has_own)]
        return sorted(found, key=lambda one: -one.share)

    def _apply(self, quota: Quota, user_id: int, has_own: bool) -> Iterator[Applied]:
        path, keys = (PERSON, [user_id]) if quota.is_for_each_person else _path_of(quota)
        if (quota.is_for_each_person and has_own) or (path == PERSON and user_id not in keys):
            return
        for name, limit in quota.limits.items():
            if name == "nodes":
                used: float = count_nodes(quota)
            elif name == "storage_gb":
                used = count_gb(quota)
            else:
                used = self.running.count(path, keys, name)
            yield Applied(quota, name, limit, used)

    def explain(self, work: Work) -> list[str]:
        """The limits that hold this queued work, the tightest first."""
        if not self.quotas:
            return []
        needed = _count_needed(work)
        return [
            f"{one.describe()} This job needs {needed[one.name]:,.4g}." if one.name in SIZES else one.describe()
            for one in self.list_applied(work.submitted_by_id)
            if one.name in needed and one.used + needed[one.name] > one.limit and _is_enforced(one.quota, work)
        ]


def _count_needed(work: Work) -> dict[str, float]:
    """The resources that it will use, without those of which it uses nothing."""
    size = work.target.size
    each = {
        name: getattr(size if work.cores is None else work, SIZES[name] if work.cores is None else name)
        for name in SIZES
    }
    used = {name: number * (work.node_count if work.cores is None else 1) for name, number in each.items() if number}
    return {"running_jobs": 1, **used}


def _is_enforced(quota: Quota, work: Work) -> bool:
    """A soft quota holds work only while somebody else waits in the same queue."""
    if not quota.is_soft:
        return True
    path, keys = (PERSON, [work.submitted_by_id]) if quota.is_for_each_person else _path_of(quota)
    return Work.objects.filter(_others_wait(Q(**{f"{path}__in": keys})), pk=work.pk).exists()


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
