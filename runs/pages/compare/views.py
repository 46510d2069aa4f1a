"""Runs side by side. All settings are in the URL (runs/pages/compare/query.py), so that a link shows the same."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from runs.charts import colours
from runs.pages.access import find_runs, find_workspace
from runs.pages.compare import (
    code_tab,
    curves,
    details_tab,
    images_tab,
    logs_tab,
    metrics_tab,
    plots,
    selection,
    table_export,
)
from runs.pages.compare.query import IDS, ONCE, REPEATED, TABS, CompareQuery, UnknownName
from runs.pages.lists import tables
from runs.pages.lists.list_query import describe_refused, drop_refused
from studio import numbers
from studio.errors import Invalid
from studio.htmx import render_page
from studio.list_parameters import find_unknown
from studio.repeated_polls import nothing_new
from studio.words import split_words

CONTEXTS = {
    "details": details_tab.build_context,
    "metrics": metrics_tab.build_context,
    "charts": curves.build_context,
    "scatter": plots.build_scatter_context,
    "parallel": plots.build_parallel_context,
    "images": images_tab.build_context,
    "logs": logs_tab.build_context,
    "code": code_tab.build_context,
}
TABLES = {
    "details": details_tab.build_table,
    "metrics": metrics_tab.build_table,
    "scatter": plots.build_scatter_table,
    "parallel": plots.build_parallel_table,
}
# How many wrong parameters are ignored before the URL counts as invalid.
MAX_REFUSED = 20
# Parameters of the requests of the page, which are not part of its address.
TRANSIENT = ("set", "seen", "find")
# Runs that the search offers at once.
MAX_OFFERED = 20
# Keyboard shortcuts of static/js/compare/, for the help that "?" opens.
SHORTCUTS = [
    (["1", "–", str(len(TABS))], ", ".join(TABS.values())),
    (["n", "p"], "Next, previous difference in parameters, metrics, logs and code"),
    (["o"], "Only differences, or all rows"),
    (["j", "k"], "Code: next, previous file"),
    (["f"], "Enlarge or shrink the chart under the mouse or with the focus"),
    (["a"], "Add jobs"),
    (["v"], "Jobs that are compared: remove some, choose the baseline"),
]


@require_safe
def compare(request, slug):
    """`?runs=id,id,…`: a tab of the comparison, or the search for runs if there are fewer than two."""
    scope = find_runs(request, slug)
    query, refused = drop_refused(request.GET, CompareQuery.parse)
    # Forms encode commas as %2C; redirect to the shorter URL.
    if not refused and (query.has_defaults or "%2C" in request.META["QUERY_STRING"]):
        return redirect(f"{request.path}?{query.urlencode()}")
    # The poll of a page with active runs.
    if selection.is_unchanged(scope, query, request.GET.get("seen", "")):
        return nothing_new()
    (query, selected), notes = _ignore_refused(query, lambda left: selection.load_selection(scope, left, request.user))
    context = {
        "query": query,
        "selected": selected,
        "notes": [*describe_refused(refused), *notes],
        "unknown": find_unknown(request.GET, [*ONCE, *REPEATED, *IDS], TRANSIENT),
        "tabs": _tab_links(query),
        "visible": (),
        "min_runs": selection.MIN_RUNS,
        "max_runs": selection.MAX_RUNS,
        "page_keys": SHORTCUTS,
        "has_table": query["tab"] in TABLES,
    }
    if len(selected) < selection.MIN_RUNS:
        context |= _offered_context(scope, request, query)
    else:
        more, notes = _ignore_refused(query, lambda left: _tab_context(selected, left))
        context |= {**more, "notes": [*context["notes"], *notes]}
    context["hidden"] = context["query"].pairs(*context["visible"])
    return render_page(request, "runs/compare/page.html", context, partial="compare")


def _ignore_refused(query: CompareQuery, read: Callable[[CompareQuery], Any]) -> tuple[Any, list[str]]:
    """`read` of the query without what it refuses or none of the runs has, and notes about that."""
    notes: list[str] = []
    while True:
        try:
            return read(query), notes
        except Invalid as error:
            left = query.without_refused(error)
            if left is None or len(notes) == MAX_REFUSED:
                raise
            notes.append(f"{error.message} It is {'not shown' if isinstance(error, UnknownName) else 'ignored'}.")
            query = left


def _tab_context(selected: selection.RunSelection, query: CompareQuery) -> dict:
    tab = query["tab"]
    more = {"query": query, "tabs": _tab_links(query), "piece": f"runs/compare/{tab}.html"}
    return {**CONTEXTS[tab](selected, query), **more}


def _tab_links(query: CompareQuery) -> list[tuple[str, str, str]]:
    return [(key, label, query.query_for_tab(key)) for key, label in TABS.items()]


@require_safe
def compare_table(request, slug):
    """The whole table of a tab as text: `?as=csv` to save, `tsv` or `markdown` to copy."""
    query, selected = selection.load_selection(find_runs(request, slug), CompareQuery.parse(request.GET), request.user)
    form, tab = request.GET.get("as", "csv"), query["tab"]
    if form not in table_export.FORMATS:
        raise Invalid(f"as={form!r}: write one of {', '.join(table_export.FORMATS)}.", target="as")
    if tab not in TABLES:
        raise Invalid(f"tab={tab!r} has no table; these have one: {', '.join(TABLES)}.", target="tab")
    if not selected.runs:
        raise Invalid("runs: none of these jobs exists.", target="runs")
    write, kind = table_export.FORMATS[form]
    response = HttpResponse(write(TABLES[tab](selected, query)), content_type=kind)
    if form == "csv":
        response.headers["Content-Disposition"] = f'attachment; filename="compare-{tab}.csv"'
    return response


@require_POST
def compare_selected(request, slug):
    """Redirects from the selected rows of a list, `run` (repeated), to a URL that can be shared."""
    find_workspace(request, slug)
    ids = list(dict.fromkeys(request.POST.getlist("run")))
    if not selection.MIN_RUNS <= len(ids) <= selection.MAX_RUNS:
        raise Invalid(
            f"Select {selection.MIN_RUNS} to {selection.MAX_RUNS} jobs to compare; {len(ids)} are selected.",
            target="run",
        )
    query = CompareQuery.parse(request.GET)
    for run_id in ids:
        query = query.with_change("add", run_id)
    return redirect(f"{reverse('runs:compare', args=[slug])}?{query.urlencode()}")


@require_safe
def compare_curve(request, slug):
    """The chart of the metric `?name=`, or of a range, as JSON for static/js/compare/curves.js; 204 if unchanged since `?seen=`."""
    scope = find_runs(request, slug)
    query = CompareQuery.parse(request.GET)
    if selection.is_unchanged(scope, query, request.GET.get("seen", "")):
        return nothing_new()
    query, selected = selection.load_selection(scope, query, request.user)
    figure = curves.build_figure(selected, request.GET.get("name", ""), query, _requested_range(request.GET))
    return JsonResponse({"figure": figure, "live": selected.is_live, "seen": selected.token})


def _requested_range(params) -> tuple[float, float] | None:
    """`?from=` and `&to=`, on the chart's axis: steps, or milliseconds since 1970."""
    given = [params.get(name, "") for name in ("from", "to")]
    if not any(given):
        return None
    start, end = map(numbers.float_or_none, given)
    if start is None or end is None or start > end:
        raise Invalid(
            f"from={given[0][:40]!r}, to={given[1][:40]!r}: write two numbers, the smaller one first.", target="from"
        )
    return start, end


@require_safe
def compare_find(request, slug):
    """Runs that can be added, filtered by `?find=`."""
    scope = find_runs(request, slug)
    query = CompareQuery.parse(request.GET)
    context = {"query": query, "hidden": query.pairs(), **_offered_context(scope, request, query)}
    return render_page(request, "runs/compare/find.html", context, partial="compare-found")


def _offered_context(scope, request, query: CompareQuery) -> dict:
    """The newest matching runs that are not compared yet."""
    words = split_words(request.GET.get("find", ""), "find")
    rows = scope.exclude(run_id__in=query["runs"]).select_related("experiment")
    rows = rows.annotate(own_colour=colours.chosen_colour(request.user))
    for word in words:
        rows = rows.filter(tables.match_word(word))
    offered = list(rows.order_by("-created_at", "-pk")[:MAX_OFFERED])
    own = colours.assign_colours(offered)
    for run in offered:
        run.colour = own[run.pk]
    return {"find": " ".join(words), "offered": offered, "is_full": len(query["runs"]) >= selection.MAX_RUNS}
