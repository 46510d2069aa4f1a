"""The tab of a version of a model with the endpoints that serve it."""

from django.views.decorators.http import require_safe

from registry.pages.access import TABS, find_version, render_tab
from studio.pagination import page_of


@require_safe
def model_endpoints(request, slug: str, name: str, number: int):
    version = find_version(request, slug, name, number)
    rows = version.revisions.order_by("-created_at", "-pk").select_related(
        "endpoint__workspace", "created_by", "target"
    )
    page = page_of(request, rows.prefetch_related("replicas__work__assignments"))
    return render_tab(request, version, "endpoints", page=page)


def register() -> None:
    TABS.insert(-1, ("endpoints", "Endpoints", "endpoints:of_model"))
