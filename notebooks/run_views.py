"""A notebook, or a terminal, in a frame of the studio, on a compute instance that is chosen and started here."""

from urllib.parse import quote, urlencode

from django.conf import settings
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.actors import actor_of_request
from compute.models import ComputeInstance
from notebooks.access import SAMPLES, ShareFiles, find_files
from notebooks.forms import PathForm
from studio.errors import Invalid
from studio.forms import cleaned_or_invalid
from studio.htmx import render_page
from studio.middleware import POLICY
from workspaces.access import can

FRAMES = "frame-src 'self' blob:"


def instances_of(request, files: ShareFiles) -> list[ComputeInstance]:
    """The person's own, running ones first."""
    own = ComputeInstance.objects.present().filter(target__workspace=files.workspace, assigned_to=request.user)
    found = list(own.with_state().order_by("target__name"))
    for instance in found:
        instance.target.workspace = files.workspace
    return sorted(found, key=lambda instance: instance.state != ComputeInstance.State.RUNNING)


@never_cache
@require_safe
def notebook_run(request, slug):
    """`?path=` is the notebook, `?instance=` the compute instance; without a path a terminal is opened."""
    files = find_files(request, slug)
    path = cleaned_or_invalid(PathForm(request.GET))["path"] if request.GET.get("path") else ""
    if path:
        check_notebook(files, path)
    instances = instances_of(request, files)
    wanted = request.GET.get("instance", "")
    instance = next((one for one in instances if one.target.name == wanted), instances[0] if instances else None)
    context = {
        "files": files,
        "path": path,
        "name": path.rpartition("/")[2] if path else "Terminal",
        "instances": instances,
        "instance": instance,
        "frame_url": make_url(slug, instance, "notebook" if path else "terminal", path) if instance else "",
        "lab_url": make_url(slug, instance, "jupyterlab", path) if instance else "",
        "may_create": can(actor_of_request(request), "edit_compute", files.workspace),
        "has_applications": settings.APPLICATIONS is not None,
    }
    response = render_page(request, "notebooks/run.html", context, partial="notebook-frame")
    if instance and settings.APPLICATIONS and instance.label:
        origin = settings.APPLICATIONS.origin_of(instance.label)
        response.headers["Content-Security-Policy"] = POLICY.replace(FRAMES, f"{FRAMES} {origin}")
    return response


def check_notebook(files: ShareFiles, path: str) -> None:
    if files.root_of(path) == SAMPLES:
        raise Invalid("Copy the sample to your files, and run the copy.", target="path")
    if not files.find(path).is_notebook:
        raise Invalid(f"{path} is not a notebook.", target="path")


def make_url(slug: str, instance: ComputeInstance, application: str, path: str) -> str:
    address = reverse("compute:instance_open", args=[slug, instance.target.name, application])
    return f"{address}?{urlencode({'path': path}, quote_via=quote)}" if path else address
