"""The misfits of a registered version: values that do not have the type of their column, and are missing therefore."""

from django.utils import timezone

from accounts.models import User
from assets.data import previews
from assets.data.models import DataVersion
from assets.data.previews import Misfits
from assets.data.work import DataWork


def check_version(version: DataVersion, user: User | None) -> Misfits | None:
    """Compare the files of a new version, read its first rows, and store what does not fit. None if nothing was read."""
    problem = previews.check_files(version.workspace, version.definition)
    if not problem and not previews.has_types(version.definition):
        return None
    found = Misfits(problem=problem) if problem else previews.read_misfits(version.workspace, version.definition)
    DataWork.objects.create(
        version=version,
        kind=DataWork.Kind.MISFITS,
        state=DataWork.State.FAILED if found.problem else DataWork.State.COMPLETED,
        progress=1,
        result={"count": found.count, "examples": found.examples, "note": found.note},
        problem=found.problem,
        created_by=user,
        ended_at=timezone.now(),
    )
    return found


def find_misfits(version: DataVersion) -> Misfits | None:
    """The findings of the registration; None if all values fit, or were not checked."""
    work = version.work.filter(kind=DataWork.Kind.MISFITS).first()
    if work is None or not (work.problem or work.result.get("count")):
        return None
    return Misfits(**work.result, problem=work.problem)


def find_wrong_encodings(version: DataVersion) -> list[str]:
    """Where the first files of a table are not text of its encoding, which is found while their hashes are made."""
    work = version.work.filter(kind=DataWork.Kind.HASHES, state=DataWork.State.COMPLETED).first()
    return work.result.get("encodings", []) if work else []


def describe_misfits(found: Misfits) -> str:
    """A sentence for the person who registers the version; empty if all values fit."""
    if found.problem:
        return f"Whether all values have the types of their columns could not be checked: {found.problem}"
    if not found.count:
        return ""
    one = found.examples[0]
    where = f"line {one['line']}" if one["line"] else f"row {one['row']}"
    word = "value does" if found.count == 1 else "values do"
    text = f"{found.count:,} {word} not have the type of the column and will be missing, the first in {one['file']}, {where}"
    advice = "Set another type for the column, or correct the file and register it again."
    return f"{text}, column {one['column']!r}: {one['value']!r}. {advice} {found.note}".strip()
