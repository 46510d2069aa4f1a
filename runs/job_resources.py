"""The cores, memory and GPUs that a job requests of its node; by default the whole node."""

import math
import re
from collections.abc import Mapping
from typing import Any

from compute.models import ComputeTarget, Resources
from studio.errors import Invalid

PROPERTIES = "resources/properties"
UNITS = {"": 1 / 1024**3, "b": 1 / 1024**3, "k": 1 / 1024**2, "m": 1 / 1024, "g": 1.0}
MEMORY = re.compile(r"(\d+(?:\.\d+)?)([bkmg]?)b?", re.IGNORECASE)
NAMES = {"--cpus": "cores", "--memory": "memoryGB", "-m": "memoryGB", "--gpus": "gpus"}


def read_resources(properties: Mapping, target: ComputeTarget | None) -> Resources | None:
    """The resources in `resources.properties`, else in SDK v1's arguments for a container."""
    if target is None:
        return None
    resources = properties.get("resources") or {}
    requested = resources.get("properties") or {}
    if not any(name in requested for name in ("cores", "memoryGB", "gpus")):
        definition = properties.get("runDefinition") or {}
        requested = read_container_arguments((definition.get("docker") or {}).get("arguments")) or {}
    return _make_resources(requested, target.node_resources) if requested else None


def _make_resources(requested: Mapping, whole: Resources) -> Resources | None:
    cores = _check_number(requested.get("cores"), "cores", 1)
    memory = _check_number(requested.get("memoryGB"), "memoryGB", 0.001)
    gpus = _check_number(requested.get("gpus"), "gpus", 0)
    if cores is None and memory is None and gpus is None:
        return None
    # Cores have their share of the memory, and the other way round.
    share = (cores / whole.cores) if cores is not None else (memory or 0) / whole.memory_gb
    found_cores = math.ceil(cores) if cores is not None else max(1, math.ceil(whole.cores * min(share, 1)))
    return Resources(found_cores, memory if memory is not None else whole.memory_gb * min(share, 1), int(gpus or 0))


def _check_number(value: Any, name: str, min_value: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not min_value <= value < 1e6:
        raise Invalid(f"{name}={value!r}: write a number of at least {min_value:g}.", target=f"{PROPERTIES}/{name}")
    return float(value)


def read_container_arguments(arguments: Any) -> dict[str, float] | None:
    """The numbers of `--cpus`, `--memory` and `--gpus`; None if there is anything else."""
    if not isinstance(arguments, list) or not all(isinstance(word, str) for word in arguments):
        return None
    words = [part for word in arguments for part in re.split(r"[=\s]+", word.strip(), maxsplit=1) if part]
    if not words or len(words) % 2:
        return None
    found = {}
    for name, text in zip(words[::2], words[1::2], strict=True):
        value = _read_amount(NAMES.get(name, ""), text)
        if value is None:
            return None
        found[NAMES[name]] = value
    return found


def _read_amount(name: str, text: str) -> float | None:
    match = MEMORY.fullmatch(text)
    if not match or (name != "memoryGB" and match[2]):
        return None
    amount = float(match[1])
    return {"cores": amount, "gpus": amount, "memoryGB": amount * UNITS[match[2].lower()]}.get(name)
