"""`diagnostic_log`: write everything that the SDK logs to a file."""

from __future__ import annotations

import logging
from typing import Any, Iterable, List, Optional


class diagnostic_log:
    """While active (`with`, or between start_capture and stop_capture), log records go to a file as well."""

    def __init__(
        self,
        log_path: Optional[str] = None,
        namespaces: Optional[Iterable[str]] = None,
        context_name: Optional[str] = None,
    ):
        self._path = log_path or "debug.log"
        self._loggers: List[logging.Logger] = [
            logging.getLogger(name) for name in (namespaces or ("azureml", "lazuli", "httpx"))
        ]
        self._levels: List[int] = []
        self._context = context_name.replace("%", "%%") + " " if context_name else ""
        self._handler: Optional[logging.Handler] = None

    def start_capture(self) -> None:
        if self._handler is not None:
            return
        self._handler = logging.FileHandler(self._path, encoding="utf-8")
        layout = f"%(asctime)s {self._context}%(name)s %(levelname)s %(message)s"
        self._handler.setFormatter(logging.Formatter(layout))
        self._levels = [logger.level for logger in self._loggers]
        for logger in self._loggers:
            logger.setLevel(logging.DEBUG)
            logger.addHandler(self._handler)

    def stop_capture(self) -> None:
        if self._handler is None:
            return
        for logger, level in zip(self._loggers, self._levels):
            logger.removeHandler(self._handler)
            logger.setLevel(level)
        self._handler.close()
        self._handler = None

    def __enter__(self) -> None:
        self.start_capture()

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        self.stop_capture()
