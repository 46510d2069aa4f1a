"""The quota of cores per VM family and subscription."""

from django.apps import apps

from compute import sizes
from studio.errors import Invalid

# vCPUs of each family for all clusters of a subscription.
QUOTA = 100


def check_quota(subscription_id: int, size: sizes.Size, max_nodes: int, excluded_target_id: int | None = None) -> None:
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
    return {size.family: max(0, QUOTA - used.get(size.family, 0)) for size in sizes.SIZES}


def used_cores(subscription_id: int) -> dict[str, int]:
    """The used cores of each family."""
    used = _count_used(subscription_id)
    return {size.family: used.get(size.family, 0) for size in sizes.SIZES}


def _count_used(subscription_id: int, besides: int | None = None) -> dict[str, int]:
    # The models call this module, so it looks them up by name.
    targets = apps.get_model("compute", "ComputeTarget").objects.filter(
        workspace__resource_group__subscription=subscription_id, deleted_at=None, cluster__isnull=False
    )
    used: dict[str, int] = {}
    for vm_size, max_nodes in (targets.exclude(pk=besides) if besides else targets).values_list(
        "vm_size", "cluster__max_nodes"
    ):
        # A size that is no longer offered counts nothing.
        if size := sizes.BY_NAME.get(vm_size.lower()):
            used[size.family] = used.get(size.family, 0) + size.vcpus * max_nodes
    return used
