"""The GPUs of this machine, by NVIDIA's library (NVML)."""

from __future__ import annotations

import contextlib
from typing import Any


def list_gpus() -> list[str]:
    """The UUIDs of NVIDIA's GPUs; of a partitioned one (MIG) those of its parts. Without the driver there are none.

    The number of a GPU would not do: it can change with a restart, and CUDA counts in another order.
    """
    try:
        import pynvml  # optional: of the extra `agent`
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        count = pynvml.nvmlDeviceGetCount()
        return [gpu for index in range(count) for gpu in _list_of_card(pynvml, index)]
    except pynvml.NVMLError:
        return []
    finally:
        # So that the next reading sees the devices as they are then.
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _list_of_card(nvml: Any, index: int) -> list[str]:
    try:
        card = nvml.nvmlDeviceGetHandleByIndex(index)
        # A card that is lost keeps its number, but answers no more.
        nvml.nvmlDeviceGetMemoryInfo(card)
        return _list_parts(nvml, card) or [nvml.nvmlDeviceGetUUID(card)]
    except nvml.NVMLError:
        return []


def _list_parts(nvml: Any, card: Any) -> list[str]:
    try:
        if not nvml.nvmlDeviceGetMigMode(card)[0]:
            return []
        count = nvml.nvmlDeviceGetMaxMigDeviceCount(card)
    except nvml.NVMLError:
        # Most models cannot be partitioned.
        return []
    found = []
    for index in range(count):
        with contextlib.suppress(nvml.NVMLError_NotFound):
            found.append(nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetMigDeviceHandleByIndex(card, index)))
    return found
