"""The resources of this machine: cores, memory, GPUs."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from lazuli.agent.gpus import list_gpus
from lazuli.runner.script_limits import DISK_VARIABLE


class WrongOffer(Exception):
    """HOST_CORES, HOST_MEMORY_GB or NODE_DISK_GB is not a number."""


@dataclasses.dataclass(frozen=True)
class Machine:
    cores: int
    memory_gb: float
    gpus: int = 0


def read_machine(environ: Mapping[str, str]) -> Machine:
    """The resources of the machine for nodes: all of it, or HOST_CORES and HOST_MEMORY_GB, which can also be more."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    cores = _read_offer(environ, "HOST_CORES", os.cpu_count() or 1, 10_000)
    offered = _read_offer(environ, "HOST_MEMORY_GB", memory, 1_000_000)
    # Runners use it; a wrong one is refused before the first of them starts.
    _read_offer(environ, DISK_VARIABLE, 1, 1_000_000)
    return Machine(int(cores), round(offered, 1), len(list_gpus()))


def _read_offer(environ: Mapping[str, str], name: str, default: float, max_value: float) -> float:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= max_value:
        raise WrongOffer(f"{name}={text!r}: write a number from 1 to {max_value:,.0f}")
    return value
