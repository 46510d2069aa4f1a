"""The context that joins inputs and outputs of one request."""

from __future__ import annotations

from typing import Dict, Optional

from azureml import _absent


class CorrelationContext:
    """The base of contexts of a script's own."""

    def get_id(self) -> str:
        raise NotImplementedError("A context has get_id().")

    def get_headers(self) -> Dict[str, str]:
        return {}


class BasicCorrelationContext(CorrelationContext):
    def __init__(self, id: str = "", headers: Optional[Dict[str, str]] = None):
        self.id, self.headers = id, headers or {}

    def get_id(self) -> str:
        return self.id

    def get_headers(self) -> Dict[str, str]:
        return self.headers


__getattr__ = _absent.find_missing(__name__)
