"""A logger's level, changed for a while."""

from __future__ import annotations

import logging
from typing import Any


class NewLoggingLevel:
    """`with NewLoggingLevel(name, level) as logger:` — the level that was comes back at the end."""

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


__all__ = ["NewLoggingLevel"]
