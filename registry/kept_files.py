"""Prevents the deletion of files of a job or of the workspace that a version of a model uses."""

from registry import sources
from registry.models import ModelVersion, WorkspaceFile
from runs.models import Artifact
from studio.errors import Conflict
from workspaces.models import Workspace


def check_deletable(artifact: Artifact) -> None:
    """Raise Conflict if a version that is not in the trash uses the file."""
    for version in ModelVersion.objects.present().filter(run=artifact.run).select_related("model"):
        source = sources.parse_source(version.source)
        if source.kind == "run" and _is_below(artifact.path, source.path):
            raise _in_use(artifact.path, version)


def check_changeable(workspace: Workspace, files: list[WorkspaceFile]) -> None:
    """Raise Conflict if a version that is not in the trash uses one of the workspace's files."""
    roots = {file.path.split("/")[0] for file in files}
    for root in roots:
        versions = ModelVersion.objects.present().filter(workspace=workspace, source__contains=root)
        for version in versions.select_related("model"):
            source = sources.parse_source(version.source)
            used = [file for file in files if source.kind == "workspace" and _is_below(file.path, source.path)]
            if used:
                raise _in_use(used[0].path, version)


def _in_use(path: str, version: ModelVersion) -> Conflict:
    text = f"{path} belongs to the model {version.model.name}, version {version.number}. Delete that first."
    return Conflict(text, code="in_use", target="path")


def _is_below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")
