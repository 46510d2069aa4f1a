"""The tabs Metrics and Images, and the points that a live page asks for."""

from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from runs import charts, metric_cards, metrics
from runs.models import MetricSeries
from runs.views.finding import run_of, runs_of
from runs.views.run import page
from studio.errors import Invalid

MOST_IMAGES = 1000


@require_safe
def run_metrics(request, slug, run_id):
    """`?show=<name>` (repeated) chooses metrics; without it the first ones are shown."""
    run = run_of(request, slug, run_id)
    series = list(metrics.series_of(run).order_by("name"))
    asked = request.GET.getlist("show")
    chosen = [one for one in series if one.name in asked] if asked else series[: metric_cards.FIRST]
    shown = chosen[: metric_cards.MOST_SHOWN]
    more = {
        "series": series,
        "shown": {one.pk for one in shown},
        "cards": metric_cards.cards(run, shown),
        "templates": charts.templates() if shown else {},
        "left_out": len(chosen) - len(shown),
    }
    return render(request, "runs/run_metrics.html", page(request, run, "metrics", **more))


@require_safe
def run_metrics_data(request, slug, run_id):
    """What came after `?after=<series>:<count>,…`, as JSON for static/js/charts.js."""
    run = runs_of(request, slug).filter(run_id=run_id).first() or run_of(request, slug, run_id)
    return JsonResponse({"active": run.is_active, **metric_cards.news(run, _known(request.GET.get("after", "")))})


def _known(text: str) -> dict[int, int]:
    try:
        return {int(pk): int(count) for pk, _, count in (pair.partition(":") for pair in text.split(",") if pair)}
    except ValueError as error:
        raise Invalid(f"after={text!r}: write series:count pairs, with commas between.", target="after") from error


@require_safe
def run_images(request, slug, run_id):
    run = run_of(request, slug, run_id)
    groups = [_group(one) for one in metrics.series_of(run).filter(kind=MetricSeries.Kind.IMAGE).order_by("name")]
    images = [image for group in groups for image in group["images"]]
    asked = request.GET.get("image", "")
    place = next((place for place, image in enumerate(images) if image["path"] == asked), 0)
    more = {
        "groups": groups,
        "image": images[place] if images else None,
        "previous": images[place - 1] if place else None,
        "following": images[place + 1] if place + 1 < len(images) else None,
    }
    return render(request, "runs/run_images.html", page(request, run, "images", **more))


def _group(series: MetricSeries) -> dict:
    """The images of one name in the order of their steps."""
    steps, _, values = metrics.points(series)
    images = [
        {"name": series.name, "step": int(step), "path": metric_cards.path_of(value)}
        for step, value in zip(steps, values, strict=True)
    ]
    return {"name": series.name, "images": images[:MOST_IMAGES], "count": len(images)}
