"""The tab Metrics: its cards, their lines, and updates of a live run."""

import difflib

from django.http import JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from runs import metrics, objectives
from runs.charts import figures, metric_cards, metric_lines
from runs.charts.metric_forms import LinesForm, MetricsForm, RowsForm, parse_positions
from runs.metric_order import rank_metric
from runs.metrics.downsampled import Range
from runs.models import MetricSeries
from runs.pages.access import find_run, find_version
from runs.pages.lists.list_query import describe_refused, drop_refused
from runs.pages.run.views import tab_context
from studio import numbers
from studio.downloads import CSV, stream_download
from studio.errors import Invalid
from studio.forms import cleaned_or_invalid
from studio.htmx import wants_piece
from studio.names import natural_key
from studio.repeated_polls import nothing_new
from studio.words import split_words

WIDTH = 600
# Metrics that the address names and the job lacks.
MAX_MISSING = 5


@require_safe
def run_metrics(request, slug, run_id):
    """`?show=<name>` or `?hide=<name>` (repeated) selects metrics, `?q=` searches; the default is all."""
    run = find_run(request, slug, run_id)
    (options, positions), refused = drop_refused(request.GET, _read_address)
    series = sorted(metrics.series_of(run), key=lambda one: natural_key(one.name))
    first = objectives.find_objective(run.experiment, request.user).name
    by_importance = sorted(series, key=lambda one: (one.name != first, rank_metric(one.name)))
    shown, left_out = _select_series(by_importance, request.GET, options["q"])
    more = {
        "series": metric_cards.sort_series(by_importance, options["group"]),
        "shown": {one.pk for one in shown},
        "sections": metric_cards.make_sections(run, shown, options["group"], positions),
        "notes": describe_refused(refused) + _describe_missing(series, options["x"], request.GET),
        "left_out": left_out,
        "options": options,
        "groups": metric_cards.GROUPS,
        "axes": _axis_choices(series),
        "chart_data": {"templates": figures.build_templates(), "line": figures.build_empty_line()} if shown else {},
    }
    return render(request, "runs/run_metrics.html", tab_context(request, run, "metrics", **more))


def _read_address(query) -> tuple[dict, dict[str, int]]:
    return cleaned_or_invalid(MetricsForm(query)), parse_positions(query.getlist("at"))


def _describe_missing(series: list[MetricSeries], x: str, query) -> list[str]:
    """Notes on metrics that the address names and the job does not have."""
    present = {one.name for one in series}
    named = [*query.getlist("show"), *query.getlist("hide"), x.removeprefix("m:") if x.startswith("m:") else ""]
    missing = [name for name in dict.fromkeys(named) if name and name not in present][:MAX_MISSING]
    near = {name: difflib.get_close_matches(name[:60], present, 1) for name in missing}
    return [
        f"This job has no metric {name[:60]}.{f' Did you mean {near[name][0]}?' if near[name] else ''}"
        for name in missing
    ]


def _axis_choices(series: list[MetricSeries]) -> list[MetricSeries]:
    """Metrics that can be the x axis of another metric's chart."""
    return [one for one in series if metric_lines.is_charted(one)]


def _select_series(series: list[MetricSeries], query, words: str) -> tuple[list[MetricSeries], int]:
    shown = {one.name for one in series}.intersection(query.getlist("show"))
    if shown or "" in query.getlist("show"):
        chosen = [one for one in series if one.name in shown]
    else:
        hidden = set(query.getlist("hide"))
        chosen = [one for one in series if one.name not in hidden]
    if words and (len(chosen) > metric_cards.MAX_CARDS or "search" in query):
        wanted = split_words(words.lower())
        chosen = [one for one in chosen if all(word in one.name.lower() for word in wanted)]
    return chosen[: metric_cards.MAX_CARDS], max(0, len(chosen) - metric_cards.MAX_CARDS)


@require_safe
def run_metrics_lines(request, slug, run_id):
    """Lines of `?series=<key>,…` downsampled to `width`; `from` and `to` on an `axis` select a range."""
    run = find_version(request, slug, run_id) or find_run(request, slug, run_id)
    options = cleaned_or_invalid(LinesForm(request.GET))
    found = [one for one in metrics.series_of(run).filter(pk__in=options["series"]) if metric_lines.is_charted(one)]
    width = options["width"] or WIDTH
    if options["axis"] == "metric":
        other = get_object_or_404(metrics.series_of(run), pk=options["metric"])
        return JsonResponse({"lines": metric_lines.over_metric(found, other, width)})
    return JsonResponse({"lines": metric_lines.read_lines(found, width, _requested_range(options))})


def _requested_range(options: dict):
    if options["from"] is None:
        return None
    return Range(options["axis"] or "step", options["from"], options["to"])


@require_safe
def run_metrics_data(request, slug, run_id):
    """New points after `?after=<series>:<count>,…`; 204 if the run is unchanged since `?seen=<revision>`."""
    run = find_version(request, slug, run_id) or find_run(request, slug, run_id)
    if run.is_active and str(run.revision) == request.GET.get("seen"):
        return nothing_new()
    news = metric_lines.read_news(run, _parse_known_counts(request.GET.get("after", "")), WIDTH)
    return JsonResponse({"active": run.is_active, "seen": run.revision, **news})


def _parse_known_counts(text: str) -> dict[int, int]:
    pairs = [pair.partition(":") for pair in text.split(",") if pair]
    if len(pairs) > metric_cards.MAX_CARDS:
        raise Invalid(f"after: {len(pairs)} pairs; {metric_cards.MAX_CARDS} are allowed.", target="after")
    return {numbers.parse_int(pk, "after"): numbers.parse_int(count, "after") for pk, _, count in pairs}


@require_safe
def run_metric(request, slug, run_id, pk):
    """A metric on its own page, or its card; `?start=` is the first row or value."""
    run = find_run(request, slug, run_id)
    series = get_object_or_404(metrics.series_of(run), pk=pk)
    options = cleaned_or_invalid(RowsForm(request.GET))
    start = min(options["start"] or 0, max(0, series.count - 1))
    card = metric_cards.fill_card(run, series, start)
    if wants_piece(request):
        return render(request, "runs/_metric_card.html", {"run": run, "card": card})
    more = {"card": card, "series": series, "alone": True}
    if card.look == "chart":
        more["axes"] = _axis_choices(list(metrics.series_of(run).order_by("name")))
        more["points"] = metric_cards.make_values_card(series, start)
    more["chart_data"] = {"templates": figures.build_templates(), "line": figures.build_empty_line()}
    return render(request, "runs/run_metric.html", tab_context(request, run, "metrics", **more))


@require_safe
def run_metrics_csv(request, slug, run_id):
    """Every logged point of the series `?series=<key>,…` as CSV; for a table, its rows."""
    run = find_run(request, slug, run_id)
    keys = cleaned_or_invalid(LinesForm(request.GET))["series"]
    found = list(metrics.series_of(run).filter(pk__in=keys).order_by("name"))
    if not found:
        raise Invalid("series: the run has none of these metrics.", target="series")
    is_table = len(found) == 1 and found[0].kind == MetricSeries.Kind.TABLE
    body = metric_lines.iterate_table_csv(found[0]) if is_table else metric_lines.iterate_csv(found)
    name = found[0].name.replace("/", "_") if len(found) == 1 else f"{run.run_id}-metrics"
    return stream_download(body, CSV, f"{name}.csv")
