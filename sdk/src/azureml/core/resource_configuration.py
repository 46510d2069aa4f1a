"""`ResourceConfiguration`: the resources of a deployed model."""

from __future__ import annotations

from typing import Any, Dict, Optional

from azureml import _absent

__all__ = ["ResourceConfiguration"]


class ResourceConfiguration:
    """Cores, memory in GB and graphics cards."""

    def __init__(self, cpu: Optional[float] = None, memory_in_gb: Optional[float] = None, gpu: Optional[int] = None):
        self.cpu = cpu
        self.memory_in_gb = memory_in_gb
        self.gpu = gpu

    def serialize(self) -> Dict[str, Any]:
        return {"cpu": self.cpu, "memoryInGB": self.memory_in_gb, "gpu": self.gpu}

    @staticmethod
    def deserialize(payload_obj: Optional[Dict[str, Any]]) -> Optional[ResourceConfiguration]:
        if not payload_obj or not any(value is not None for value in payload_obj.values()):
            return None
        return ResourceConfiguration(payload_obj.get("cpu"), payload_obj.get("memoryInGB"), payload_obj.get("gpu"))


__getattr__ = _absent.find_missing(__name__)
