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
        found = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            card = pynvml.nvmlDeviceGetHandleByIndex(index)
            found += _list_parts(pynvml, card) or [pynvml.nvmlDeviceGetUUID(card)]
    except pynvml.NVMLError:
        return []
    return found


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
