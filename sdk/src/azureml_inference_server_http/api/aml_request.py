"""`AMLRequest` and `rawhttp`."""

from lazuli.scoring.messages import Request as AMLRequest
from lazuli.scoring.messages import rawhttp

__all__ = ["AMLRequest", "rawhttp"]
