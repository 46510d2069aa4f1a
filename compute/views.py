"""Pages of compute clusters: the list, a cluster with its nodes and jobs, and its settings."""

import dataclasses
import hashlib

from django.contrib import messages
from django.db.models import F
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of_request
from accounts.edit_conflicts import edit_in_turn
from compute import charts, waiting, work_kinds
from compute.forms import AgentsEditForm, ScaleEditForm
from compute.models import Assignment, ComputeTarget, Host, Work
from studio.errors import Invalid
from studio.forms import attempt
from studio.htmx import render_page
from studio.list_parameters import accept_parameters, order_rows
from studio.pagination import page_of
from studio.repeated_polls import nothing_new
from studio.words import split_words
from workspaces.access import can
from workspaces.lookup import find_page_workspace

SORTS = {
    "name": "name",
    "state": "state",
    "size": "vm_size",
    "created": "created_at",
    "active": "active",
    "idle": "idle_count",
    "busy": "running_count",
}


def _cluster(request, slug, name, verb="read_compute") -> ComputeTarget:
    workspace = find_page_workspace(request, slug, verb)
    target = workspace.compute_targets.present().clusters().with_counts().filter(name__iexact=name).first()
    if target is None:
        raise Http404(f"There is no compute target {name} in this workspace. It may have been deleted.")
    target.workspace = workspace
    return target


def _may_edit(request, workspace) -> bool:
    return can(actor_of_request(request), "edit_compute", workspace)


def _create_links(request, workspace, target: str = "") -> list[dict[str, str]]:
    """Links for creating work; none for people who may not submit."""
    return work_kinds.create_links(workspace, target) if can(actor_of_request(request), "submit", workspace) else []


@require_safe
@accept_parameters("q", "sort", "seen")
def compute_list(request, slug):
    workspace = find_page_workspace(request, slug, "read_compute")
    words = " ".join(split_words(request.GET.get("q", "")))
    targets = (
        workspace.compute_targets.present()
        .clusters()
        .filter(kind=ComputeTarget.Kind.CLUSTER)
        .with_counts()
        .annotate(active=F("queued_count") + F("held_count"))
    )
    if words:
        targets = targets.filter(name__icontains=words)
    page = page_of(request, order_rows(request, targets, SORTS, "-created"))
    for target in page.object_list:
        target.workspace = workspace
    token = _state_token(page.object_list)
    if request.GET.get("seen") == token:
        return nothing_new()
    # Links carry no token of a poll.
    request.GET = request.GET.copy()
    request.GET.pop("seen", None)
    context = {
        "page": page,
        "token": token,
        "words": words,
        "may_edit": _may_edit(request, workspace),
        "create_links": _create_links(request, workspace),
        "is_changing": any(target.is_changing for target in page.object_list),
        "hosts": list(Host.objects.alive()),
    }
    return render_page(request, "compute/compute_list.html", context, partial="clusters")


def _state_token(targets: list[ComputeTarget]) -> str:
    """Changes with any value of these rows, their counts included."""
    rows = [
        {name: value for row in (target, target.cluster) for name, value in vars(row).items() if name[0] != "_"}
        for target in targets
    ]
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:20]


def _context(request, target: ComputeTarget, tab: str, **more) -> dict:
    links = _create_links(request, target.workspace, target.name)
    may_edit = _may_edit(request, target.workspace)
    return {"target": target, "tab": tab, "may_edit": may_edit, "create_links": links, **more}


@require_safe
def cluster_detail(request, slug, name):
    target = _cluster(request, slug, name)
    services = target.work.held() if target.is_inference else Work.objects.none()
    held = list(services.prefetch_related("assignments"))
    more = {
        "services": held,
        "healthy_count": sum(work.lead is not None and work.lead.health == Assignment.Health.HEALTHY for work in held),
        "donut": charts.node_donut(target.node_counts),
        "hosts": list(Host.objects.alive()),
    }
    context = _context(request, target, "details", **more)
    return render_page(request, "compute/cluster_detail.html", context, partial="cluster-now")


@require_safe
def cluster_nodes(request, slug, name):
    target = _cluster(request, slug, name)
    past = target.nodes.exclude(ended_at=None).select_related("host").order_by("-ended_at")[:10]
    context = _context(request, target, "nodes", nodes=list(target.nodes.present().with_work()), past=list(past))
    return render_page(request, "compute/cluster_nodes.html", context, partial="node-rows")


@require_safe
def cluster_jobs(request, slug, name):
    """The work of this cluster, newest first."""
    target = _cluster(request, slug, name)
    work = target.work.with_nodes().select_related("submitted_by").order_by("-queued_at")
    page = page_of(request, work)
    view = waiting.QueueView(target)
    outcomes = work_kinds.read_outcomes([unit for unit in page.object_list if unit.ended_at])
    for unit in page.object_list:
        unit.target = target
        unit.waiting = view.explain(unit) if unit.state == Work.State.QUEUED else None
        unit.outcome = outcomes.get(unit.pk, "")
    context = _context(request, target, "jobs", page=page, lists=work_kinds.list_links(target))
    return render_page(request, "compute/cluster_jobs.html", context, partial="job-rows")


@require_http_methods(["GET", "HEAD", "POST"])
def cluster_edit(request, slug, name):
    with edit_in_turn(request):
        target = _cluster(request, slug, name, "edit_compute")
        initial = {field: getattr(target, field) for field in ("description", "tags")}
        if target.is_inference:
            initial |= {"agent_count": target.scale_settings.max_nodes}
            form: AgentsEditForm | ScaleEditForm = AgentsEditForm(request.POST or None, initial=initial, edited=target)
        else:
            initial |= dataclasses.asdict(target.scale_settings)
            form = ScaleEditForm(request.POST or None, initial=initial, edited=target)

        def change() -> ComputeTarget:
            if form.scale != target.scale_settings:
                target.scale(form.scale)
            target.describe(description=form.cleaned_data["description"], tags=form.cleaned_data["tags"])
            return target

        if request.method == "POST" and attempt(form, change):
            messages.success(request, f"{target.get_kind_display()} {target.name} was changed.")
            return redirect(target)
    context = _context(request, target, "details", form=form)
    return render(request, "compute/cluster_edit.html", context, status=form.status)


@require_POST
def cluster_delete(request, slug, name):
    target = _cluster(request, slug, name, "edit_compute")
    if request.POST.get("confirm_name") != target.name:
        raise Invalid(
            f"Type the name {target.name} to delete this cluster; nothing was deleted.", target="confirm_name"
        )
    target.attached.detach(actor_of_request(request)) if target.is_attached else target.start_deleting()
    messages.success(
        request,
        f"{target.get_kind_display()} {target.name} is being deleted: its jobs are canceled and its nodes removed.",
    )
    return redirect("compute:attached_list" if target.is_attached else "compute:list", slug)


def home_card(actor, workspace) -> dict:
    targets = list(workspace.compute_targets.present().clusters().with_counts()[:5])
    for target in targets:
        target.workspace = workspace
    return {"workspace": workspace, "targets": targets, "may_edit": can(actor, "edit_compute", workspace)}
