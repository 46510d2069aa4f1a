"""The values of tags and properties as texts, which is all that they can be."""

from __future__ import annotations

import logging
from typing import Any, Dict, Mapping, Optional

from lazuli.errors import UserErrorException

logger = logging.getLogger("azureml")


def convert_to_texts(values: Mapping[str, Any], what: str, plural: str) -> Dict[str, Optional[str]]:
    """Convert the values to text. Raises UserErrorException if `values` (named `plural` in the message) is not a dict."""
    if not isinstance(values, Mapping):
        raise UserErrorException(f"{plural} must be a dict, not a {type(values).__name__}.")
    for key, value in values.items():
        if value is not None and not isinstance(value, str):
            logger.warning("The %s %r is stored as text: %s", what, key, value)
    return {str(key): value if value is None or isinstance(value, str) else str(value) for key, value in values.items()}
