"""Conditions such as `(ds["age"] > 15) & ds["name"].contains("x")`, as the steps of a dataset have them."""

from __future__ import annotations

import datetime as dt
from typing import Any, Dict

from azureml.exceptions import UserErrorException


class Expression:
    """A column, or a condition on columns."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, part: Dict[str, Any]):
        self._part = part

    def _with(self, op: str, other: Any) -> Expression:
        return Expression({"op": op, "of": [self._part, _to_part(other)]})

    def __eq__(self, other: object) -> Any:
        return self._with("eq", other)

    def __ne__(self, other: object) -> Any:
        return self._with("ne", other)

    def __gt__(self, other: Any) -> Expression:
        return self._with("gt", other)

    def __ge__(self, other: Any) -> Expression:
        return self._with("ge", other)

    def __lt__(self, other: Any) -> Expression:
        return self._with("lt", other)

    def __le__(self, other: Any) -> Expression:
        return self._with("le", other)

    def __and__(self, other: Any) -> Expression:
        return self._with("and", other)

    def __or__(self, other: Any) -> Expression:
        return self._with("or", other)

    def __invert__(self) -> Expression:
        return Expression({"op": "not", "of": [self._part]})

    def __bool__(self) -> bool:
        raise UserErrorException("Join conditions with &, | and ~ and brackets, not with and, or and not.")

    def contains(self, value: str) -> Expression:
        return self._with("contains", value)

    def starts_with(self, value: str) -> Expression:
        return self._with("starts_with", value)

    def ends_with(self, value: str) -> Expression:
        return self._with("ends_with", value)

    def is_null(self) -> Expression:
        return Expression({"op": "is_null", "of": [self._part]})


def to_expression(value: Any) -> Dict[str, Any]:
    if not isinstance(value, Expression):
        raise UserErrorException(f"Write a condition such as ds['age'] > 15, not a {type(value).__name__}.")
    return value._part


def _to_part(value: Any) -> Dict[str, Any]:
    if isinstance(value, Expression):
        return value._part
    if isinstance(value, (dt.datetime, dt.date)):
        moment = value if isinstance(value, dt.datetime) else dt.datetime(value.year, value.month, value.day)
        if moment.tzinfo is not None:
            moment = moment.astimezone(dt.timezone.utc).replace(tzinfo=None)
        return {"value": moment.isoformat(), "is_datetime": True}
    item = getattr(value, "item", None)
    return {"value": item() if callable(item) else value}
