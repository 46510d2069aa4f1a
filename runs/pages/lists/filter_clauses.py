"""Conditions in the words of the query box (studio/search/grammar.py), for chips and links that add one."""

import re

from studio.search.grammar import TOKEN, All, BadFilter, Clause, parse

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


def query_key(kind: str, name: str) -> str:
    """`params.lr`, with quotes where the grammar needs them."""
    if kind == "attribute":
        return ATTRIBUTES[name]
    return f"{ENTITIES[kind]}.{name if PLAIN_KEY.fullmatch(name) else quote_key(name)}"


def quote_key(name: str) -> str:
    return f'"{name}"' if "`" in name else f"`{name}`"


def quote_text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def equality(kind: str, name: str, value: str) -> str:
    return f"{query_key(kind, name)} = {quote_text(value)}" if value else f"{query_key(kind, name)} is null"


def add_clause(filter_text: str, clause: str) -> str:
    """The query with one more condition that must hold; without it if it is there."""
    parts = split_conditions(filter_text)
    if clause in parts:
        return remove_clause(parts, clause)
    return " and ".join([*map(_bracket, parts), clause])


def switch_clause(filter_text: str, clause: str) -> tuple[str, bool]:
    """The query with one more choice, or without it if it is there; and whether it is there.

    Of several values of one key any may hold; of two bounds of one key the new one counts.
    """
    parts, wanted = split_conditions(filter_text), parse(clause)
    if clause in parts:
        return remove_clause(parts, clause), True
    for place, part in enumerate(parts):
        found = _parse_clause(part)
        if found and (found.entity, found.key) == (wanted.entity, wanted.key):
            if found.operator in ("=", "in") and wanted.operator == "=":
                values, is_on = _toggle_value(found, wanted.value)
                return _replace_part(parts, place, _any_of_clause(TOKEN.match(clause)["name"], values)), is_on
            if found.operator == wanted.operator:
                return _replace_part(parts, place, clause), False
    return add_clause(filter_text, clause), False


def _parse_clause(part: str) -> Clause | None:
    try:
        found = parse(part)
    except BadFilter:
        return None
    return found if isinstance(found, Clause) else None


def _toggle_value(found: Clause, value: str) -> tuple[list, bool]:
    had = list(found.value) if found.operator == "in" else [found.value]
    return ([one for one in had if one != value], True) if value in had else ([*had, value], False)


def _any_of_clause(name: str, values: list) -> str:
    words = [quote_text(str(value)) for value in values]
    return f"{name} = {words[0]}" if len(words) == 1 else f"{name} in ({', '.join(words)})" if words else ""


def _replace_part(parts: list[str], place: int, part: str) -> str:
    return " and ".join(filter(None, [*parts[:place], part, *parts[place + 1 :]]))


def remove_clause(parts: list[str], clause: str) -> str:
    return " and ".join(part for part in parts if part != clause)


def _bracket(part: str) -> str:
    """In parentheses if an AND after it would reach into it."""
    try:
        return part if isinstance(parse(f"{part} and name is null"), All) else f"({part})"
    except BadFilter:
        return part


def split_conditions(filter_text: str) -> list[str]:
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
