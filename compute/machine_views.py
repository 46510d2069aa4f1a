"""Pages of the machines that run nodes, with their free capacity. Site administrators add, drain, reopen and detach
them."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.actors import actor_of_request, require_site_admin
from compute import capacity, joining
from compute.models import ComputeTarget, Host, JoinToken, Node, SshAttachment
from studio.htmx import render_page
from workspaces.lookup import find_page_workspace


@require_safe
def machine_list(request, slug):
    workspace = find_page_workspace(request, slug, "read_compute")
    hosts = list(Host.objects.order_by("name"))
    free = capacity.measure_free_resources(hosts)
    mine = {}
    for node in capacity.taking_nodes().filter(host__in=hosts).select_related("target").order_by("created_at"):
        counts = mine.setdefault(node.host_id, {"own": [], "other": 0})
        if node.target.workspace_id == workspace.pk:
            counts["own"].append(node)
        else:
            counts["other"] += 1
    for host in hosts:
        host.free, host.taken = free[host.pk], mine.get(host.pk, {"own": [], "other": 0})
    may_edit, joined = actor_of_request(request).is_site_admin, SshAttachment.State.JOINED
    unfinished = SshAttachment.objects.filter(workspace=workspace).exclude(state=joined).order_by("pk")
    context = {
        "hosts": hosts,
        "may_edit": may_edit,
        "attachments": unfinished if may_edit else [],
        "cluster_count": count_clusters(workspace),
    }
    return render_page(request, "compute/machine_list.html", context, partial="machines")


@require_POST
def machine_drain(request, slug, pk):
    host = _machine(request, slug, pk)
    host.drain()
    text = f"{host.name} accepts no more jobs; its nodes stop when their current jobs end."
    messages.success(request, text, extra_tags=f"undo:{reverse('compute:machine_open', args=[slug, pk])}")
    return redirect("compute:machine_list", slug)


@require_POST
def machine_open(request, slug, pk):
    host = _machine(request, slug, pk)
    host.reopen()
    messages.success(request, f"{host.name} accepts jobs again.")
    return redirect("compute:machine_list", slug)


@require_POST
def machine_detach(request, slug, pk):
    host = _machine(request, slug, pk)
    host.detach()
    messages.success(request, f"{host.name} no longer accepts jobs, and is removed when its current jobs end.")
    return redirect("compute:machine_list", slug)


@require_POST
def machine_add(request, slug):
    """The commands to run on the machine, with a token that is shown once."""
    workspace = administered_workspace(request, slug)
    token, secret = JoinToken.create_with_secret(request.user)
    context = {
        "token": token,
        "commands": joining.list_commands(secret),
        "problem": joining.find_problem(),
        "cluster_count": count_clusters(workspace),
    }
    return render(request, "compute/machine_add.html", context)


@require_safe
def machine_added(request, slug, token):
    """Whether the machine has joined; the page with the commands polls this."""
    administered_workspace(request, slug)
    found = get_object_or_404(JoinToken.objects.select_related("host"), pk=token, created_by=request.user)
    return render(request, "compute/_machine_added.html", {"token": found})


def _machine(request, slug, pk) -> Host:
    administered_workspace(request, slug)
    return get_object_or_404(Host, pk=pk)


def administered_workspace(request, slug):
    """Machines belong to the site, so only its administrators change them."""
    workspace = find_page_workspace(request, slug, "read_compute")
    require_site_admin(actor_of_request(request), "add, drain, detach and open machines")
    return workspace


def count_clusters(workspace) -> int:
    return workspace.compute_targets.present().filter(kind=ComputeTarget.Kind.CLUSTER).count()


@require_POST
def node_drain(request, slug, name, node):
    """Drain one node of a cluster."""
    workspace = find_page_workspace(request, slug, "edit_compute")
    found = Node.objects.present().filter(target__workspace=workspace, target__name__iexact=name, name=node)
    row = found.select_related("target__workspace").first()
    if row is None:
        raise Http404(f"The cluster {name} no longer has a node {node}.")
    row.drain()
    messages.success(request, f"{row.name} no longer accepts jobs, and stops when its current jobs end.")
    return redirect("compute:cluster_nodes", slug, row.target.name)
