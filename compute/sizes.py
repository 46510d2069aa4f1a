"""The sizes of nodes, in a table that administrators edit.

The first ones come from Azure's catalogue, so that the names in existing scripts work, with no more cores, memory and
GPUs than the largest machine has; they grow when a larger one connects.
"""

import dataclasses
import math
import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from lazuli.agent import machine

from compute.models.sizes import VmSize
from studio.errors import Invalid


@dataclasses.dataclass(frozen=True)
class AzureSize:
    """A size as Azure has it."""

    name: str
    family: str
    category: str
    vcpus: int
    memory_gb: float
    storage_gb: int
    gpus: int = 0
    gpu: str = ""


CATALOGUE = [
    AzureSize("Standard_DS1_v2", "standardDSv2Family", "General purpose", 1, 3.5, 7),
    AzureSize("Standard_DS2_v2", "standardDSv2Family", "General purpose", 2, 7, 14),
    AzureSize("Standard_DS3_v2", "standardDSv2Family", "General purpose", 4, 14, 28),
    AzureSize("Standard_DS4_v2", "standardDSv2Family", "General purpose", 8, 28, 56),
    AzureSize("Standard_DS11_v2", "standardDSv2Family", "Memory optimized", 2, 14, 28),
    AzureSize("Standard_DS12_v2", "standardDSv2Family", "Memory optimized", 4, 28, 56),
    AzureSize("Standard_D2_v2", "standardDv2Family", "General purpose", 2, 7, 100),
    AzureSize("Standard_D2s_v3", "standardDSv3Family", "General purpose", 2, 8, 16),
    AzureSize("Standard_D4s_v3", "standardDSv3Family", "General purpose", 4, 16, 32),
    AzureSize("Standard_D8s_v3", "standardDSv3Family", "General purpose", 8, 32, 64),
    AzureSize("Standard_E4s_v3", "standardESv3Family", "Memory optimized", 4, 32, 64),
    AzureSize("Standard_E8s_v3", "standardESv3Family", "Memory optimized", 8, 64, 128),
    AzureSize("Standard_F4s_v2", "standardFSv2Family", "Compute optimized", 4, 8, 32),
    AzureSize("Standard_F8s_v2", "standardFSv2Family", "Compute optimized", 8, 16, 64),
    AzureSize("Standard_NC6", "standardNCFamily", "GPU", 6, 56, 340, 1, "NVIDIA K80"),
    AzureSize("Standard_NC6s_v3", "standardNCSv3Family", "GPU", 6, 112, 736, 1, "NVIDIA V100"),
    AzureSize("Standard_NC12s_v3", "standardNCSv3Family", "GPU", 12, 224, 1474, 2, "NVIDIA V100"),
    AzureSize("Standard_NC4as_T4_v3", "standardNCASv3_T4Family", "GPU", 4, 28, 180, 1, "NVIDIA T4"),
    AzureSize("Standard_NC24ads_A100_v4", "standardNCADSA100v4Family", "GPU", 24, 220, 64, 1, "NVIDIA A100"),
    AzureSize("Standard_NC40ads_H100_v5", "standardNCadsH100v5Family", "GPU", 40, 320, 128, 1, "NVIDIA H100"),
]
BY_NAME = {model.name.lower(): model for model in CATALOGUE}
# Sizes of one family, sorted by cores: a cluster without a chosen size has one of these.
GENERAL = ["Standard_DS4_v2", "Standard_DS3_v2", "Standard_DS2_v2", "Standard_DS1_v2"]
NUMBERS = ["vcpus", "memory_gb", "gpus"]


def offered_sizes() -> list[VmSize]:
    return [size for size in all_sizes() if size.is_offered]


def find_azure_size(size: VmSize) -> AzureSize | None:
    """The size of Azure, if this one has less because no machine has more."""
    model = BY_NAME.get(size.name.lower()) if size.follows_machines else None
    return model if model and any(getattr(model, name) > getattr(size, name) for name in NUMBERS) else None


def merge_same_sizes(found: list[VmSize], preferred: list[str], left: dict[str, int] | None = None) -> list[VmSize]:
    """One of each group of sizes that the machines make the same: if possible one within the cores `left` of its family,
    a preferred one, and one that is as in Azure."""
    groups: dict[tuple, list[VmSize]] = {}
    for size in found:
        card = size.gpu if size.gpus else ""
        same = (size.category == "GPU", *(getattr(size, name) for name in NUMBERS), card, size.price)
        groups.setdefault(same if size.follows_machines else (size.name,), []).append(size)

    def rank(size: VmSize) -> tuple:
        is_over = left is not None and left[size.family] < size.vcpus
        return is_over, [name != size.name for name in preferred], find_azure_size(size) is not None

    kept = [min(group, key=rank) for group in groups.values()]
    return [size for size in found if size in kept]


def all_sizes() -> list[VmSize]:
    """All sizes, including those that are no longer offered, which clusters may still have."""
    found = list(VmSize.objects.all())
    if not found:
        fit_to_machine(machine.read_machine(os.environ))
        found = list(VmSize.objects.all())
    return found


def find_size(name: str) -> VmSize:
    """The size with this name in any case (scripts write STANDARD_DS11_V2); Invalid lists the names."""
    found = VmSize.objects.filter(name__iexact=str(name)[:100]).first()
    if found is None:
        found = next((size for size in all_sizes() if size.name.lower() == str(name).lower()), None)
    if found is None:
        there = ", ".join(size.name for size in offered_sizes())
        raise Invalid(f"There is no size {name!r}. Choose one of: {there}.", target="vmSize")
    return found


def find_offered(name: str) -> VmSize:
    """Find a size for a new target."""
    size = find_size(name)
    if not size.is_offered:
        there = ", ".join(one.name for one in offered_sizes())
        raise Invalid(f"The size {size.name} is no longer offered. Choose one of: {there}.", target="vmSize")
    return size


def suggest_size() -> str:
    """The largest size of which two nodes fit on the largest machine, otherwise the smallest."""
    by_name = {size.name: size for size in offered_sizes()}
    general = [by_name[name] for name in GENERAL if name in by_name] or list(by_name.values())[:1]
    if not general:
        raise Invalid("No size is offered; a site admin can offer some.", target="vmSize")
    cores = max(size.vcpus for size in by_name.values())
    return next((size.name for size in general if size.vcpus * 2 <= cores), general[-1].name)


def find_largest(cores: int, memory_gb: float, gpus: int) -> VmSize:
    """The largest size that fits on such a machine; the smallest one if none does."""
    found = sorted(offered_sizes(), key=lambda size: (size.gpus, size.vcpus, size.memory_gb))
    if not found:
        raise Invalid("No size is offered; the site admin can offer some.", target="vmSize")
    fits = [size for size in found if size.vcpus <= cores and size.memory_gb <= memory_gb and size.gpus <= gpus]
    return (fits or found[:1])[-1]


def fit_to_machine(largest: machine.Machine) -> None:
    """Make the sizes of the catalogue that are missing in an empty table, or let those grow that follow the machines."""
    present = list(VmSize.objects.all())
    if not present:
        made = [
            VmSize(**dataclasses.asdict(limit_to_machine(model, largest)), follows_machines=True) for model in CATALOGUE
        ]
        VmSize.objects.bulk_create(made, ignore_conflicts=True)
        return
    for size in present:
        model = BY_NAME.get(size.name.lower())
        if model is None or not size.follows_machines:
            continue
        limited = limit_to_machine(model, largest)
        grown = {name: max(getattr(size, name), getattr(limited, name)) for name in NUMBERS}
        if any(value != getattr(size, name) for name, value in grown.items()):
            VmSize.objects.filter(pk=size.pk, follows_machines=True).update(**grown)


def limit_to_machine(model: AzureSize, largest: machine.Machine) -> AzureSize:
    """Limit a size to the resources of this machine."""
    memory = math.floor(min(model.memory_gb, largest.memory_gb) * 10) / 10
    gpus = min(model.gpus, largest.gpus)
    return dataclasses.replace(model, vcpus=min(model.vcpus, largest.cores), memory_gb=max(memory, 0.1), gpus=gpus)


def check_settings() -> None:
    """Stops the start if VM_PRICES names a size that does not exist, or the resources of the machine are not
    numbers."""
    try:
        machine.read_machine(os.environ)
    except machine.WrongOffer as error:
        raise ImproperlyConfigured(str(error)) from error
    unknown = sorted(set(settings.VM_PRICES) - set(BY_NAME))
    if unknown:
        raise ImproperlyConfigured(f"VM_PRICES: there is no size {unknown[0]!r}; use names such as {GENERAL[1]}")
