"""`Collector`: data frames of an entry script, stored as those of a `ModelDataCollector`."""

from __future__ import annotations

import os
from typing import Any, Callable, Optional, Tuple

from lazuli.scoring import telemetry

from azureml import _absent
from azureml.ai.monitoring.context import BasicCorrelationContext, CorrelationContext
from azureml.monitoring import ModelDataCollector


class Collector:
    """`name` is such as `model_inputs`. Errors go to `on_error` if it is given, otherwise they are raised."""

    def __init__(self, *, name: str, on_error: Optional[Callable[[Exception], Any]] = None):
        model, version = _find_model()
        self.name, self.on_error = name, on_error
        self._collector = ModelDataCollector(model, designation=name, model_version=version)

    def collect(
        self, data: Any, correlation_context: Optional[CorrelationContext] = None
    ) -> Optional[CorrelationContext]:
        """Collect the rows of a data frame; returns the context for the outputs that belong to them."""
        context = correlation_context or BasicCorrelationContext(telemetry.find_request_id())
        try:
            if not hasattr(data, "columns"):
                raise TypeError(f"collect() takes a data frame of pandas, not {type(data).__name__}.")
            self._collector.collect(data, context.get_id())
        except (TypeError, ValueError) as error:
            if self.on_error is None:
                raise
            self.on_error(error)
        return context


def _find_model() -> Tuple[str, str]:
    """Name and version of the only model of the service."""
    above, version = os.path.split(os.environ.get("AZUREML_MODEL_DIR", ""))
    name = os.path.basename(above)
    return (name, version) if version.isdigit() and name else ("default", "default")


__getattr__ = _absent.find_missing(__name__)
