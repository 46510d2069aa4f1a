"""The cores, memory and GPUs that a job requests of its node; by default the whole node."""

import math
import re
import shlex
from collections.abc import Mapping
from typing import Any

from compute.models import ComputeTarget, Resources
from studio.errors import Invalid

PROPERTIES = "resources/properties"
UNITS = {"": 1 / 1024**3, "b": 1 / 1024**3, "k": 1 / 1024**2, "m": 1 / 1024, "g": 1.0}
MEMORY = re.compile(r"(\d+(?:\.\d+)?)([bkmg]?)b?", re.IGNORECASE)
# A size in an argument that is not an amount of the node.
SIZE = re.compile(r"\d{1,12}[bkmgBKMG]?")
# Arguments for a container that are used besides the resources of the job: none gives it more of the machine.
SHM_SIZE, VARIABLES = "--shm-size", ("--env", "-e")
NAMES = {"--cpus": "cores", "--memory": "memoryGB", "-m": "memoryGB", "--gpus": "gpus"}


def read_resources(properties: Mapping, target: ComputeTarget | None) -> Resources | None:
    """The resources in `resources.properties`, else in SDK v1's arguments for a container."""
    if target is None:
        return None
    resources = properties.get("resources") or {}
    requested = resources.get("properties") or {}
    if not any(name in requested for name in ("cores", "memoryGB", "gpus")):
        definition = properties.get("runDefinition") or {}
        arguments = (definition.get("docker") or {}).get("arguments") or resources.get("dockerArgs")
        requested = read_container_arguments(arguments) or {}
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
    """The numbers of `--cpus`, `--memory` and `--gpus`; None if there is an argument that has no effect."""
    pairs = split_container_arguments(arguments)
    if pairs is None:
        return None
    amounts = {NAMES[name]: _read_amount(NAMES[name], text) for name, text in pairs if name in NAMES}
    return {name: amount for name, amount in amounts.items() if amount is not None}


def split_container_arguments(arguments: Any) -> list[tuple[str, str]] | None:
    """Each argument for a container with its value; None if one of them is not among those that are used."""
    if isinstance(arguments, str):
        try:
            arguments = shlex.split(arguments)
        except ValueError:
            return None
    if not isinstance(arguments, list) or not all(isinstance(word, str) for word in arguments):
        return None
    words = []
    for word in arguments:
        # A value may have further equals signs and spaces.
        words += re.split(r"[=\s]+", word.strip(), maxsplit=1) if word.startswith("-") else [word]
    if not words or len(words) % 2:
        return None
    pairs = list(zip(words[::2], words[1::2], strict=True))
    return pairs if all(_is_used(name, value) for name, value in pairs) else None


def _is_used(name: str, value: str) -> bool:
    if name in NAMES:
        return _read_amount(NAMES[name], value) is not None
    return is_size(value) if name == SHM_SIZE else name in VARIABLES and "=" in value


def is_size(text: Any) -> bool:
    return isinstance(text, str) and SIZE.fullmatch(text) is not None


def _read_amount(name: str, text: str) -> float | None:
    match = MEMORY.fullmatch(text)
    if not match or (name != "memoryGB" and match[2]):
        return None
    amount = float(match[1])
    return {"cores": amount, "gpus": amount, "memoryGB": amount * UNITS[match[2].lower()]}.get(name)
