"""Conditions in the words of the query box (runs/search/grammar.py), for chips and links that add one."""

import re

from runs.search.grammar import Any, BadFilter, parse

PLAIN_KEY = re.compile(r"[^\W\d][\w/:-]*")
ENTITIES = {"param": "params", "tag": "tags", "metric": "metrics"}
# Columns of a list that have another name in a query.
ATTRIBUTES = {
    "by": "created_by",
    "target": "compute",
    "experiment": "experiment",
    "status": "status",
    "type": "type",
    "name": "name",
}


def key(kind: str, name: str) -> str:
    """`params.lr`, with quotes where the grammar needs them."""
    if kind == "attribute":
        return ATTRIBUTES[name]
    return f"{ENTITIES[kind]}.{name if PLAIN_KEY.fullmatch(name) else quoted_key(name)}"


def quoted_key(name: str) -> str:
    return f'"{name}"' if "`" in name else f"`{name}`"


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def equal(kind: str, name: str, value: str) -> str:
    return f"{key(kind, name)} = {text(value)}" if value else f"{key(kind, name)} is null"


def added(filter_text: str, clause: str) -> str:
    """The query with one more condition that must hold; without it if it is there."""
    if not filter_text.strip():
        return clause
    parts = filter_text.split(" and ")
    if clause in parts:
        return " and ".join(part for part in parts if part != clause)
    return f"({filter_text}) and {clause}" if _is_alternative(filter_text) else f"{filter_text} and {clause}"


def _is_alternative(filter_text: str) -> bool:
    """Whether it is parts joined by OR, which binds less than the AND to come."""
    try:
        return isinstance(parse(filter_text), Any)
    except BadFilter:
        return False
