"""Azure's VM sizes with their cores and memory, and prices if the administrator set some (VM_PRICES)."""

import dataclasses

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from studio.errors import Invalid


@dataclasses.dataclass(frozen=True)
class Size:
    name: str
    family: str
    category: str
    vcpus: int
    memory_gb: float
    storage_gb: int
    gpus: int = 0
    gpu: str = ""

    @property
    def price(self) -> float | None:
        """US dollars an hour; None if the administrator set no price."""
        return settings.VM_PRICES.get(self.name.lower())

    def fits_on(self, cpus: int, memory_gb: float) -> bool:
        # A machine reports a little less memory than it has: its kernel keeps the rest.
        return self.vcpus <= cpus and self.memory_gb * 0.95 <= memory_gb


SIZES = [
    Size("Standard_DS1_v2", "standardDSv2Family", "General purpose", 1, 3.5, 7),
    Size("Standard_DS2_v2", "standardDSv2Family", "General purpose", 2, 7, 14),
    Size("Standard_DS3_v2", "standardDSv2Family", "General purpose", 4, 14, 28),
    Size("Standard_DS4_v2", "standardDSv2Family", "General purpose", 8, 28, 56),
    Size("Standard_DS11_v2", "standardDSv2Family", "Memory optimized", 2, 14, 28),
    Size("Standard_DS12_v2", "standardDSv2Family", "Memory optimized", 4, 28, 56),
    Size("Standard_D2_v2", "standardDv2Family", "General purpose", 2, 7, 100),
    Size("Standard_D2s_v3", "standardDSv3Family", "General purpose", 2, 8, 16),
    Size("Standard_D4s_v3", "standardDSv3Family", "General purpose", 4, 16, 32),
    Size("Standard_D8s_v3", "standardDSv3Family", "General purpose", 8, 32, 64),
    Size("Standard_E4s_v3", "standardESv3Family", "Memory optimized", 4, 32, 64),
    Size("Standard_E8s_v3", "standardESv3Family", "Memory optimized", 8, 64, 128),
    Size("Standard_F4s_v2", "standardFSv2Family", "Compute optimized", 4, 8, 32),
    Size("Standard_F8s_v2", "standardFSv2Family", "Compute optimized", 8, 16, 64),
    Size("Standard_NC6", "standardNCFamily", "GPU", 6, 56, 340, 1, "NVIDIA K80"),
    Size("Standard_NC6s_v3", "standardNCSv3Family", "GPU", 6, 112, 736, 1, "NVIDIA V100"),
    Size("Standard_NC12s_v3", "standardNCSv3Family", "GPU", 12, 224, 1474, 2, "NVIDIA V100"),
    Size("Standard_NC4as_T4_v3", "standardNCASv3_T4Family", "GPU", 4, 28, 180, 1, "NVIDIA T4"),
    Size("Standard_NC24ads_A100_v4", "standardNCADSA100v4Family", "GPU", 24, 220, 64, 1, "NVIDIA A100"),
    Size("Standard_NC40ads_H100_v5", "standardNCadsH100v5Family", "GPU", 40, 320, 128, 1, "NVIDIA H100"),
]
DEFAULT_SIZE = "Standard_DS3_v2"
BY_NAME = {size.name.lower(): size for size in SIZES}


def find_size(name: str) -> Size:
    """The size with this name in any case (scripts write STANDARD_DS11_V2); Invalid lists the names."""
    size = BY_NAME.get(str(name).lower())
    if size is None:
        raise Invalid(f"There is no size {name!r}. Choose one of: {', '.join(s.name for s in SIZES)}.", target="vmSize")
    return size


def check_prices() -> None:
    """Stops the start if VM_PRICES names a size that does not exist."""
    unknown = sorted(set(settings.VM_PRICES) - set(BY_NAME))
    if unknown:
        raise ImproperlyConfigured(f"VM_PRICES: there is no size {unknown[0]!r}; write names such as {DEFAULT_SIZE}")
