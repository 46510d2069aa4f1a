"""Prevents the deletion of a job's files that a version of a model uses."""

from registry import sources
from registry.models import ModelVersion
from runs.models import Artifact
from studio.errors import Conflict


def check_deletable(artifact: Artifact) -> None:
    """Raise Conflict if a version that is not in the trash uses the file."""
    for version in ModelVersion.objects.present().filter(run=artifact.run).select_related("model"):
        source = sources.parse_source(version.source)
        if source.kind == "run" and _is_below(artifact.path, source.path):
            raise Conflict(
                f"{artifact.path} belongs to the model {version.model.name}, version {version.number}. Delete that first.",
                code="in_use",
                target="path",
            )


def _is_below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")
