"""Find the rows of a URL that the person may see."""

import datetime as dt

from django.db import DEFAULT_DB_ALIAS, connection
from django.http import Http404
from django.urls import reverse

from runs.models import Experiment, Run
from studio.errors import InTrash
from studio.formats import format_count, utc_time
from studio.links import link_to, split_address
from studio.statements import read_row
from workspaces import access
from workspaces.lookup import find_page_workspace
from workspaces.models import Workspace

VERSION = f'SELECT id, status, revision FROM "{Run._meta.db_table}" WHERE workspace_id = %s AND run_id = %s AND deleted_at IS NULL'


def find_workspace(request, slug: str, verb: str = "read") -> Workspace:
    """Find the workspace: people without a role get 404; people without the permission to read or to do `verb` get
    403."""
    workspace = find_page_workspace(request, slug, "read")
    if verb != "read":
        require_permission(request, verb)
    return workspace


def find_runs(request, slug: str):
    return Run.objects.filter(workspace=find_workspace(request, slug), deleted_at=None)


def find_version(request, slug: str, run_id: str) -> Run | None:
    """The run with its status and revision only, for polls; None if there is none, or if it is in the trash."""
    workspace = find_workspace(request, slug)
    with connection.cursor() as cursor:
        cursor.execute(VERSION, [workspace.pk, run_id])
        row = cursor.fetchone()
    return row and Run.from_db(DEFAULT_DB_ALIAS, ("id", "status", "revision"), row)


def find_run(request, slug: str, run_id: str) -> Run:
    run = _find_row(request, slug, Run, ("experiment", "created_by"), run_id=run_id)
    run.experiment.workspace = run.workspace
    return run


def find_experiment(request, slug: str, experiment_id) -> Experiment:
    return _find_row(request, slug, Experiment, ("created_by",), experiment_id=experiment_id)


def _find_row(request, slug: str, model, related: tuple[str, ...], **words):
    """Show people who may restore an object that it is in the trash; others get 404."""
    workspace = find_workspace(request, slug)
    found = read_row(model, related=related, workspace=workspace.pk, **words)
    if found is None:
        raise Http404
    found.workspace = workspace
    if found.deleted_at is None:
        return found
    if is_allowed(request, "edit"):
        fields = {"run": found.run_id} if isinstance(found, Run) else {"experiment": found.name}
        raise InTrash(f"{found} is in the trash.", link_to("trash", slug), (link_to("restore", slug), fields))
    raise Http404


def is_allowed(request, verb: str) -> bool:
    """Whether to offer an action; its view checks again."""
    return verb in request.allowed_verbs


def require_permission(request, verb: str) -> None:
    if verb not in request.allowed_verbs:
        raise access.denied(verb, request.workspace)


def return_url(request, slug: str, otherwise: str = "") -> str:
    """The URL of the page with the form, its `next`; only pages of this workspace are accepted."""
    url = split_address(request.POST.get("next", "") or request.GET.get("next", ""))
    home = reverse("workspaces:home", args=[slug])
    if url.scheme or url.netloc or not url.path.startswith(home):
        return otherwise or reverse("runs:jobs", args=[slug])
    return f"{url.path}?{url.query}" if url.query else url.path


def name_deleted_children(workspace: Workspace, at: dt.datetime, chosen: int) -> str:
    """` with 40 child jobs`: those that went to the trash with so many chosen jobs, all at one time."""
    children = Run.objects.filter(workspace=workspace, deleted_at=at).count() - chosen
    return f" with {format_count(children, 'child job')}" if children else ""


def undo_tag(slug: str, at: dt.datetime) -> str:
    """For `extra_tags` of a message: adds a button that undoes the deletion with this time."""
    return f"undo:{link_to('undo_deletion', slug)}?at={utc_time(at)}"
