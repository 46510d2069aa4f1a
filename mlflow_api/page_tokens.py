"""Page tokens: the start of the next page, encoded so that clients cannot rely on its value."""

import base64
import binascii

from mlflow_api.errors import invalid_parameter
from mlflow_api.request_fields import Fields
from studio import numbers

MARK = b"at:"
# No list has so many rows.
MAX_START = 10**12


def requested_page(fields: Fields, default: int, max_results: int) -> tuple[int, int]:
    """How many rows a request wants, and from which on."""
    count = fields.integer("max_results", default)
    if not 0 < count <= max_results:
        raise invalid_parameter(
            f"Invalid value {count} for parameter 'max_results' supplied: write a number from 1 to {max_results}."
        )
    return count, parse_token(fields.text("page_token", ""))


def make_token(start: int) -> str:
    return base64.urlsafe_b64encode(MARK + str(start).encode()).decode()


def parse_token(token: str) -> int:
    """0 for no token, the first page."""
    if not token:
        return 0
    try:
        text = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        text = b""
    start = numbers.int_or_none(text[len(MARK) :].decode(errors="replace")) if text.startswith(MARK) else None
    if start is None or not 0 <= start <= MAX_START:
        raise invalid_parameter(f"Invalid page token '{token[:100]}'. Send the token of the previous page unchanged.")
    return start
