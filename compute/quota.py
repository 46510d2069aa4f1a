"""The quota of cores per VM family and subscription. The models call it, so its functions get the rows to count."""

from django.db.models import QuerySet, Sum

from compute import sizes
from compute.models.sizes import VmSize
from studio.errors import Invalid

# vCPUs of each family for all clusters of a subscription.
QUOTA = 100


def check_quota(clusters: QuerySet, size: VmSize, max_nodes: int) -> None:
    """Invalid if so many nodes exceed the quota together with those of the other clusters of the subscription."""
    used = _count_used(clusters).get(size.family, 0)
    wanted = size.vcpus * max_nodes
    if used + wanted > QUOTA:
        possible = max(0, QUOTA - used) // size.vcpus
        raise Invalid(
            f"{max_nodes} nodes of {size.name} need {wanted} vCPUs of {size.family}; the quota of this subscription is "
            f"{QUOTA} and {used} are used by other clusters. At most {possible} such nodes are possible.",
            target="maxNodeCount",
            code="QuotaExceeded",
        )


def available_cores(clusters: QuerySet) -> dict[str, int]:
    """The cores of each family that the clusters of a subscription leave."""
    used = _count_used(clusters)
    return {size.family: max(0, QUOTA - used.get(size.family, 0)) for size in sizes.all_sizes()}


def count_real_cores(hosts: QuerySet) -> int:
    """The cores of these machines, at most the quota."""
    return min(QUOTA, hosts.aggregate(cores=Sum("cpus"))["cores"] or 0)


def count_running_cores(nodes: QuerySet) -> dict[str, int]:
    """The cores that these nodes use, by family."""
    rows = nodes.order_by()
    taken = dict(rows.values("target__vm_size").annotate(taken=Sum("cores")).values_list("target__vm_size", "taken"))
    found: dict[str, int] = {}
    for size in sizes.all_sizes():
        found[size.family] = found.get(size.family, 0) + taken.get(size.name, 0)
    return found


def _count_used(clusters: QuerySet) -> dict[str, int]:
    used: dict[str, int] = {}
    by_name = {size.name.lower(): size for size in sizes.all_sizes()}
    for vm_size, max_nodes in clusters.values_list("vm_size", "cluster__max_nodes"):
        # A size that was deleted counts nothing.
        if size := by_name.get(vm_size.lower()):
            used[size.family] = used.get(size.family, 0) + size.vcpus * max_nodes
    return used
