"""The variables that show a process only the GPUs of its work."""

from __future__ import annotations

from typing import Dict, Mapping

# The UUIDs of the work's GPUs, from its node; empty for work without any. A machine without GPUs does not set it.
VARIABLE = "LAZULI_WORK_GPUS"


def build_gpu_variables(environ: Mapping[str, str]) -> Dict[str, str]:
    """They replace those of the host and of the job, whose numbers could mean the GPUs of other work."""
    if VARIABLE not in environ:
        return {}
    gpus = environ[VARIABLE]
    return {
        "CUDA_VISIBLE_DEVICES": gpus,
        # CUDA's own order is by speed.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        # Container engines show no GPU for `void`.
        "NVIDIA_VISIBLE_DEVICES": gpus or "void",
    }
