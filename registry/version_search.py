"""Conditions on versions of models, for the API and the page."""

from django.db.models import QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from studio.words import split_words


def filter_by_pairs(rows, column: str, pairs: list[str]):
    """Rows whose JSON column has all these names; `name=value` also requires the value."""
    for number, pair in enumerate(pairs):
        name, sign, value = pair.partition("=")
        rows = rows.filter(**{f"{column}__has_key": name})
        if sign:
            alias = f"{column}_{number}"
            rows = rows.alias(**{alias: Cast(KeyTextTransform(name, column), TextField())}).filter(**{alias: value})
    return rows


def filter_by_name(rows: QuerySet, words: str) -> QuerySet:
    """Versions whose model has all words in its name."""
    for word in split_words(words):
        rows = rows.filter(model__name__icontains=word)
    return rows
