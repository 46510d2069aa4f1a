"""The page of one version of a registered model, with the files that its run has of it."""

import re

from django.http import Http404
from django.shortcuts import render
from django.views.decorators.http import require_GET

from registry.models import ModelVersion
from runs.files import artifacts, logs, previews
from runs.pages import file_tree
from runs.pages.access import workspace_of
from studio.errors import Invalid

# The folder of the run in the ways in which clients write a source.
FOLDER = re.compile(r"(?:^runs:/[^/]+|/artifacts|/dcid\.[^/]+)/(?P<path>[^?#]+)$")
# Without JavaScript, the end of a log is shown.
TAIL = 64 * 1024


@require_GET
def version_detail(request, slug: str, name: str, number: int):
    """`?path=` selects a file of the model."""
    workspace = workspace_of(request, slug)
    versions = ModelVersion.objects.select_related(
        "model", "run__workspace", "run__experiment", "created_by", "logged_model"
    )
    version = versions.filter(model__workspace=workspace, model__name=name, number=number).first()
    if version is None:
        raise Http404(f"There is no version {number} of a model {name}.")
    aliases = [alias for alias, pointed in version.model.aliases.items() if pointed == version.number]
    context = {"version": version, "aliases": aliases, **_files_context(request, version)}
    return render(request, "registry/version_detail.html", context)


def _files_context(request, version: ModelVersion) -> dict:
    """The tree of the model's files; empty if another run or server has them."""
    folder = FOLDER.search(version.source)
    run = version.run if version.run and version.run.deleted_at is None else None
    if folder is None or run is None:
        return {}
    root = folder["path"].strip("/")
    # "0" follows "/": a range uses the index.
    files = run.artifacts.filter(path__gt=f"{root}/", path__lt=f"{root}0")
    path = request.GET.get("path", "")
    file = files.filter(path=path).select_related("run").first() if path else None
    if path and file is None:
        raise Invalid(f"The model has no file {path[:1000]!r}.", target="path")
    listed = file_tree.list_first_files(files, path)
    opened = tuple("/".join(root.split("/")[: depth + 1]) for depth in range(root.count("/") + 1))
    more = {"tree": file_tree.build_file_tree(listed, path, opened), "left_out": files.count() - len(listed)}
    return {**more, "run": run, "file": file, "tree_width": file_tree.read_width(request), **_preview_context(file)}


def _preview_context(file) -> dict:
    if file is None:
        return {}
    found = previews.make_preview(
        file.path, file.content_type, file.size, lambda length: artifacts.read_bytes(file, 0, length)
    )
    return {"preview": found, "tail": logs.read_tail(file, TAIL) if found.kind == "log" else ""}
