"""Pages of inference clusters: the list and creation. All other pages are those of compute clusters."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actors import actor_of_request
from accounts.form_keys import process_once
from compute import sizes
from compute.forms import InferenceForm
from compute.models import ComputeTarget
from studio.forms import attempt
from studio.htmx import render_page
from studio.list_parameters import accept_parameters
from studio.pagination import page_of
from workspaces.access import can
from workspaces.lookup import find_page_workspace

STEPS = [{"label": "Settings", "note": "", "state": "current"}]
INFERENCE = ComputeTarget.Kind.INFERENCE


@require_safe
@accept_parameters()
def inference_list(request, slug):
    workspace = find_page_workspace(request, slug, "read_compute")
    targets = workspace.compute_targets.present().filter(kind=INFERENCE).with_counts().order_by("-created_at")
    page = page_of(request, targets)
    for target in page.object_list:
        target.workspace = workspace
    context = {
        "page": page,
        "may_edit": can(actor_of_request(request), "edit_compute", workspace),
        "cluster_count": workspace.compute_targets.present().filter(kind=ComputeTarget.Kind.CLUSTER).count(),
    }
    return render_page(request, "compute/inference_list.html", context, partial="inference-clusters")


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def inference_new(request, slug):
    workspace = find_page_workspace(request, slug, "edit_compute")
    form = InferenceForm(request.POST or None, initial={"vm_size": sizes.suggest_size()})

    def create() -> ComputeTarget:
        recorded = {key: form.cleaned_data[key] for key in ("description", "tags", "purpose")}
        name, size = form.cleaned_data["name"], form.cleaned_data["vm_size"]
        return ComputeTarget.create(workspace, request.user, name, size, form.scale, kind=INFERENCE, **recorded)

    target = attempt(form, create) if request.method == "POST" else None
    if target:
        messages.success(request, f"Inference cluster {target.name} was created.")
        return redirect("compute:cluster_detail", slug, target.name)
    return render(request, "compute/inference_new.html", {"form": form, "steps": STEPS})
