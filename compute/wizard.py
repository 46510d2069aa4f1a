"""The two steps to create a cluster: which machines, then how many. All choices are in the URL."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.actors import actor_of_request
from accounts.form_keys import once
from compute import quota, sizes
from compute.forms import ClusterForm, MachineForm
from compute.models import ComputeTarget
from compute.rules import COMPUTE_NAME, VmPriority
from studio.errors import Invalid
from studio.forms import attempt
from studio.htmx import render_page
from workspaces.access import require
from workspaces.creation import REGIONS
from workspaces.lookup import page_workspace

STEPS = ["Virtual machine", "Advanced settings"]


def _editable_workspace(request, slug):
    workspace = page_workspace(request, slug)
    require(actor_of_request(request), "edit_compute", workspace)
    return workspace


def _steps(current: int) -> list[dict]:
    states = ["done" if i < current else "current" if i == current else "upcoming" for i in range(len(STEPS))]
    return [{"label": label, "note": "", "state": state} for label, state in zip(STEPS, states, strict=True)]


def _machine(request, workspace) -> dict:
    """The machine settings in the URL; missing ones have their defaults."""
    form = MachineForm(
        {
            "location": request.GET.get("location") or workspace.location,
            "tier": request.GET.get("tier") or VmPriority.DEDICATED,
            "kind": request.GET.get("kind") or "cpu",
        }
    )
    if not form.is_valid():
        first = str(next(iter(form.errors.values()))[0])
        raise Invalid(first)
    return form.cleaned_data


@require_GET
def cluster_new(request, slug):
    workspace = _editable_workspace(request, slug)
    machine = _machine(request, workspace)
    available = quota.available_cores(workspace.resource_group.subscription_id)
    rows = [
        {"size": size, "available": available[size.family], "fits": available[size.family] >= size.vcpus}
        for size in sizes.SIZES
        if bool(size.gpus) == (machine["kind"] == "gpu")
    ]
    fitting = [row["size"].name for row in rows if row["fits"]]
    wanted = request.GET.get("size", sizes.DEFAULT_SIZE)
    chosen = wanted if wanted in fitting else next(iter(fitting), "")
    context = {"steps": _steps(0), "machine": machine, "rows": rows, "chosen": chosen, "regions": REGIONS}
    return render_page(request, "compute/cluster_new.html", context, partial="size-table")


@require_http_methods(["GET", "POST"])
@once
def cluster_new_settings(request, slug):
    workspace = _editable_workspace(request, slug)
    machine, size = _machine(request, workspace), sizes.find_size(request.GET.get("size") or sizes.DEFAULT_SIZE)
    form = ClusterForm(request.POST or None)

    def create() -> ComputeTarget:
        recorded = {"location": machine["location"], "vm_priority": machine["tier"]}
        recorded |= {key: form.cleaned_data[key] for key in ("description", "tags")}
        name = form.cleaned_data["name"]
        return ComputeTarget.create(workspace, request.user, name, size.name, form.scale, **recorded)

    target = attempt(form, create) if request.method == "POST" else None
    if target:
        messages.success(request, f"Compute cluster {target.name} was created.")
        return redirect("compute:cluster_detail", slug, target.name)
    available = quota.available_cores(workspace.resource_group.subscription_id)[size.family]
    context = {"steps": _steps(1), "machine": machine, "size": size, "form": form, "available": available}
    return render(request, "compute/cluster_new_settings.html", context)


@require_GET
def cluster_name_check(request, slug):
    """Checks the name while it is typed: what is wrong with it, or that it is free."""
    workspace, name = _editable_workspace(request, slug), request.GET.get("name", "")
    try:
        COMPUTE_NAME.check(name)
    except Invalid as refusal:
        return render(request, "compute/_name_check.html", {"error": refusal.message})
    taken = workspace.compute_targets.present().filter(name__iexact=name).first()
    return render(request, "compute/_name_check.html", {"error": taken.taken if taken else ""})
