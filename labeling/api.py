"""Labeling projects over REST: create and change them, read and give labels, and export them as a data asset."""

from django.http import Http404, HttpRequest
from ninja import Path, Router, Status

from assets.data import datasets
from labeling import resources
from labeling.export import export_labels
from labeling.models import LabelingItem, LabelingProject
from studio import api
from studio.errors import Conflict, Invalid
from studio.schemas import list_of
from workspaces.models import Workspace
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["labeling"])
# What a project keeps from its creation on.
FIXED = ("dataAsset", "column", "labelersPerItem")


@router.get("", response=list_of(resources.LabelingProjectResource), summary="List the labeling projects")
def project_list(request: HttpRequest, workspace_path: Path[WorkspacePath], archived: bool = False):
    workspace = find_workspace(request, workspace_path)
    rows = LabelingProject.objects.filter(workspace=workspace, archived_at__isnull=not archived)
    found, next_link = api.cut_page(request, rows.select_related("version__asset", "created_by").order_by("name"))
    counts = resources.count_states(found)
    for row in found:
        row.workspace = workspace
    value = [resources.LabelingProjectResource.of(row, counts[row.pk]) for row in found]
    return list_of(resources.LabelingProjectResource)(value=value, nextLink=next_link)


def _find_project(workspace: Workspace, name: str) -> LabelingProject:
    rows = LabelingProject.objects.select_related("version__asset", "created_by")
    found = rows.filter(workspace=workspace, name=name).first()
    if found is None:
        raise Http404(f"There is no labeling project {name!r} in {workspace.name}.")
    found.workspace = found.version.workspace = workspace
    return found


@router.get("/{name}", response=resources.LabelingProjectResource, summary="Get a labeling project with its progress")
def project_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    return resources.LabelingProjectResource.of(_find_project(find_workspace(request, workspace_path), name))


@router.put(
    "/{name}",
    response={200: resources.LabelingProjectResource, 201: resources.LabelingProjectResource},
    summary="Create a labeling project, or change its labels and instructions, archive or restore it",
)
def project_put(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.LabelingProjectUpdate
):
    workspace, given = find_workspace(request, workspace_path, "edit"), body.properties
    if not LabelingProject.objects.filter(workspace=workspace, name=name).exists():
        made = _create(request, workspace, name, given)
        return Status(201, resources.LabelingProjectResource.of(made))
    project = _find_project(workspace, name)
    if fixed := [field for field in FIXED if getattr(given, field) is not None]:
        text = f"There is a labeling project {name} already, whose {fixed[0]} does not change. Choose another name."
        raise Conflict(text, target=f"properties/{fixed[0]}")
    if given.labels is not None or given.instructions is not None:
        labels = project.labels if given.labels is None else given.labels
        project.edit(request.auth, labels, project.instructions if given.instructions is None else given.instructions)
    if given.isArchived is not None and given.isArchived != bool(project.archived_at):
        project.archive(request.auth, given.isArchived)
    return Status(200, resources.LabelingProjectResource.of(project))


def _create(request: HttpRequest, workspace: Workspace, name: str, given) -> LabelingProject:
    for field in ("dataAsset", "labels"):
        if not getattr(given, field):
            raise Invalid(f"A new labeling project needs {field}.", target=f"properties/{field}")
    version = datasets.find_version(workspace, given.dataAsset, given.dataVersion)
    fields = {"labels": given.labels, "column": given.column, "instructions": given.instructions}
    return LabelingProject.create(request.auth, version, name, labelers_per_item=given.labelersPerItem or 1, **fields)


@router.post("/{name}/exportLabels", response=resources.LabelingExport, summary="Register the labels as a data asset")
def project_export(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    project = _find_project(find_workspace(request, workspace_path, "edit"), name)
    made = export_labels(request.auth, project)
    return resources.LabelingExport(id=made.arm_id, name=made.named_asset.name, version=made.version)


@router.get("/{name}/items", response=list_of(resources.LabelingItemResource), summary="List the items with labels")
def item_list(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, state: str = "", label: str = ""):
    project = _find_project(find_workspace(request, workspace_path), name)
    if state and state not in LabelingItem.State.values:
        raise Invalid(f"state={state[:40]!r}: write {', '.join(LabelingItem.State.values)}.", target="state")
    wanted = {"state": state, "label": label}
    rows = project.items.filter(**{key: value for key, value in wanted.items() if value}).order_by("number")
    rows = rows.select_related("decided_by").prefetch_related("answers__person")
    return api.paginate(request, rows, resources.LabelingItemResource)


@router.put("/{name}/items/{number}", response=resources.LabelingItemResource, summary="Give a label to an item")
def item_label(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, number: int, body: resources.LabelUpdate
):
    project = _find_project(find_workspace(request, workspace_path, "edit"), name)
    item = project.items.filter(number=min(number, 2**31 - 1)).first()
    if item is None:
        raise Http404(f"{name} has no item {number}.")
    if body.isDecision:
        item.decide(request.auth, body.label)
    else:
        item.add_answer(request.auth.user, body.label)
    found = project.items.select_related("decided_by").prefetch_related("answers__person")
    return resources.LabelingItemResource.of(found.get(pk=item.pk))
