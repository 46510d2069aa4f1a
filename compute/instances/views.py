"""Pages of compute instances: the list, creation, details, and links to applications."""

from urllib.parse import quote

from django.conf import settings
from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of_request
from accounts.edit_conflicts import cleaned_or_conflict, edit_in_turn
from accounts.form_keys import process_once
from accounts.models import User
from accounts.view_as import hidden_in_view_as
from compute import sizes
from compute.instances import jupyter, power, schedules
from compute.instances.forms import ChangeForm, IdleEditForm, InstanceForm, ScheduleForm
from compute.instances.gateway_api import check_person
from compute.instances.rules import INSTANCE_NAME
from compute.models import ApplicationSession, ComputeInstance, ComputeTarget
from compute.wizard import answer_name_check
from studio.errors import Conflict, Invalid, NotReady
from studio.forms import attempt, cleaned_or_invalid
from studio.htmx import render_page
from studio.list_parameters import accept_parameters
from studio.pagination import page_of
from studio.wizard import list_steps
from workspaces.access import can
from workspaces.lookup import find_page_workspace
from workspaces.models import RoleAssignment

# In the order of the column.
APPLICATION_NAMES = [("jupyterlab", "JupyterLab"), ("jupyter", "Jupyter"), ("terminal", "Terminal")]


def instances_of(workspace):
    return (
        ComputeInstance.objects.present().filter(target__workspace=workspace).with_state().prefetch_related("schedules")
    )


def find_page_instance(request, slug, name, verb="read_compute") -> ComputeInstance:
    workspace = find_page_workspace(request, slug, verb)
    found = instances_of(workspace).filter(target__name__iexact=name).first()
    if found is None:
        raise Http404(f"There is no compute instance {name} in this workspace. It may have been deleted.")
    found.target.workspace = workspace
    return found


def rights_on(request, workspace) -> dict:
    actor = actor_of_request(request)
    return {
        "may_edit": can(actor, "edit_compute", workspace),
        "may_use": can(actor, "use_compute", workspace),
        "has_applications": settings.APPLICATIONS is not None,
        "application_names": APPLICATION_NAMES,
    }


@require_safe
@accept_parameters()
def instance_list(request, slug):
    workspace = find_page_workspace(request, slug, "read_compute")
    page = page_of(request, instances_of(workspace).order_by("-target__created_at"))
    for instance in page.object_list:
        instance.target.workspace = workspace
    is_changing = any(instance.is_changing for instance in page.object_list)
    context = {
        "page": page,
        "is_changing": is_changing,
        "cluster_count": workspace.compute_targets.present().filter(kind=ComputeTarget.Kind.CLUSTER).count(),
        **rights_on(request, workspace),
    }
    return render_page(request, "compute/instances/instance_list.html", context, partial="instances")


def people_of(workspace):
    """The people with a role in the workspace, direct or by a group, to whom an instance can be assigned."""
    group, subscription = workspace.resource_group, workspace.resource_group.subscription
    rows = RoleAssignment.objects
    roles = (
        rows.filter(workspace=workspace) | rows.filter(resource_group=group) | rows.filter(subscription=subscription)
    )
    found = User.objects.filter(is_active=True, kind=User.Kind.PERSON)
    return found.filter(pk__in=roles.values("user")).order_by("username")


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def instance_new(request, slug):
    workspace = find_page_workspace(request, slug, "edit_compute")
    form = InstanceForm(request.POST or None, people=people_of(workspace))

    def create() -> ComputeInstance:
        data = form.cleaned_data
        recorded = {key: data[key] for key in ("description", "tags")}
        return power.create_instance(
            workspace,
            request.user,
            data["name"],
            data["vm_size"],
            assigned_to=data["assigned_to"],
            idle_minutes=form.minutes,
            starts=data["starts"],
            **recorded,
        )

    made = attempt(form, create) if request.method == "POST" else None
    if made:
        messages.success(request, f"Compute instance {made} was created.")
        return redirect("compute:instance_detail", slug, made.target.name)
    selected = form["vm_size"].value() or sizes.suggest_size()
    context = {
        "form": form,
        "sizes": sizes.merge_same_sizes(sizes.offered_sizes(), [selected]),
        "selected": selected,
        "steps": list_steps(["Settings"], 0),
    }
    return render(request, "compute/instances/instance_new.html", context)


@require_safe
def instance_name_check(request, slug):
    return answer_name_check(request, slug, INSTANCE_NAME)


@require_safe
def instance_detail(request, slug, name):
    context = detail_context(request, find_page_instance(request, slug, name))
    return render_page(request, "compute/instances/instance_detail.html", context, partial="instance-now")


def detail_context(request, instance: ComputeInstance, schedule_form: ScheduleForm | None = None) -> dict:
    """The content of its page; `schedule_form` is a new schedule with errors."""
    return {
        "instance": instance,
        "target": instance.target,
        "idle_form": _idle_form(instance),
        "schedules": instance.schedules.all(),
        "schedule_form": schedule_form or ScheduleForm(),
        "sizes": sizes.merge_same_sizes(sizes.offered_sizes(), [instance.target.vm_size]),
        "is_mine": instance.assigned_to_id == request.user.pk,
        **rights_on(request, instance.target.workspace),
    }


def _idle_form(instance, data=None) -> IdleEditForm:
    initial = {"shuts_down": instance.idle_minutes is not None, "idle_minutes": instance.idle_minutes or 60}
    return IdleEditForm(data, initial=initial, edited=instance.target)


DONE = {
    "start": "is starting.",
    "stop": "is being stopped. Files stay.",
    "restart": "is being restarted.",
    "resize": "has another size.",
    "delete": "is being deleted. The files of its user stay in the file share.",
    "skip": "stays running.",
    "skip_schedule": "stays running: this stop is skipped.",
    "idle": "has new idle shutdown settings.",
}


@require_POST
def instance_change(request, slug, name):
    """Start, stop, restart, resize or delete an instance, or change its idle shutdown; depending on the button's `act`."""
    find_page_workspace(request, slug, "use_compute")
    given = cleaned_or_invalid(ChangeForm(request.POST))
    act = given["act"]
    verb = "edit_compute" if act in ("delete", "idle", "resize") else "use_compute"
    instance = find_page_instance(request, slug, name, verb)
    if act == "idle":
        with edit_in_turn(request):
            form = _idle_form(find_page_instance(request, slug, name, verb), request.POST)
            cleaned_or_conflict(form)
            power.change_idle_shutdown(instance, form.minutes)
    elif act == "skip":
        instance.record_activity(timezone.now())
    elif act == "skip_schedule":
        schedules.skip_stop(instance, request.user)
    elif act == "resize":
        power.resize_instance(instance, given["vm_size"])
    elif act == "delete":
        if given["confirm_name"] != instance.target.name:
            raise Invalid(f"Type the name {instance} to delete it; nothing was deleted.", target="confirm_name")
        power.delete_instance(instance)
    else:
        {"start": power.start_instance, "stop": power.stop_instance, "restart": power.restart_instance}[act](instance)
    messages.success(request, f"Compute instance {instance} {DONE[act]}")
    if given["next"].startswith("/") and url_has_allowed_host_and_scheme(given["next"], None):
        return redirect(given["next"])
    return redirect("compute:instances", slug) if act == "delete" else redirect(instance)


@hidden_in_view_as
@never_cache
@require_safe
def instance_open(request, slug, name, application):
    """Redirect to an application at its own host name, with a ticket. `?path=` opens a file of the share."""
    instance = find_page_instance(request, slug, name, "use_compute")
    check_person(request.user, instance)
    if not instance.is_reachable:
        raise Conflict(f"The compute instance {instance} is {instance.state.lower()}. Start it first.")
    return redirect(make_entry(request, instance, find_path(instance, application, request.GET.get("path", ""))))


def find_path(instance: ComputeInstance, application: str, path: str = "") -> str:
    """The path of an application on the server of the instance; `path` is one of the share."""
    if application == "terminal":
        try:
            return jupyter.open_terminal(instance.address, instance.server_token)
        except jupyter.ServerAway as error:
            raise NotReady(f"The compute instance {instance} does not answer. Try again in a moment.") from error
    if application not in jupyter.APPLICATIONS:
        there = ", ".join([*jupyter.APPLICATIONS, "terminal"])
        raise Http404(f"There is no application {application!r}; there are {there}.")
    start = jupyter.APPLICATIONS[application]
    # The links in JupyterLab's root folder have the names of the share's folders.
    inside = quote(path.removeprefix("Users/"), safe="/")
    return f"{start}/tree/{inside}" if path and application == "jupyterlab" else f"{start}/{inside}" if path else start


def make_entry(request, instance: ComputeInstance, path: str) -> str:
    """The URL with a ticket for this browser, valid once within a minute."""
    if settings.APPLICATIONS is None:
        raise Conflict("Applications need their own host names: ask the site admin to set APPS_URL (docs: Operations).")
    ticket = ApplicationSession.begin(instance, request.user, request.session.session_key, path)
    return f"{settings.APPLICATIONS.origin_of(instance.label)}/_enter?ticket={ticket}"


@hidden_in_view_as
@never_cache
@require_safe
def application_sign_in(request, label):
    """The page to which the gateway redirects a browser without its cookie; `?next=` is the path on the application."""
    instance = get_object_or_404(ComputeInstance.objects.present().with_state(), label=label)
    workspace = instance.target.workspace
    if not can(actor_of_request(request), "read_compute", workspace):
        raise Http404("There is no application of this name.")
    check_person(request.user, instance)
    path = request.GET.get("next", "")
    if not path.startswith("/") or path.startswith("//") or len(path) > 2000:
        path = jupyter.APPLICATIONS["jupyterlab"]
    if not instance.is_reachable:
        return redirect(f"{reverse('compute:instance_detail', args=[workspace.slug, instance.target.name])}")
    return redirect(make_entry(request, instance, path))
