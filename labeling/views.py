"""Labeling projects: their list, creating one, its dashboard and settings, and the export of its labels."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import actor_of_request
from accounts.edit_conflicts import edit_in_turn
from accounts.form_keys import process_once
from assets.data import datasets, previews
from assets.data.models import DataAsset
from labeling.export import export_labels
from labeling.forms import ProjectEditForm, ProjectForm
from labeling.models import LabelingItem, LabelingProject
from labeling.rules import EXPORT_ENDING
from runs.pages.access import find_workspace, is_allowed, require_permission
from studio.errors import Conflict, Invalid
from studio.forms import attempt
from studio.list_parameters import accept_parameters
from studio.pagination import page_of
from studio.words import split_words

TABS = [
    ("detail", "Dashboard", "labeling:detail"),
    ("items", "Data", "labeling:items"),
    ("settings", "Details", "labeling:settings"),
]
MAX_ASSETS = 500


def find_project(request, slug: str, name: str) -> LabelingProject:
    workspace = find_workspace(request, slug)
    rows = LabelingProject.objects.select_related("version__asset", "created_by")
    found = rows.filter(workspace=workspace, name=name).first()
    if found is None:
        raise Http404(f"There is no labeling project {name!r} in {workspace.name}.")
    found.workspace = found.version.workspace = workspace
    return found


def find_project_to_label(request, slug: str, name: str) -> LabelingProject:
    """The project for a person who may label; raises Denied for readers."""
    found = find_project(request, slug, name)
    require_permission(request, "edit")
    return found


def build_context(request, project: LabelingProject, tab: str, **more) -> dict:
    """The context of every tab."""
    return {"project": project, "tab": tab, "tabs": TABS, "may_edit": is_allowed(request, "edit"), **more}


@require_safe
@accept_parameters("q", "archived")
def project_list(request, slug):
    """`?archived` shows the archived ones."""
    workspace = find_workspace(request, slug)
    words, archived = split_words(request.GET.get("q", "")), "archived" in request.GET
    rows = LabelingProject.objects.filter(workspace=workspace, archived_at__isnull=not archived)
    for word in words:
        rows = rows.filter(name__icontains=word)
    rows = rows.with_counts().select_related("workspace", "version__asset", "created_by").order_by("-created_at")
    context = {
        "page": page_of(request, rows),
        "words": " ".join(words),
        "archived": archived,
        "may_edit": is_allowed(request, "edit"),
    }
    return render(request, "labeling/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@process_once
def project_new(request, slug):
    """`?data=` chooses the data asset."""
    workspace = find_workspace(request, slug, "edit")
    assets = DataAsset.objects.filter(workspace=workspace, archived_at=None).order_by("name")
    names = list(assets.values_list("name", flat=True)[:MAX_ASSETS])
    form = ProjectForm(request.POST or None, initial={"data_asset": request.GET.get("data", "")}, assets=names)
    made = request.method == "POST" and attempt(form, lambda: _create(request, workspace, dict(form.cleaned_data)))
    if made:
        messages.success(request, f"The labeling project {made.name} was created with {made.items.count()} items.")
        return redirect(made)
    return render(request, "labeling/new.html", {"form": form, "has_data": bool(names)})


def _create(request, workspace, data: dict) -> LabelingProject:
    version = datasets.find_version(workspace, data.pop("data_asset"))
    del data["kind"]
    try:
        return LabelingProject.create(actor_of_request(request), version, data.pop("name"), **data)
    except previews.PROBLEMS as error:
        # A datastore that does not answer is shown in the form, too.
        raise error if isinstance(error, Conflict | Invalid) else Conflict(error.message) from error


@require_safe
def project_detail(request, slug, name):
    project = find_project(request, slug, name)
    states, labels, labelers = project.count_states(), project.count_labels(), project.list_labelers()
    total, open_count = sum(states.values()), states[LabelingItem.State.OPEN]
    shared = sum(row["shared"] for row in labelers)
    more = {
        "total": total,
        "done": total - open_count,
        "states": [(LabelingItem.State(state), count) for state, count in states.items()],
        "labels": labels,
        "most": max(1, *(count for _, count in labels)),
        "labelers": labelers,
        "agreement": round(100 * sum(row["agreed"] for row in labelers) / shared) if shared else None,
        "export_name": project.name + EXPORT_ENDING,
    }
    return render(request, "labeling/detail.html", build_context(request, project, "detail", **more))


@require_http_methods(["GET", "HEAD", "POST"])
def project_settings(request, slug, name):
    """A POST changes labels and instructions."""
    with edit_in_turn(request):
        project = find_project(request, slug, name)
        initial = {"labels": project.labels, "instructions": project.instructions}
        form = ProjectEditForm(request.POST or None, initial=initial, edited=project)
        if request.method == "POST":
            require_permission(request, "edit")
            if attempt(form, lambda: _edit(request, project, form)):
                messages.success(request, f"{project.name} was changed.")
                return redirect("labeling:settings", slug, name)
    context = build_context(request, project, "settings", form=form)
    return render(request, "labeling/settings.html", context, status=form.status)


def _edit(request, project: LabelingProject, form: ProjectEditForm) -> bool:
    project.edit(actor_of_request(request), **form.cleaned_data)
    return True


@require_POST
def project_change(request, slug, name):
    """Export the labels, archive the project or restore it; depending on the button's `act`."""
    project, act = find_project_to_label(request, slug, name), request.POST.get("act", "")
    if act == "export":
        made = export_labels(actor_of_request(request), project)
        messages.success(request, f"The labels were registered as {made}.")
        return redirect(made)
    if act not in ("archive", "restore"):
        raise Invalid(f"act: {act[:50]!r} is not possible; use export, archive or restore.", target="act")
    project.archive(actor_of_request(request), act == "archive")
    messages.success(request, f"{name} was {'archived' if act == 'archive' else 'restored'}.")
    return redirect(project)
