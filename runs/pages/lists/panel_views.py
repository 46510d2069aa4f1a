"""Panels next to a list of runs (separate pages without JavaScript), saved views and stars."""

from django.contrib import messages
from django.http import QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from runs import objectives
from runs.charts.run_charts import MAX_CHARTS
from runs.metric_order import better_direction, sort_metrics
from runs.models import SavedView, Star, saved_views
from runs.pages.access import find_run, find_workspace, is_allowed, require_permission, return_url
from runs.pages.lists import columns, facets, groups, list_query
from runs.pages.lists.list_query import RunFilter
from runs.pages.lists.views import build_table, list_url, requested_experiment
from runs.rules import VIEW_NAME
from studio import numbers
from studio.errors import Conflict, Invalid
from studio.htmx import render_page, wants_piece
from studio.public_url import public_url
from studio.search.grammar import parse_filter

TITLES = {
    "columns": "Columns",
    "filters": "Filters",
    "charts": "Charts",
    "group": "Group by",
    "sort": "Sort",
    "views": "Views",
}
MAX_QUERY_LENGTH = 3500


@require_safe
def list_panel(request, slug, what):
    """A panel of TITLES for the list with this query string."""
    experiment = requested_experiment(request, slug)
    if what not in TITLES:
        raise Invalid(f"{what!r} is not a panel: write one of {', '.join(TITLES)}.")
    table = build_table(request, slug, experiment)
    context = {"what": what, "title": TITLES[what], "table": table, "experiment": experiment}
    context |= {
        "list_url": list_url(slug, experiment, table.options["parent"]),
        "query": table.query.urlencode(),
        "is_piece": wants_piece(request),
        **CONTEXTS[what](request, table),
    }
    return render_page(request, "runs/panel.html", context, partial="list-panel-body")


def _columns_context(request, table) -> dict:
    shown = table.columns
    names = facets.names_of(facets.read_facets(table))
    chosen = {one.id for one in shown}
    offered = [
        ("Properties of the job", [columns.parse_column(word) for word in columns.ATTRIBUTES]),
        (
            "Metrics",
            [columns.parse_column(f"{kind}-{name}") for name in names["metrics"] for kind in columns.METRIC_COLUMNS],
        ),
        ("Parameters", [columns.parse_column(f"param-{name}") for name in names["params"]]),
        ("Tags", [columns.parse_column(f"tag-{name}") for name in names["tags"]]),
        ("Azure properties", [columns.parse_column(f"property-{name}") for name in names["properties"]]),
    ]
    offered = [(label, [one for one in found if one.id not in chosen]) for label, found in offered]
    return {
        "shown": shown,
        "offered": [pair for pair in offered if pair[1]],
        "max_count": columns.MAX_COLUMNS,
        "metric_names": list(
            dict.fromkeys(filter(None, [table.objective.name, *sort_metrics(dict.fromkeys(names["metrics"], 1))]))
        ),
        "may_edit": is_allowed(request, "edit"),
    }


def _filters_context(request, table) -> dict:
    present = table.options["filter"]
    counts = facets.read_facets(table)
    found = facets.list_facets(counts, table.experiment is None)
    for facet in found:
        facet.links = []
        for label, number, clause in facet.options:
            query, is_on = list_query.switch_clause(present, clause)
            url = list_query.change_query(table.query, filter=query or None, page=None)
            facet.links.append((label, number, url, is_on, clause))
    return {
        "facets": found,
        "ranges": facets.list_ranges(counts),
        "is_partial": counts.get("is_partial"),
        "hidden": list_query.hidden_fields(table.query, "page"),
        "without_filter": list_query.change_query(table.query, filter=None, page=None),
    }


def _charts_context(request, table) -> dict:
    fields = RunFilter.base_fields
    return {
        "names": list(dict.fromkeys([*table.charted, *table.common_metrics])),
        "max_count": MAX_CHARTS,
        "bands": fields["band"].choices,
        "across": fields["across"].choices,
        "may_edit": is_allowed(request, "edit"),
    }


def _group_context(request, table) -> dict:
    names = facets.names_of(facets.read_facets(table))
    by_name = [(f"param-{name}", f"Parameter {name}") for name in names["params"]]
    by_name += [(f"tag-{name}", f"Tag {name}") for name in names["tags"]]
    attributes = [(word, columns.ATTRIBUTES[word][0]) for word in groups.BY]
    hidden = list_query.hidden_fields(table.query, "group", "unfold", "page", "open")
    return {"choices": attributes + by_name, "hidden": hidden, "present": table.options["group"]}


def _sort_context(request, table) -> dict:
    """The sort selects, filled with the current sort columns."""
    present = [(sort.column, f"-{sort.column.id}" if sort.descending else sort.column.id) for sort in table.sorts]
    offered = list(dict.fromkeys([one for one in table.columns if one.is_sortable] + [one for one, _ in present]))
    sorts = [word for _, word in present] + [""] * (columns.MAX_SORTS - len(present))
    return {"sorts": sorts, "offered": offered, "hidden": list_query.hidden_fields(table.query, "sort", "page")}


def _views_context(request, table) -> dict:
    found = SavedView.objects.of_list(request.workspace, table.experiment).offered_to(request.user)
    address = f"{list_url(request.workspace.slug, table.experiment, table.options['parent'])}?{table.query.urlencode()}"
    return {"views": list(found), "present": table.options["view"], "share_url": public_url(address)}


CONTEXTS = {
    "columns": _columns_context,
    "filters": _filters_context,
    "charts": _charts_context,
    "group": _group_context,
    "sort": _sort_context,
    "views": _views_context,
}


@require_safe
def filter_range(request, slug):
    """Redirect to the list with a range of a metric or parameter (`key`, `from`, `to`) in its query."""
    experiment = requested_experiment(request, slug)
    query, key = list_query.clean_query(request.GET), request.GET.get("key", "")
    text = query.get("filter", "")
    for operator, word in ((">=", "from"), ("<=", "to")):
        given = request.GET.get(word, "").strip()
        if not given:
            continue
        if numbers.float_or_none(given) is None:
            raise Invalid(f"{word}={given[:60]!r} is not a number.", target=word)
        clause = f"{key} {operator} {given}"
        parse_filter(clause)
        text, is_on = list_query.switch_clause(text, clause)
        text = list_query.add_clause(text, clause) if is_on else text
    url = list_query.change_query(query, filter=text or None, page=None)
    return redirect(f"{list_url(slug, experiment, query.get('parent', ''))}{url}")


# ---- a person's own layout


@require_POST
def layout_save(request, slug):
    """Saves the layout for the person: columns with order, widths and pins, or charts."""
    experiment = requested_experiment(request, slug)
    query = QueryDict(request.POST.get("query", ""), mutable=True)
    if "col" in request.POST:
        _set_columns(query, request.POST)
    if request.POST.get("what") == "charts":
        _set_charts(query, request.POST)
    if "primary_metric" in request.POST:
        _set_primary(query, request.POST)
    options = RunFilter.read(query)
    objectives.parse_objective(options["primary"])
    columns.shown_columns(options, columns.DEFAULT_COLUMNS)
    if request.POST.get("move"):
        # Without JavaScript: the panel again, with the moved column.
        return redirect(_panel_after_move(slug, experiment, query, request.POST["move"]))
    if "for_all" in request.POST:
        require_permission(request, "edit")
        save_layout(request, experiment, query, None)
        # A personal layout would hide the layout of everybody.
        SavedView.objects.of_list(request.workspace, experiment).filter(owner=request.user, name="").delete()
        messages.success(request, "Everyone in this workspace now sees this layout, unless they have their own.")
    else:
        save_layout(request, experiment, query, request.user)
    return redirect(f"{list_url(slug, experiment, query.get('parent', ''))}?{query.urlencode()}")


def _set_columns(query: QueryDict, posted) -> None:
    ids = list(dict.fromkeys([*posted.getlist("col"), *filter(None, [_column_by_name(posted)])]))
    query.setlist("col", ids)
    query.setlist("pin", [word for word in posted.getlist("pin") if word in ids])
    given = {word: posted.get(f"width-{word}", "").strip() for word in ids}
    query.setlist("width", [f"{width}:{word}" for word, width in given.items() if width])


def _set_charts(query: QueryDict, posted) -> None:
    names = posted.getlist("chart")
    query.setlist("chart", names)
    query.setlist("charts", [] if names else ["off"])
    for word in ("merge", "log"):
        query.setlist(word, [name for name in posted.getlist(word) if name in names])
    for word in ("smooth", "across", "band"):
        query.setlist(word, [value for value in posted.getlist(word) if value not in ("", "0")])


def _set_primary(query: QueryDict, posted) -> None:
    """Set the primary metric; without `better`, its name decides."""
    name = posted["primary_metric"].strip()
    better = posted.get("better") or better_direction(name) or "higher"
    query.setlist("primary", [f"{better}:{name}"] if name else [])


def _panel_after_move(slug, experiment, query: QueryDict, move: str) -> str:
    step, _, word = move.partition(":")
    ids = query.getlist("col")
    if word not in ids or step not in ("-1", "1"):
        raise Invalid(f"move={move!r}: write -1 or 1, a colon, and a column that is shown.", target="move")
    ids.insert(max(0, ids.index(word) + (1 if step == "1" else -1)), ids.pop(ids.index(word)))
    query.setlist("col", ids)
    if experiment:
        query["experiment"] = str(experiment.experiment_id)
    return f"{reverse('runs:list_panel', args=[slug, 'columns'])}?{query.urlencode()}"


def _column_by_name(posted) -> str:
    """A column by kind and name that no run has yet."""
    name = posted.get("name", "").strip()
    return f"{posted.get('kind', '')}-{name}" if name else ""


def save_layout(request, experiment, query: QueryDict, owner) -> None:
    """`owner` is a person, or None for everybody."""
    layout = QueryDict(mutable=True)
    for word in list_query.LAYOUT:
        if word in query:
            layout.setlist(word, query.getlist(word))
    text = _check_length(layout.urlencode())
    own = SavedView.objects.of_list(request.workspace, experiment).filter(owner=owner, name="")
    if not own.update(query=text):
        SavedView.objects.create(workspace=request.workspace, experiment=experiment, owner=owner, query=text)


def _check_length(query: str) -> str:
    if len(query) > MAX_QUERY_LENGTH:
        raise Invalid(
            f"The address of this list has {len(query)} characters; {MAX_QUERY_LENGTH} can be kept.", target="query"
        )
    return query


@require_POST
def layout_reset(request, slug):
    """Resets the layout to that of everybody, or with `for_all` to the default; filters stay."""
    experiment = requested_experiment(request, slug)
    layouts = SavedView.objects.of_list(request.workspace, experiment).filter(name="")
    layouts.filter(owner=request.user).delete()
    if "for_all" in request.POST:
        require_permission(request, "edit")
        layouts.filter(owner=None).delete()
    query = QueryDict(request.POST.get("query", ""), mutable=True)
    for word in [*list_query.LAYOUT, "view", "unfold", "page"]:
        query.pop(word, None)
    address = list_url(slug, experiment, query.get("parent", ""))
    return redirect(f"{address}{'?' if query else ''}{query.urlencode()}")


# ---- views with a name


@require_POST
def view_save(request, slug):
    experiment = requested_experiment(request, slug)
    name = request.POST.get("name", "").strip()
    VIEW_NAME.check(name)
    query = QueryDict(request.POST.get("query", ""), mutable=True)
    # A view belongs to lists of jobs, not to lists of child jobs.
    for word in ("view", "page", "seen", "parent"):
        query.pop(word, None)
    RunFilter.read(query)
    views = SavedView.objects.of_list(request.workspace, experiment).filter(owner=request.user)
    fields = {"query": _check_length(query.urlencode()), "shared": "shared" in request.POST}
    is_replaced = bool(views.filter(name=name).update(**fields))
    if not is_replaced:
        if views.count() >= saved_views.MAX_VIEWS:
            raise Conflict(f"You have {saved_views.MAX_VIEWS} views of this list. Delete one first.")
        SavedView.objects.create(
            workspace=request.workspace, experiment=experiment, owner=request.user, name=name, **fields
        )
    view = views.get(name=name)
    done = "replaces the one that you had" if is_replaced else "is saved"
    shared = ", and is shared with this workspace" if is_replaced else ", and shared with this workspace"
    messages.success(request, f"The view {name} {done}{shared if view.shared else ''}.", extra_tags="toast")
    return redirect(saved_view_url(slug, experiment, view))


def saved_view_url(slug, experiment, view: SavedView) -> str:
    return f"{list_url(slug, experiment)}?{view.query}{'&' if view.query else ''}view={view.pk}"


@require_POST
def view_delete(request, slug, pk):
    """Delete a view of the person."""
    workspace = find_workspace(request, slug)
    mine = SavedView.objects.filter(workspace=workspace, owner=request.user).exclude(name="")
    view = get_object_or_404(mine.select_related("experiment__workspace"), pk=pk)
    view.delete()
    messages.success(request, f"The view {view.name} is deleted.", extra_tags="toast")
    return redirect(list_url(slug, view.experiment))


# ---- stars


@require_POST
def run_star(request, slug):
    """Adds or removes a star."""
    run = find_run(request, slug, request.POST.get("run", ""))
    gone, _ = Star.objects.filter(user=request.user, run=run).delete()
    if not gone:
        Star.objects.get_or_create(user=request.user, run=run)
    run.is_starred = not gone
    if wants_piece(request):
        return render(request, "runs/_star.html", {"run": run, "swap": True})
    return redirect(return_url(request, slug))
