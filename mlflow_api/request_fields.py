"""The fields of a request, from a JSON body or a query string, read with the types of MLflow's messages."""

import json

from mlflow_api.errors import MlflowError, invalid_parameter
from studio import numbers
from studio.formats import NON_FINITE, UNSTORABLE

INT64 = 2**63
# Maximum number of ids, stages or sort keys; a list of them is one query.
MAX_ITEMS = 5_000


# The declared types of fields (mlflow_api/route_fields.py); an object is a dict of fields, a list of objects a list with one.
TEXT, INTEGER, NUMBER, BOOLEAN, TEXTS = "text", "whole", "number", "boolean", "texts"


class Fields:
    """Fields in snake_case or camelCase; unknown fields are ignored, as in MLflow.

    `declared` are those that may be read, None for all.
    """

    def __init__(self, data: dict, declared: dict | None = None):
        self.data, self.declared = data, declared

    @classmethod
    def of_body(cls, body: bytes, declared: dict | None = None) -> "Fields":
        try:
            data = json.loads(body or b"{}")
            # Old clients of MLflow encode a body twice.
            data = json.loads(data or "{}") if isinstance(data, str) else data
        except (ValueError, RecursionError) as error:
            raise MlflowError("BAD_REQUEST", f"The body is not JSON: {error}") from error
        if not isinstance(data, dict):
            raise MlflowError("BAD_REQUEST", f"The body must be a JSON object, not {type(data).__name__}.")
        return cls(data, declared)

    @classmethod
    def of_query(cls, query: dict[str, list[str]], declared: dict | None = None) -> "Fields":
        return cls({name: values if len(values) > 1 else values[0] for name, values in query.items()}, declared)

    def __contains__(self, name: str) -> bool:
        return self._get_value(name) is not None

    def text(self, name: str, default: str | None = None, *, empty: bool = False) -> str:
        """Return a text; required without a default, and not empty unless allowed."""
        value = self._get_value(name, TEXT)
        if value is None or (value == "" and not empty):
            if default is not None:
                return default
            raise _make_missing_error(name)
        if not isinstance(value, str):
            raise _make_value_error(name, value, "Write a text.")
        return _check_storable(value, name)

    def integer(self, name: str, default: int | None = None) -> int:
        value = self._get_value(name, INTEGER)
        if value is None:
            if default is None:
                raise _make_missing_error(name)
            return default
        return parse_whole_number(value, name)

    def number(self, name: str) -> float:
        value = self._get_value(name, NUMBER)
        if value is None:
            raise _make_missing_error(name)
        return parse_number(value, name)

    def boolean(self, name: str, default: bool = False) -> bool:
        value = self._get_value(name, BOOLEAN)
        if value is None:
            return default
        if value in (True, False, "true", "false"):
            return value in (True, "true")
        raise _make_value_error(name, value, "Write true or false.")

    def word(self, name: str, default: str = "") -> str:
        """A value of an enumeration, which protocol buffers may also send as a number."""
        value = self._get_value(name, TEXT)
        return default if value is None else str(value)

    def texts(self, name: str) -> list[str]:
        value = self._get_value(name, TEXTS)
        value = [] if value is None else value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in value):
            raise _make_value_error(name, value, "Write a list of texts.")
        if len(value) > MAX_ITEMS:
            raise invalid_parameter(f"The parameter '{name}' has {len(value)} texts; {MAX_ITEMS} are allowed.")
        return [_check_storable(item, name) for item in value]

    def objects(self, name: str) -> list["Fields"]:
        value = self._get_value(name, list)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise _make_value_error(name, value, "Write a list of objects.")
        return [Fields(item, self.declared and self.declared[name][0]) for item in value]

    def object(self, name: str) -> "Fields":
        value = self._get_value(name, dict)
        if not isinstance(value, dict):
            raise _make_missing_error(name) if value is None else _make_value_error(name, value, "Write an object.")
        return Fields(value, self.declared and self.declared[name])

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """Params or tags: objects of `key` and `value`."""
        return [(item.text("key"), item.text("value", "", empty=True)) for item in self.objects(name)]

    def _get_value(self, name: str, kind=None):
        """`kind` is the declared type; None only checks whether the field is there."""
        if self.declared is not None:
            message = self.declared.get(name)
            if message is None or (kind is not None and kind not in (message, type(message))):
                raise LookupError(
                    f"The field {name} is not declared, or not as {kind}: see mlflow_api/route_fields.py."
                )
        value = self.data.get(name)
        if value is None and "_" in name:
            first, *rest = name.split("_")
            value = self.data.get(first + "".join(word.title() for word in rest))
        return value


def _check_storable(text: str, name: str) -> str:
    if UNSTORABLE.search(text):
        raise invalid_parameter(f"The parameter '{name}' contains a NUL or half of a character.")
    return text


def parse_whole_number(value, name: str) -> int:
    """Accepts JSON numbers and texts of digits, as protocol buffers do."""
    if isinstance(value, str):
        found = numbers.int_or_none(value)
        value = value if found is None else found
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -INT64 <= value < INT64:
        raise _make_value_error(name, value, "Write a whole number from -2^63 to 2^63-1.")
    return value


def parse_number(value, name: str) -> float:
    if isinstance(value, str):
        found = NON_FINITE.get(value, numbers.float_or_none(value))
        if found is None:
            raise _make_value_error(name, value, "Write a number.")
        return found
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _make_value_error(name, value, "Write a number.")
    try:
        return float(value)
    except OverflowError as error:
        raise _make_value_error(name, str(value)[:40], "The number is larger than any float.") from error


def _make_missing_error(name: str) -> MlflowError:
    return invalid_parameter(
        f"Missing value for required parameter '{name}'. See the API docs for more information about request parameters."
    )


def _make_value_error(name: str, value, hint: str) -> MlflowError:
    return invalid_parameter(f"Invalid value {shorten(value)} for parameter '{name}' supplied: {hint}")


def shorten(value, max_length: int = 1000) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return text if len(text) <= max_length else f"{text[:max_length]}…"
