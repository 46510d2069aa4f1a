"""Runs side by side. All that is shown is in the address (runs/pages/compare/query.py), so that a link shows the same."""

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from runs.charts import colours
from runs.pages.access import runs_of, workspace_of
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
from runs.pages.compare.query import TABS, Absent, Asked
from runs.pages.lists import tables
from studio import numbers
from studio.errors import Invalid
from studio.htmx import render_page
from studio.words import split_search

CONTEXTS = {
    "details": details_tab.context,
    "metrics": metrics_tab.context,
    "charts": curves.context,
    "scatter": plots.scatter_context,
    "parallel": plots.parallel_context,
    "images": images_tab.context,
    "logs": logs_tab.context,
    "code": code_tab.context,
}
TABLES = {
    "details": details_tab.table,
    "metrics": metrics_tab.table,
    "scatter": plots.scatter_table,
    "parallel": plots.parallel_table,
}
# Words of an address that are left out before it counts as wrong.
MOST_ABSENT = 20
# Runs that the search for more of them offers at once.
FOUND = 20
# What static/js/compare.js and the scripts of the tabs listen to, for the help that "?" opens.
KEYS = [
    (["1", "–", str(len(TABS))], ", ".join(TABS.values())),
    (["n", "p"], "Next, previous difference: in parameters, metrics, logs and code"),
    (["o"], "Only differences, or all rows"),
    (["j", "k"], "Code: next, previous file"),
    (["f"], "Chart under the mouse, or with the focus: large or small"),
    (["a"], "Add jobs"),
    (["v"], "Jobs that are compared: remove some, choose the baseline"),
]


@require_safe
def compare(request, slug):
    """`?runs=id,id,…`; one tab of the comparison, or the search for runs while there are not two."""
    scope = runs_of(request, slug)
    asked = Asked.read(request.GET)
    # Forms write commas as %2C; the shorter address is the one to share.
    if asked.is_untidy or "%2C" in request.META["QUERY_STRING"]:
        return redirect(f"{request.path}?{asked.query()}")
    # A page that is open while its runs go on asks whether they are as it knows them.
    if selection.are_as_known(scope, asked, request.GET.get("seen", "")):
        return HttpResponse(status=204)
    asked, found = selection.load(scope, asked)
    context = {
        "asked": asked,
        "chosen": found,
        "tabs": _tabs(asked),
        "visible": (),
        "least": selection.LEAST,
        "most": selection.MOST,
        "page_keys": KEYS,
        "has_table": asked["tab"] in TABLES,
    }
    if len(found) < selection.LEAST:
        context |= _offered(scope, request, asked)
    else:
        context |= _shown(found, asked)
    context["hidden"] = context["asked"].pairs(*context["visible"])
    return render_page(request, "runs/compare/page.html", context, partial="compare")


def _shown(found: selection.Chosen, asked: Asked) -> dict:
    """What the tab shows. Words that name what none of the runs has are said and left out."""
    absent = []
    while True:
        try:
            context = CONTEXTS[asked["tab"]](found, asked)
        except Absent as error:
            if len(absent) == MOST_ABSENT:
                raise
            absent.append(error.message)
            asked = asked.forget(error.target, error.value)
        else:
            more = {"asked": asked, "tabs": _tabs(asked), "absent": absent}
            return {**context, **more, "piece": f"runs/compare/{asked['tab']}.html"}


def _tabs(asked: Asked) -> list[tuple[str, str, str]]:
    return [(key, label, asked.of_tab(key)) for key, label in TABS.items()]


@require_safe
def compare_table(request, slug):
    """The table of a tab, all its pages, as text: `?as=csv` to save, `tsv` or `markdown` to copy."""
    asked, found = selection.load(runs_of(request, slug), Asked.read(request.GET))
    form, tab = request.GET.get("as", "csv"), asked["tab"]
    if form not in table_export.FORMS:
        raise Invalid(f"as={form!r}: write one of {', '.join(table_export.FORMS)}.", target="as")
    if tab not in TABLES:
        raise Invalid(f"tab={tab!r} has no table; these have one: {', '.join(TABLES)}.", target="tab")
    if not found.runs:
        raise Invalid("runs: none of these runs is there.", target="runs")
    write, kind = table_export.FORMS[form]
    response = HttpResponse(write(TABLES[tab](found, asked)), content_type=kind)
    if form == "csv":
        response.headers["Content-Disposition"] = f'attachment; filename="compare-{tab}.csv"'
    return response


@require_POST
def compare_chosen(request, slug):
    """The ticked rows of a list of jobs, `run` (repeated), as an address that can be shared."""
    workspace_of(request, slug)
    ids = list(dict.fromkeys(request.POST.getlist("run")))
    if not selection.LEAST <= len(ids) <= selection.MOST:
        raise Invalid(
            f"Choose from {selection.LEAST} to {selection.MOST} runs to compare; {len(ids)} are chosen.", target="run"
        )
    asked = Asked.read(request.GET)
    for run_id in ids:
        asked = asked.changed("add", run_id)
    return redirect(f"{reverse('runs:compare', args=[slug])}?{asked.query()}")


@require_safe
def compare_curve(request, slug):
    """The chart of the metric `?name=` or a stretch of it, as JSON for static/js/compare-charts.js; nothing while the runs are as at `?seen=`."""
    scope = runs_of(request, slug)
    asked = Asked.read(request.GET)
    if selection.are_as_known(scope, asked, request.GET.get("seen", "")):
        return HttpResponse(status=204)
    asked, found = selection.load(scope, asked)
    figure = curves.figure(found, request.GET.get("name", ""), asked, _stretch(request.GET))
    return JsonResponse({"figure": figure, "live": found.is_live, "seen": found.token})


def _stretch(query) -> tuple[float, float] | None:
    """`?from=` and `&to=`, on the chart's axis: steps, or milliseconds since 1970."""
    given = [query.get(name, "") for name in ("from", "to")]
    if not any(given):
        return None
    least, most = map(numbers.float_or_none, given)
    if least is None or most is None or least > most:
        raise Invalid(
            f"from={given[0][:40]!r}, to={given[1][:40]!r}: write two numbers, the smaller one first.", target="from"
        )
    return least, most


@require_safe
def compare_find(request, slug):
    """Runs that can be added, by the words of `?find=`."""
    scope = runs_of(request, slug)
    asked = Asked.read(request.GET)
    context = {"asked": asked, "hidden": asked.pairs(), **_offered(scope, request, asked)}
    return render_page(request, "runs/compare/find.html", context, partial="compare-found")


def _offered(scope, request, asked: Asked) -> dict:
    """The newest runs that have these words and are not compared yet."""
    words = split_search(request.GET.get("find", ""), "find")
    rows = scope.exclude(run_id__in=asked["runs"]).select_related("experiment")
    for word in words:
        rows = rows.filter(tables.matches(word))
    offered = list(rows.order_by("-created_at", "-pk")[:FOUND])
    for run in offered:
        run.colour = colours.place(run.pk)
    return {"find": " ".join(words), "offered": offered, "is_full": len(asked["runs"]) >= selection.MOST}
