"""Changing rows of the registry: the time is stored with the change, and a JSON column is read under a lock."""

from collections.abc import Callable

from django.db import models, transaction
from django.utils import timezone


def update_row(row: models.Model, **fields) -> None:
    fields["updated_at"] = timezone.now()
    type(row)._default_manager.filter(pk=row.pk).update(**fields)
    for name, value in fields.items():
        setattr(row, name, value)


def change_json(row: models.Model, column: str, change: Callable) -> None:
    """Store `change(value)` of a JSON column; concurrent changes both count."""
    with transaction.atomic():
        stored = type(row)._default_manager.select_for_update().values_list(column, flat=True).get(pk=row.pk)
        update_row(row, **{column: change(stored)})


def without_key(mapping: dict, key: str) -> dict:
    return {name: value for name, value in mapping.items() if name != key}
