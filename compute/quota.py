"""The quota of cores per VM family and subscription."""

from django.apps import apps
from django.db.models import Sum

from compute import sizes
from compute.models.sizes import VmSize
from studio.errors import Invalid

# vCPUs of each family for all clusters of a subscription.
QUOTA = 100


def check_quota(subscription_id: int, size: VmSize, max_nodes: int, excluded_target_id: int | None = None) -> None:
    """Invalid if so many additional nodes (without those of the excluded target) exceed the quota."""
    used = _count_used(subscription_id, excluded_target_id).get(size.family, 0)
    wanted = size.vcpus * max_nodes
    if used + wanted > QUOTA:
        possible = max(0, QUOTA - used) // size.vcpus
        raise Invalid(
            f"{max_nodes} nodes of {size.name} need {wanted} vCPUs of {size.family}; the quota of this subscription is "
            f"{QUOTA} and {used} are taken by other clusters. At most {possible} such nodes are possible.",
            target="maxNodeCount",
            code="QuotaExceeded",
        )


def available_cores(subscription_id: int) -> dict[str, int]:
    """The available cores of each family."""
    used = _count_used(subscription_id)
    return {size.family: max(0, QUOTA - used.get(size.family, 0)) for size in sizes.all_sizes()}


def count_real_cores() -> int:
    """The cores of the connected machines, at most the quota."""
    cores = apps.get_model("compute", "Host").objects.alive().aggregate(cores=Sum("cpus"))["cores"]
    return min(QUOTA, cores or 0)


def count_running_cores(subscription_id: int) -> dict[str, int]:
    """The cores that nodes of this subscription use now, by family."""
    nodes = apps.get_model("compute", "Node").objects.usable()
    rows = nodes.filter(target__workspace__resource_group__subscription=subscription_id).order_by()
    taken = dict(rows.values("target__vm_size").annotate(taken=Sum("cores")).values_list("target__vm_size", "taken"))
    found: dict[str, int] = {}
    for size in sizes.all_sizes():
        found[size.family] = found.get(size.family, 0) + taken.get(size.name, 0)
    return found


def _count_used(subscription_id: int, besides: int | None = None) -> dict[str, int]:
    # The models call this module, so it looks them up by name.
    targets = apps.get_model("compute", "ComputeTarget").objects.filter(
        workspace__resource_group__subscription=subscription_id, deleted_at=None, cluster__isnull=False
    )
    used: dict[str, int] = {}
    by_name = {size.name.lower(): size for size in sizes.all_sizes()}
    for vm_size, max_nodes in (targets.exclude(pk=besides) if besides else targets).values_list(
        "vm_size", "cluster__max_nodes"
    ):
        # A size that was deleted counts nothing.
        if size := by_name.get(vm_size.lower()):
            used[size.family] = used.get(size.family, 0) + size.vcpus * max_nodes
    return used
