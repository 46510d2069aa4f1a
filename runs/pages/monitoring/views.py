"""Pages of the resource use of a job, a machine and the nodes of a cluster, with live charts."""

import datetime as dt

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from compute import monitoring
from compute.models import ComputeTarget, Host, Samples
from runs.charts.figures import build_templates
from runs.pages.access import find_run
from runs.pages.monitoring import charts
from runs.pages.run.views import tab_context
from studio.repeated_polls import nothing_new
from workspaces.lookup import find_page_workspace

# The times that a page offers.
SPANS = {"1": "Last hour", "24": "Last day", "168": "Last 7 days", "720": "Last 30 days"}
# The nodes of a cluster that have a line.
MAX_NODES = 12


@require_safe
def run_monitoring(request, slug, run_id):
    run = find_run(request, slug, run_id)
    work = run.work
    assignments = list(work.assignments.select_related("node__host")) if work else []
    # The nodes of the newest attempt.
    lead = work.lead if work else None
    current = [one for one in assignments if lead and one.attempt == lead.attempt]
    if run.is_active:
        monitoring.note_watched(one.node.host for one in current if one.node.host)
    rows = (
        Samples.objects.filter(work=work, node__in=[one.node_id for one in current])
        if current
        else Samples.objects.none()
    )
    several = len(current) > 1
    nodes = {one.node_id: one.node.name if several else "" for one in current}
    limits = {} if several or lead is None else {"cpu": lead.cores, "memory": lead.memory_gb}
    context = tab_context(
        request, run, "monitoring", is_live=run.is_active, use=run.work and monitoring.measure_use(run.work)
    )
    return _answer(request, "runs/run_monitoring.html", rows, "node_id", nodes, limits, context)


@require_safe
def machine_monitoring(request, slug, pk):
    workspace = find_page_workspace(request, slug, "read_compute")
    host = get_object_or_404(Host, pk=pk)
    if host.is_alive:
        monitoring.note_watched([host])
    limits = {"cpu": host.cpus, "memory": host.memory_gb}
    count = workspace.compute_targets.present().filter(kind=ComputeTarget.Kind.CLUSTER).count()
    context = {"host": host, "is_live": host.is_alive, "cluster_count": count} | _span_context(request)
    rows = host.samples.filter(begins_at__gt=context["since"])
    return _answer(request, "monitoring/machine.html", rows, "host_id", {host.pk: ""}, limits, context)


@require_safe
def cluster_monitoring(request, slug, name):
    workspace = find_page_workspace(request, slug, "read_compute")
    found = workspace.compute_targets.present().clusters().with_counts().filter(name__iexact=name)
    target = found.first()
    if target is None:
        raise Http404(f"There is no compute target {name} in this workspace. It may have been deleted.")
    target.workspace = workspace
    context = {"target": target, "tab": "monitoring", "is_live": True} | _span_context(request)
    nodes = target.nodes.filter(samples__begins_at__gt=context["since"]).distinct().select_related("host")
    shown = list(nodes.order_by("-created_at")[:MAX_NODES])
    monitoring.note_watched(node.host for node in shown if node.host and node.ended_at is None)
    rows = Samples.objects.filter(node__in=shown, begins_at__gt=context["since"])
    names = {node.pk: node.name for node in shown}
    return _answer(request, "monitoring/cluster.html", rows, "node_id", names, {}, context)


def _span_context(request) -> dict:
    span = request.GET.get("hours", "1")
    if span not in SPANS:
        raise Http404(f"hours={span[:20]}: this page shows {', '.join(SPANS)} hours.")
    return {"span": span, "spans": SPANS, "since": timezone.now() - dt.timedelta(hours=int(span))}


def _answer(request, template: str, rows, key: str, names: dict[int, str], limits: dict, context: dict) -> HttpResponse:
    """The page; or for its polls, the figures if there are new samples."""
    kept = list(rows)
    newest = str(max((row.pk for row in kept), default=0))
    seen = request.GET.get("seen")
    if seen == newest:
        return nothing_new()
    lines = {
        name: monitoring.read_columns(row for row in kept if getattr(row, key) == pk) for pk, name in names.items()
    }
    cards = charts.build_cards({name: columns for name, columns in lines.items() if columns["at"]}, limits)
    if seen is not None:
        found = {card.title: {"figure": card.figure, "last": card.last} for card in cards}
        return JsonResponse({"seen": newest, "cards": found})
    context |= {"cards": cards, "seen": newest, "templates": build_templates()}
    return render(request, template, context)
