"""The tab Images."""

from typing import Any

from django.views.decorators.http import require_safe

from runs import metrics
from runs.charts import metric_cards
from runs.models import MetricSeries
from runs.pages.access import find_run
from runs.pages.run.views import tab_context
from studio.htmx import reload_page, render_page
from studio.names import natural_key
from studio.repeated_polls import nothing_new

MAX_IMAGES = 1000


@require_safe
def run_images(request, slug, run_id):
    """`?image=<path>` selects an image; a poll with `?seen=` gets 204 if there are no new ones."""
    run = find_run(request, slug, run_id)
    images = metrics.series_of(run).filter(kind=MetricSeries.Kind.IMAGE)
    found = sorted(images, key=lambda one: natural_key(one.name))
    token = ".".join(f"{one.pk}-{one.count}" for one in found)
    seen = request.GET.get("seen")
    if seen is not None and seen == token and run.is_active:
        return nothing_new()
    groups = [_image_group(one) for one in found]
    if seen == "" and groups:
        # The page was empty; now there is an image.
        return reload_page()
    wanted = request.GET.get("image", "")
    more = {"groups": groups, "token": token, **_requested_image(groups, wanted)}
    if wanted and not any(one["path"] == wanted for group in groups for one in group["images"]):
        more["notes"] = [f"This job has no image {wanted[:200]!r}."]
    # The script steps through the images of one name; all images would be megabytes.
    more["of_shown"] = [more["group"]] if groups else []
    return render_page(
        request, "runs/run_images.html", tab_context(request, run, "images", **more), partial="image-list"
    )


def _image_group(series: MetricSeries) -> dict:
    """The images of one name in the order of their steps, at most the last MAX_IMAGES."""
    first = max(0, series.count - MAX_IMAGES)
    steps, _, values = metrics.read_window(series, first, MAX_IMAGES)
    images: list[dict[str, Any]] = [
        {"name": series.name, "step": int(step), "path": metric_cards.path_of(value)}
        for step, value in zip(steps, values, strict=True)
    ]
    images.sort(key=lambda image: image["step"])
    return {"name": series.name, "images": images, "last": images[-1], "count": series.count, "left_out": first}


def _requested_image(groups: list[dict], path: str) -> dict:
    """The requested image, else the last of the first name, with its neighbours."""
    if not groups:
        return {"image": None}
    group = next((group for group in groups if any(one["path"] == path for one in group["images"])), groups[0])
    images = group["images"]
    position = next((position for position, one in enumerate(images) if one["path"] == path), len(images) - 1)
    following = images[position + 1] if position + 1 < len(images) else None
    previous = images[position - 1] if position else None
    return {
        "group": group,
        "image": images[position],
        "position": position,
        "previous": previous,
        "following": following,
    }
