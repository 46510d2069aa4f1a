"""Differences of a revision from the one before it."""

import itertools
from collections.abc import Sequence
from typing import Any

from endpoints.models import Revision


def list_rows(revisions: Sequence[Revision], count: int) -> list[dict[str, Any]]:
    """The first `count` revisions, newest first, with their changes; the next one is there to be compared with."""
    pairs = itertools.zip_longest(revisions[:count], revisions[1 : count + 1])
    return [{"revision": revision, "changes": find_changes(before, revision)} for revision, before in pairs]


def find_changes(before: Revision | None, after: Revision) -> list[str]:
    """Short texts, such as `model iris:1 → iris:2`; none for the first revision."""
    if before is None:
        return []
    changes = []
    for label, describe in PARTS.items():
        old, new = describe(before), describe(after)
        if old != new:
            changes.append(f"{label} {old or 'none'} → {new or 'none'}")
    if _has_other_code(before, after):
        changes.append("code")
    if before.environment != after.environment and before.environment_name == after.environment_name:
        changes.append("environment")
    return changes


def _has_other_code(before: Revision, after: Revision) -> bool:
    digests = {one.settings.get("codeDigest") for one in (before, after)}
    # Revisions from before the digest was stored have only a size.
    return before.code_size != after.code_size if None in digests else len(digests) > 1


def _describe_models(revision: Revision) -> str:
    return ", ".join(sorted(f"{one.model.name}:{one.number}" for one in revision.model_versions.all()))


PARTS = {
    "model": _describe_models,
    "entry script": lambda revision: revision.entry_script,
    "environment": lambda revision: revision.environment_name,
    "compute": lambda revision: revision.compute_name,
    "replicas": lambda revision: f"{revision.min_replicas} to {revision.max_replicas}",
    "requests at a time": lambda revision: str(revision.settings.get("concurrency", 1)),
    "cores": lambda revision: str(revision.settings.get("cores", "")),
    "memory": lambda revision: f"{revision.settings['memoryGB']:g} GB" if "memoryGB" in revision.settings else "",
    "timeout": lambda revision: f"{revision.settings.get('timeoutSeconds', 60):g} s",
}
