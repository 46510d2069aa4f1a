"""Lists of runs and experiments."""

import itertools
import uuid
from collections.abc import Callable
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.actors import actor_of_request
from runs.charts import figures
from runs.models import Experiment, Run, SavedView
from runs.pages.access import find_experiment, find_runs, find_workspace, is_allowed
from runs.pages.lists import experiment_rows, exports, facets, groups, list_charts, list_query, tables
from runs.pages.lists.list_query import RunFilter
from studio import downloads
from studio.errors import Invalid
from studio.htmx import is_htmx, keep_address, render_page, swap_whole, wants_piece
from studio.list_parameters import accept_parameters, find_unknown
from studio.names import check_name
from studio.repeated_polls import nothing_new


@require_safe
def jobs(request, slug):
    """All jobs of the workspace."""
    return render_list(request, slug, None, "runs/jobs.html")


@require_safe
@accept_parameters("q", "archived")
def experiments(request, slug):
    workspace = find_workspace(request, slug)
    options, refused = list_query.drop_refused(request.GET, RunFilter.read)
    scope = Experiment.objects.visible_to(actor_of_request(request)).filter(workspace=workspace)
    found = experiment_rows.search_experiments(scope, options["q"], "archived" in request.GET).order_by(
        "-latest_at", "-created_at"
    )
    page = Paginator(found, options["size"]).get_page(options["page"] or 1)
    rows = experiment_rows.add_run_counts(list(page.object_list))
    context = {"page": page, "rows": rows, "options": options, "archived": "archived" in request.GET}
    context |= {"may_submit": is_allowed(request, "submit"), "notes": list_query.describe_refused(refused)}
    return render_page(request, "runs/experiments.html", context, partial="experiment-table")


@require_safe
def experiment_detail(request, slug, experiment_id):
    return render_list(request, slug, find_experiment(request, slug, experiment_id), "runs/experiment_detail.html")


@require_safe
def experiment_charts(request, slug, experiment_id):
    """The charts above the table, for the shown runs; requested by static/js/lists/charts.js."""
    return charts_json(build_table(request, slug, find_experiment(request, slug, experiment_id)))


@require_safe
def jobs_charts(request, slug):
    return charts_json(build_table(request, slug, None))


@require_safe
def jobs_names(request, slug):
    """Completions for the query box, as JSON: names and values of all runs of the list."""
    table = build_table(request, slug, requested_experiment(request, slug))
    return JsonResponse(
        facets.list_completions(facets.read_facets(table)), headers={"Cache-Control": "private, max-age=20"}
    )


@require_safe
def jobs_csv(request, slug):
    """`?rows=shown` for the shown page, `rows=all` for all matching runs."""
    table = build_table(request, slug, requested_experiment(request, slug))
    rows = request.GET.get("rows", "all")
    if rows not in ("shown", "all"):
        raise Invalid(f"rows={rows!r}: write shown or all.", target="rows")
    if table.error:
        raise table.error
    if table.refused:
        raise Invalid(table.refused[0])
    name = f"{table.experiment or slug}-{timezone.now():%Y-%m-%d}.csv"
    lines = downloads.write_csv(exports.iterate_rows(table, rows == "shown"))
    # Errors of columns or order must be reported before the response starts.
    first = list(itertools.islice(lines, 2))
    return downloads.stream_download(itertools.chain(first, lines), downloads.CSV, _ascii_filename(name))


def _ascii_filename(name: str) -> str:
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in name)


def requested_experiment(request, slug) -> Experiment | None:
    """For views of both lists: the experiment of the requesting page, else None."""
    words = request.GET if request.method in ("GET", "HEAD") else request.POST
    given = words.get("experiment", "")
    if not given:
        find_workspace(request, slug)
        return None
    try:
        experiment_id = uuid.UUID(given)
    except ValueError as error:
        find_workspace(request, slug)
        raise Invalid(f"experiment={given[:60]!r} is not the id of an experiment.", target="experiment") from error
    return find_experiment(request, slug, experiment_id)


def scoped_runs(request, slug, experiment: Experiment | None):
    """The runs of the experiment, which was found for this person, or of the workspace."""
    if experiment is None:
        return find_runs(request, slug)
    return Run.objects.filter(experiment=experiment, deleted_at=None)


def build_table(request, slug, experiment: Experiment | None) -> tables.RunTable:
    """With `parent` in the query the list is that of a run's children, which may be in other experiments too."""
    seen = request.GET.get("seen", "")

    def build(query):
        scope = scoped_runs(request, slug, None if query.get("parent") else experiment)
        found = tables.RunTable(scope, query, request.user, experiment, seen, request.workspace)
        if not seen:
            found.check_layout()
        return found

    table, refused = list_query.drop_refused(list_query.clean_query(request.GET), build)
    table.refused = refused
    return table


def list_url(slug: str, experiment: Experiment | None, parent: str = "") -> str:
    """The page of the list; `parent` is the run whose children it shows."""
    if parent:
        return reverse("runs:run_children", args=[slug, check_name(parent, "run id")])
    return experiment.get_absolute_url() if experiment else reverse("runs:jobs", args=[slug])


def charts_json(table) -> JsonResponse:
    table.for_charts = True
    return JsonResponse({"charts": list_charts.draw_charts(table), "templates": figures.build_templates()})


def render_list(
    request,
    slug,
    experiment: Experiment | None,
    template: str,
    describe: Callable[[tables.RunTable], dict] | None = None,
) -> HttpResponse:
    """The page, its table, or for a poll the changed rows or 204. `describe` returns the context of the rest of the
    page."""
    table = build_table(request, slug, experiment)
    if not is_htmx(request) and (first := _first_url(request, experiment)):
        return redirect(first)
    table.may_come_later = not table.seen and "whole" not in request.GET
    if table.seen and not table.has_changes():
        # The same statements again would add up all runs again.
        return HttpResponse(status=204) if table.has_added_up else nothing_new()
    unknown = find_unknown(request.GET, list_query.RunFilter.base_fields, list_query.TRANSIENT)
    # Parameters of a poll are not kept in links.
    request.GET = table.query
    view = _current_view(request, experiment, table)
    lost = table.options["view"] and view is None
    context = {"table": table, "unknown": unknown, "may_edit": is_allowed(request, "edit"), "experiment": experiment}
    context |= {
        "may_submit": is_allowed(request, "submit"),
        "notes": [] if table.seen else [*tables.list_notes(table), *([LOST_VIEW] if lost else [])],
        "view": view,
        "list_url": request.path,
        **_toolbar_context(slug, table),
        **_read_looks(request),
        "is_piece": wants_piece(request),
    }
    if table.error and wants_piece(request) and not table.seen:
        # The table stays as it was, and the address too.
        return keep_address(swap_whole(render(request, "runs/_query_error.html", context), "query-error"))
    if not table.seen:
        context |= describe(table) if describe and not wants_piece(request) else {}
        status = 400 if table.error and not is_htmx(request) else 200
        return render_page(request, template, context, partial="run-table", status=status)
    if table.changed is not None:
        return render(request, "runs/_changed_rows.html", {**context, "rows": table.changed})
    return swap_whole(render(request, f"{template}#run-table", context), "run-table")


LOST_VIEW = "The saved view of this link was deleted, or is another person's. The list is as the rest of the link says."
# Fields of the search form; other parameters are hidden inputs.
IN_FORM = ["filter", "q", "page"]
PANELS = [
    ("filters", "Filters", "filter"),
    ("columns", "Columns", "columns"),
    ("sort", "Sort", "sort-down"),
    ("group", "Group by", "group"),
    ("charts", "Charts", "chart"),
    ("views", "Views", "bookmark"),
]
# Keyboard shortcuts of a list, for the help that "?" opens.
SHORTCUTS = [
    (["q"], "Write a query"),
    (["t"], "Go to the table; ↓ does too"),
    (["c"], "Compare the selected jobs"),
    (["e"], "Edit the tags of the selected jobs, or of the one of the row"),
    (["Delete"], "Delete the selected jobs, or the one of the row"),
    (["x"], "In a row: select it"),
    (["Shift", "click"], "Select all rows from the one selected last; on a column: sort by it too"),
    (["s"], "In a row: star it"),
    (["→", "←"], "In a row: open or close its child jobs, or its group"),
    (["Shift", "←", "→"], "On a column: its width"),
]


def _toolbar_context(slug, table) -> dict:
    query = table.query.copy()
    if table.experiment:
        query["experiment"] = str(table.experiment.experiment_id)
    words = f"?{query.urlencode()}"
    of_list = {name: query[name] for name in ("experiment", "parent") if query.get(name)}
    panels = [
        {"what": what, "label": label, "icon": icon, "url": reverse("runs:list_panel", args=[slug, what]) + words}
        for what, label, icon in PANELS
    ]
    return {
        "panels": panels,
        "names_query": urlencode(of_list),
        "csv_url": reverse("runs:jobs_csv", args=[slug]) + words,
        "other_words": list_query.hidden_fields(table.query, *IN_FORM),
        "group_rows": groups.ROWS,
        "page_keys": SHORTCUTS,
        "states": _state_links(table),
        "starred_url": list_query.change_query(
            table.query, starred=None if table.options["starred"] else "1", page=None
        ),
        "switches": _switch_links(table),
        "chips": _filter_chips(table),
    }


def _state_links(table) -> list[tuple]:
    """The counters, each with a link that toggles its state."""
    return [
        (
            group,
            number,
            list_query.toggle_value(table.query, "status", group, page=None),
            group in table.options["status"],
        )
        for group, number in table.counts.items()
    ]


def _switch_links(table) -> list[tuple]:
    """The switches of a list, like its counters: word, label, URL and whether it is on."""
    return [
        (
            word,
            label,
            # Without the word, an experiment in which only child jobs have metrics shows them.
            list_query.change_query(table.query, **{word: off if table.options[word] else "1", "page": None}),
            table.options[word],
        )
        for word, label, off in (("mine", "Only my jobs", None), ("children", "Include child jobs", "false"))
        if word == "mine" or not table.options["parent"]
    ]


# The person's display settings of all lists, stored by the browser (static/js/lists/looks.js).
LOOKS = {"density": ["compact", "comfortable"], "charts_fold": ["auto", "open", "folded"]}


def _read_looks(request) -> dict:
    given = {name: request.COOKIES.get(name) for name in LOOKS}
    return {name: given[name] if given[name] in allowed else allowed[0] for name, allowed in LOOKS.items()}


def _filter_chips(table) -> list[tuple[str, str, str]]:
    """The active filters: in short, as they are written, and a link that removes each."""
    parts = [] if table.error else list_query.split_conditions(table.options["filter"])
    found = [
        (
            list_query.shorten_numbers(part),
            part,
            list_query.change_query(table.query, filter=list_query.remove_clause(parts, part) or None, page=None),
        )
        for part in parts
    ]
    others = []
    if table.options["q"]:
        others.append((f"“{table.options['q']}”", list_query.change_query(table.query, q=None, page=None)))
    if table.options["mine"]:
        others.append(("Only my jobs", list_query.change_query(table.query, mine=None, page=None)))
    if table.group_by:
        ungrouped = list_query.change_query(table.query, group=None, unfold=None, page=None)
        others.append((f"Grouped by {table.group_by.label}", ungrouped))
    return found + [(words, words, url) for words, url in others]


def _first_url(request, experiment) -> str:
    """The URL that stands for this one: with the saved layout, and with child jobs if only these have metrics."""
    own = _saved_layout_url(request, experiment)
    if request.GET or experiment is None or not experiment.has_metrics_only_in_children():
        return own
    return f"{own or request.path}{'&' if own else '?'}children=1"


def _saved_layout_url(request, experiment) -> str:
    """The URL with the layout that the person or everybody has saved, unless the query string has one."""
    if any(word in request.GET for word in [*list_query.LAYOUT, "view"]):
        return ""
    workspace = request.workspace
    own = SavedView.objects.of_list(workspace, experiment).find_layout(request.user)
    if own is None:
        return ""
    # With unknown parameters, which the page then names.
    query = request.GET.urlencode()
    return f"{request.path}?{own.query}{'&' if query else ''}{query}"


def _current_view(request, experiment, table) -> SavedView | None:
    """The saved view in the query string."""
    if not table.options["view"]:
        return None
    offered = SavedView.objects.of_list(request.workspace, experiment).offered_to(request.user)
    return offered.filter(pk=table.options["view"]).first()
