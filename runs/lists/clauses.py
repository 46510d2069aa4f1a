"""Conditions in the words of the query box (runs/search/grammar.py), for chips and links that add one."""

import re

from runs.search.grammar import TOKEN, All, BadFilter, parse

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
    parts = conditions(filter_text)
    if clause in parts:
        return without(parts, clause)
    return " and ".join([*map(_bracketed, parts), clause])


def without(parts: list[str], clause: str) -> str:
    return " and ".join(part for part in parts if part != clause)


def _bracketed(part: str) -> str:
    """In parentheses if an AND after it would reach into it."""
    try:
        return part if isinstance(parse(f"{part} and name is null"), All) else f"({part})"
    except BadFilter:
        return part


def conditions(filter_text: str) -> list[str]:
    """The parts of a query that must all hold, as they are written; the whole as one if parts are joined by OR."""
    try:
        parse(filter_text)
    except BadFilter:
        return [filter_text.strip()]
    parts, start, depth = [], 0, 0
    for token in TOKEN.finditer(filter_text):
        depth += {"(": 1, ")": -1}.get(token["mark"], 0)
        word = (token["name"] or "").lower() if not depth else ""
        if word == "or":
            return [filter_text.strip()]
        if word == "and":
            parts.append(filter_text[start : token.start()].strip())
            start = token.end()
    return [part for part in [*parts, filter_text[start:].strip()] if part]
