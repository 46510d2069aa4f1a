"""Notes on the address of a list: wrong values of its parameters, and names that no run has."""

import difflib

from runs import search
from runs.pages.lists import facets, list_query
from runs.pages.lists.columns import Column, parse_column, value_rows
from studio.errors import Invalid

KINDS = {"metric": "metric", "min": "metric", "max": "metric", "param": "parameter", "tag": "tag"}
NAMES = {"metric": "metrics", "parameter": "params", "tag": "tags"}
# Each name that is looked for is a query.
MAX_NAMES = 5


def list_notes(table) -> list[str]:
    """Sentences for the bar above the table."""
    notes = [f"Ignored: {text}" for text in table.refused]
    if table.error:
        return [*notes, "The query has an error, so it does not narrow the list."]
    wanted, is_whole = table.options["page"] or 1, not (table.group_by and table.is_adding_up)
    if wanted > 1 and is_whole and wanted > (last := table.page.paginator.num_pages):
        notes.append(f"There is no page {wanted:,}: this is the last one, page {last:,}.")
    missing = _find_missing(table)
    names = facets.names_of(facets.read_facets(table)) if missing else {}
    return notes + [_describe_missing(kind, name, names[NAMES[kind]]) for kind, name in missing]


def _describe_missing(kind: str, name: str, present: list[str]) -> str:
    near = difflib.get_close_matches(name[:60], present, 1)
    return f"No job of this list has the {kind} {name[:60]}.{f' Did you mean {near[0]}?' if near else ''}"


def _find_missing(table) -> list[tuple[str, str]]:
    """Kind and name of what the address names and no run of the list has."""
    named = dict.fromkeys([(KINDS[one.kind], one.name) for one in _named_columns(table.options) if one.kind in KINDS])
    if not named or not table.newest_keys:
        return []
    newest = {pair for kind in {kind for kind, _ in named} for pair in _names_of_newest(table, kind, named)}
    missing = [pair for pair in named if pair not in newest][:MAX_NAMES]
    return [pair for pair in missing if not _value_rows(*pair).filter(run__in=table.scope.order_by()).exists()]


def _value_rows(kind: str, name: str):
    return value_rows(parse_column(f"{'param' if kind == 'parameter' else kind}-{name}"))


def _names_of_newest(table, kind: str, named) -> list[tuple[str, str]]:
    names = [name for its, name in named if its == kind]
    rows = _value_rows(kind, names[0]).model.objects.filter(run__in=table.newest_keys, name__in=names).order_by()
    return [(kind, name) for name in rows.values_list("name", flat=True).distinct()]


def _named_columns(options: dict) -> list[Column]:
    words = [*options["col"], *[word.removeprefix("-") for word in options["sort"]], options["group"]]
    words += [f"metric-{name}" for name in options["chart"]]
    for clause in list_query.list_clauses(options["filter"]):
        kind = search.ENTITIES.get(clause.entity)
        is_column = kind == search.TAG and clause.key in search.TAG_COLUMNS
        if kind in (search.METRIC, search.PARAM, search.TAG) and clause.operator != "is null" and not is_column:
            words.append(f"{kind}-{clause.key}")
    return [column for word in words if word and (column := _parse_or_none(word))]


def _parse_or_none(word: str) -> Column | None:
    try:
        return parse_column(word)
    except Invalid:
        return None
