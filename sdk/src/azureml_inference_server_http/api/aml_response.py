"""`AMLResponse`."""

from lazuli.scoring.messages import Response as AMLResponse

__all__ = ["AMLResponse"]
