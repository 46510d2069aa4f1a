"""How many cores of a family the clusters of one subscription may have together."""

from django.apps import apps

from compute import sizes
from studio.errors import Invalid


def check_quota(subscription_id: int, size: sizes.Size, max_nodes: int, excluded_target_id: int | None = None) -> None:
    """Invalid, in words, if so many nodes more (or instead of those of the target `besides`) exceed the quota."""
    used = _count_used(subscription_id, excluded_target_id).get(size.family, 0)
    wanted = size.vcpus * max_nodes
    if used + wanted > sizes.QUOTA:
        possible = max(0, sizes.QUOTA - used) // size.vcpus
        raise Invalid(
            f"{max_nodes} nodes of {size.name} need {wanted} vCPUs of {size.family}; the quota of this subscription is "
            f"{sizes.QUOTA} and {used} are taken by other clusters. At most {possible} such nodes are possible.",
            target="maxNodeCount",
            code="QuotaExceeded",
        )


def available_cores(subscription_id: int) -> dict[str, int]:
    """Cores left of each family."""
    used = _count_used(subscription_id)
    return {size.family: max(0, sizes.QUOTA - used.get(size.family, 0)) for size in sizes.SIZES}


def used_cores(subscription_id: int) -> dict[str, int]:
    """Cores taken of each family."""
    used = _count_used(subscription_id)
    return {size.family: used.get(size.family, 0) for size in sizes.SIZES}


def _count_used(subscription_id: int, besides: int | None = None) -> dict[str, int]:
    # The models call this module, so it finds them by name.
    targets = apps.get_model("compute", "ComputeTarget").objects.filter(
        workspace__resource_group__subscription=subscription_id, deleted_at=None
    )
    used: dict[str, int] = {}
    for vm_size, max_nodes in (targets.exclude(pk=besides) if besides else targets).values_list("vm_size", "max_nodes"):
        # A size that is offered no longer takes nothing.
        if size := sizes.BY_NAME.get(vm_size.lower()):
            used[size.family] = used.get(size.family, 0) + size.vcpus * max_nodes
    return used
