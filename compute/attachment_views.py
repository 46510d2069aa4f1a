"""Pages with which site administrators attach machines by SSH. The control worker dials, no web process."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actors import actor_of_request
from accounts.form_keys import process_once
from compute import joining
from compute.forms import AttachForm
from compute.machine_views import administered_workspace, count_clusters
from compute.models import AttachedMachine, ComputeTarget, SshAttachment
from studio.errors import Invalid
from studio.forms import attempt
from studio.htmx import render_page
from studio.pagination import page_of
from workspaces.access import can
from workspaces.lookup import find_page_workspace

ACTS = ("confirm", "retry", "remove")


@never_cache
@sensitive_post_parameters("credential")
@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def machine_attach(request, slug):
    """The form of a machine to attach."""
    workspace, actor = administered_workspace(request, slug), actor_of_request(request)
    may_read = can(actor, "read_secrets", workspace)
    secrets = workspace.secrets.readable().order_by("name").values_list("name", flat=True) if may_read else []
    form = AttachForm(request.POST or None, secrets=secrets[:500])
    made = None
    if request.method == "POST":
        made = attempt(form, lambda: _attach(actor, workspace, **form.cleaned_data))
    if made:
        return redirect("compute:machine_attachment", slug, made.pk)
    context = {"form": form, "problem": joining.find_problem(), "cluster_count": count_clusters(workspace)}
    return render(request, "compute/machine_attach.html", context)


def _attach(actor, workspace, *, compute_name: str, **machine) -> SshAttachment:
    if not compute_name:
        return SshAttachment.create(actor, workspace, **machine)
    return AttachedMachine.attach(actor, workspace, compute_name, machine=machine)


@require_safe
def attached_list(request, slug):
    """The compute targets of single machines."""
    workspace = find_page_workspace(request, slug, "read_compute")
    targets = workspace.compute_targets.present().filter(kind=ComputeTarget.Kind.ATTACHED).with_counts()
    rows = targets.select_related("attached__host", "attached__attachment").order_by("-created_at")
    page = page_of(request, rows)
    for target in page.object_list:
        target.workspace = workspace
    may_edit = actor_of_request(request).is_site_admin
    context = {"page": page, "may_edit": may_edit, "cluster_count": count_clusters(workspace)}
    return render_page(request, "compute/attached_list.html", context, partial="attached-machines")


@require_http_methods(["GET", "HEAD", "POST"])
def machine_attachment(request, slug, pk):
    """Its steps; a POST confirms the host key, tries again or removes it, depending on the button's `act`."""
    workspace, actor = administered_workspace(request, slug), actor_of_request(request)
    rows = SshAttachment.objects.filter(workspace=workspace).select_related("workspace", "secret", "host", "created_by")
    row = get_object_or_404(rows, pk=pk)
    if request.method != "POST":
        context = {"row": row, "cluster_count": count_clusters(workspace)}
        return render_page(request, "compute/machine_attachment.html", context, partial="attachment")
    act = request.POST.get("act", "")
    if act == "remove":
        row.remove(actor)
        messages.success(request, f"{row} was removed from this list; a machine that has joined stays connected.")
        return redirect("compute:machine_list", slug)
    if act not in ACTS:
        raise Invalid(f"act is {act[:40]!r}; it may be {', '.join(ACTS)}.", target="act")
    row.retry(actor) if act == "retry" else row.confirm(actor, request.POST.get("host_key", ""))
    return redirect("compute:machine_attachment", slug, pk)
