"""The two steps to create a cluster: the size, then the settings. All choices are in the URL."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.form_keys import process_once
from compute import capacity, quota, sizes
from compute.forms import ClusterForm, MachineForm
from compute.models import ComputeTarget, Host, Resources, VmSize
from compute.rules import COMPUTE_NAME
from studio.errors import Invalid
from studio.forms import attempt
from studio.htmx import render_page
from studio.rules import Rule
from studio.wizard import list_steps
from workspaces.lookup import find_page_workspace

STEPS = ["Virtual machine", "Advanced settings"]


def _machine_kind(request) -> str:
    form = MachineForm({"kind": request.GET.get("kind") or "cpu"})
    if not form.is_valid():
        raise Invalid(str(form.errors["kind"][0]), target="kind")
    return form.cleaned_data["kind"]


def _size_rows(subscription_id: int, kind: str, hosts: list[Host], requested: str) -> list[dict]:
    """The sizes of a kind, with how many nodes of each the connected machines can run at once."""
    left = quota.available_cores(ComputeTarget.objects.clusters_of_subscription(subscription_id))
    found = [size for size in sizes.offered_sizes() if (size.category == "GPU") == (kind == "gpu")]
    return [
        {
            "size": size,
            "is_allowed": left[size.family] >= size.vcpus,
            "azure": sizes.find_azure_size(size),
            "at_once": capacity.count_nodes_at_once(_resources_of(size), hosts),
        }
        for size in sizes.merge_same_sizes(found, [requested, sizes.suggest_size()], left)
    ]


def _resources_of(size: VmSize) -> Resources:
    return Resources(size.vcpus, size.memory_gb, size.gpus)


def _default_size(rows: list[dict]) -> str:
    """The suggested size if a machine can run it, else the first that one can, else the first that the quota allows."""
    allowed = [row for row in rows if row["is_allowed"]]
    names = [row["size"].name for row in [row for row in allowed if row["at_once"]] or allowed]
    suggested = sizes.suggest_size()
    return suggested if suggested in names else next(iter(names), "")


@require_safe
def cluster_new(request, slug):
    workspace = find_page_workspace(request, slug, "edit_compute")
    kind, hosts = _machine_kind(request), [host for host in Host.objects.order_by("name") if host.is_alive]
    requested = request.GET.get("size", "")
    rows = _size_rows(workspace.resource_group.subscription_id, kind, hosts, requested)
    allowed = [row["size"].name for row in rows if row["is_allowed"]]
    context = {
        "steps": list_steps(STEPS, 0),
        "kind": kind,
        "hosts": hosts,
        "rows": rows,
        "selected": requested if requested in allowed else _default_size(rows),
        "has_prices": any(row["size"].price is not None for row in rows),
    }
    return render_page(request, "compute/cluster_new.html", context, partial="size-table")


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def cluster_new_settings(request, slug):
    workspace = find_page_workspace(request, slug, "edit_compute")
    size = sizes.find_offered(request.GET.get("size") or sizes.suggest_size())
    form = ClusterForm(request.POST or None)

    def create() -> ComputeTarget:
        recorded = {key: form.cleaned_data[key] for key in ("description", "tags")}
        name = form.cleaned_data["name"]
        return ComputeTarget.create(workspace, request.user, name, size.name, form.scale, **recorded)

    target = attempt(form, create) if request.method == "POST" else None
    if target:
        messages.success(request, f"Compute cluster {target.name} was created.")
        return redirect("compute:cluster_detail", slug, target.name)
    at_once = capacity.count_nodes_at_once(_resources_of(size), list(Host.objects.alive()))
    context = {"steps": list_steps(STEPS, 1), "size": size, "form": form, "at_once": at_once}
    return render(request, "compute/cluster_new_settings.html", context)


@require_safe
def cluster_name_check(request, slug):
    return answer_name_check(request, slug, COMPUTE_NAME)


def answer_name_check(request, slug, rule: Rule):
    """Respond while a name is typed: its problem, or that it is free."""
    workspace, name = find_page_workspace(request, slug, "edit_compute"), request.GET.get("name", "")
    try:
        rule.check(name)
    except Invalid as refusal:
        return render(request, "studio/_name_check.html", {"error": refusal.message})
    taken = workspace.compute_targets.present().filter(name__iexact=name).first()
    return render(request, "studio/_name_check.html", {"error": taken.taken if taken else ""})
