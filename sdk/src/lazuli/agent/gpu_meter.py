"""The use of NVIDIA's GPUs, by their library (NVML). Without the driver there are none, which is not an error."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

GIGABYTE = 1024**3


class Cards:
    def __init__(self) -> None:
        self._nvml: Any = None
        self._handles: list[Any] = []
        try:
            import pynvml  # optional: of the extra `agent`
        except ImportError:
            return
        try:
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
        except pynvml.NVMLError:
            return
        self._nvml = pynvml

    def add_to(self, sample: dict[str, Any], trees: Mapping[str, Collection[int]]) -> None:
        """The mean of all cards for the machine, and of those that its processes use for each unit of work."""
        if not self._handles:
            return
        found = [each for handle in self._handles if (each := self._read(handle))]
        if not found:
            return
        sample["gpu"] = round(sum(card["gpu"] for card in found) / len(found), 1)
        sample["gpuMemory"] = round(sum(card["memory"] for card in found) / GIGABYTE, 2)
        sample["gpuPower"] = round(sum(card["power"] for card in found), 1)
        sample["gpuTemperature"] = max(card["temperature"] for card in found)
        for work, pids in trees.items():
            own = [card for card in found if not card["processes"].keys().isdisjoint(pids)]
            if own:
                sample["work"][work]["gpu"] = round(sum(card["gpu"] for card in own) / len(own), 1)
                used = sum(card["processes"].get(pid, 0) for card in own for pid in pids)
                sample["work"][work]["gpuMemory"] = round(used / GIGABYTE, 2)

    def _read(self, handle: Any) -> dict[str, Any] | None:
        nvml = self._nvml
        try:
            running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
            return {
                "gpu": nvml.nvmlDeviceGetUtilizationRates(handle).gpu,
                "memory": nvml.nvmlDeviceGetMemoryInfo(handle).used,
                "power": nvml.nvmlDeviceGetPowerUsage(handle) / 1000,
                "temperature": nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU),
                "processes": {process.pid: process.usedGpuMemory or 0 for process in running},
            }
        except nvml.NVMLError:
            # A card that is lost, or of a model that does not report it.
            return None
