"""Change the level of a logger temporarily."""

from __future__ import annotations

import logging
from typing import Any

from azureml import _absent


class NewLoggingLevel:
    """`with NewLoggingLevel(name, level) as logger:` — the previous level is restored at the end."""

    def __init__(self, logger_name: str, level: int = logging.WARNING):
        self.logger_name = logger_name
        self.new_level = level
        self.logger = logging.getLogger(logger_name)
        self.old_level = self.logger.level

    def __enter__(self) -> logging.Logger:
        self.old_level = self.logger.level
        self.logger.setLevel(self.new_level)
        return self.logger

    def __exit__(self, et: Any, ev: Any, tb: Any) -> None:
        self.logger.setLevel(self.old_level)


__getattr__ = _absent.find_missing(__name__)

__all__ = ["NewLoggingLevel"]
