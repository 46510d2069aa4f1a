"""Bulk actions on selected runs, or on all runs that match a list."""

import dataclasses
import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import Count, F, QuerySet
from django.http import QueryDict
from django.utils import timezone

from accounts import activity
from accounts.models import User
from runs.charts.colours import LIGHT
from runs.models import Run, RunColour, RunTag, TagEdit
from runs.pages.lists.tables import RunTable
from studio import names, numbers
from studio.errors import Conflict, Invalid
from studio.formats import format_count
from studio.rules import TAGS
from workspaces.models import Workspace

MAX_TICKED = 100
# Rows per statement.
BATCH = 500
# How long a tag can be undone.
KEPT = dt.timedelta(days=1)


@dataclasses.dataclass
class BulkSelection:
    """`is_all` for all matching runs; then runs to which the action does not apply are skipped."""

    runs: QuerySet[Run]
    count: int
    is_all: bool


def select_runs(scope, posted, user: User, experiment) -> BulkSelection:
    """The runs named by `run` (repeated), or with `all=1` those of the list's `query`, of which the page showed `count`."""
    if not posted.get("all"):
        ids = list(dict.fromkeys(posted.getlist("run")))
        if not 0 < len(ids) <= MAX_TICKED:
            raise Invalid(f"Select 1 to {MAX_TICKED} jobs; {len(ids)} are selected.", target="run")
        return BulkSelection(scope.filter(run_id__in=ids), len(ids), False)
    table = RunTable(scope, QueryDict(posted.get("query", "")), user, experiment)
    matching = Run.objects.filter(pk__in=table.matching.order_by().values("pk"))
    if table.error:
        raise table.error
    count = matching.count()
    if str(count) != posted.get("count", "").replace(",", ""):
        raise Conflict(
            f"{count:,} jobs match now, not {posted.get('count') or 'as many as'} the list showed. Check the list and try again."
        )
    return BulkSelection(matching, count, True)


def delete_runs(found: BulkSelection, at: dt.datetime) -> tuple[int, list[str]]:
    """Move all ended runs to the trash with one time; return their number, and why others were skipped."""
    ended = found.runs.exclude(status__in=Run.ACTIVE)
    number, first = ended.count(), ended.select_related("workspace").first()
    with transaction.atomic():
        named = ", ".join(ended.values_list("run_id", flat=True)[:MAX_TICKED])
        ended.to_trash(at)
        if first:
            label = format_count(number, "job")
            activity.record("run.delete", None, scope=first.workspace, label=label, message=named)
    left = found.count - number
    return number, [f"{left:,} {_jobs_have(left)} not ended and cannot be deleted. Cancel first."] if left else []


def cancel_runs(found: BulkSelection) -> tuple[int, list[str]]:
    reached, refused = 0, []
    runs = found.runs.filter(status__in=Run.ACTIVE) if found.is_all else found.runs
    for run in runs.select_related("workspace", "work").iterator(BATCH):
        try:
            run.cancel()
            reached += 1
        except Conflict as error:
            refused.append(error.message)
    return reached, refused


def _jobs_have(number: int) -> str:
    return "job has" if number == 1 else "jobs have"


@transaction.atomic
def tag_runs(found: BulkSelection, workspace: Workspace, user: User, name: str, value: str) -> TagEdit:
    """Set a tag on the runs; the old values are stored for a day, for undo."""
    if not name.strip():
        raise Invalid("Enter a name for the tag.", target="name")
    [(name, value)] = TAGS.check({name.strip(): value}).items()
    pks = list(found.runs.order_by().values_list("pk", flat=True))
    before: dict[Any, str] = dict(
        RunTag.objects.filter(run__in=found.runs.order_by().values("pk"), name=name).values_list("run", "value")
    )
    _write_tags(pks, name, dict.fromkeys(pks, value))
    counted = RunTag.objects.filter(run__in=found.runs.order_by().values("pk")).order_by().values("run")
    if counted.annotate(number=Count("pk")).filter(number__gt=names.MAX_TAGS).exists():
        raise Invalid(f"A job can have at most {names.MAX_TAGS} tags. No tags were changed.", target="tag_name")
    TagEdit.objects.filter(at__lt=timezone.now() - KEPT).delete()
    return TagEdit.objects.create(
        workspace=workspace, user=user, name=name, value=value, before=[[pk, before.get(pk)] for pk in pks]
    )


@transaction.atomic
def remove_tag(found: BulkSelection, workspace: Workspace, user: User, name: str) -> tuple[TagEdit, int]:
    """Remove a tag from the runs; the values are stored for a day, for undo. Also return how many runs had it."""
    rows = RunTag.objects.filter(run__in=found.runs.order_by().values("pk"), name=name)
    before: list[Any] = list(rows.values_list("run", "value"))
    if not before:
        raise Conflict(f"None of the selected jobs has the tag {name[:100]!r}.", target="remove_tag")
    pks: list[Any] = [pk for pk, _ in before]
    RunTag.objects.filter(run__in=pks, name=name).delete()
    _raise_revisions(pks)
    TagEdit.objects.filter(at__lt=timezone.now() - KEPT).delete()
    edit = TagEdit.objects.create(
        workspace=workspace, user=user, name=name, is_removal=True, before=[list(pair) for pair in before]
    )
    return edit, len(before)


def list_tags(runs) -> list[dict]:
    """The tags of runs, the most common first; `value` is None if the runs differ in it."""
    found: dict[str, list[str]] = {}
    for name, value in RunTag.objects.filter(run__in=runs.order_by().values("pk")).values_list("name", "value"):
        found.setdefault(name, []).append(value)
    tags = [
        {"name": name, "count": len(values), "value": values[0] if len(set(values)) == 1 else None}
        for name, values in found.items()
    ]
    return sorted(tags, key=lambda tag: (-tag["count"], tag["name"]))


def colour_runs(found: BulkSelection, user: User, colour: str) -> None:
    """Give the runs a colour for this person, or with an empty text their usual one."""
    index = numbers.int_or_none(colour)
    if colour and (index is None or not 0 <= index < len(LIGHT)):
        raise Invalid(
            f"colour={colour[:20]!r}: write 0 to {len(LIGHT) - 1}, or nothing for the usual one.", target="colour"
        )
    pks = list(found.runs.order_by().values_list("pk", flat=True)[:MAX_TICKED])
    if index is None:
        RunColour.objects.filter(user=user, run__in=pks).delete()
    else:
        rows = [RunColour(user=user, run_id=pk, colour=index) for pk in pks]
        RunColour.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["user", "run"], update_fields=["colour"]
        )


def _write_tags(pks: list[int], name: str, values: dict[int, str]) -> None:
    rows = [RunTag(run_id=pk, name=name, value=value) for pk, value in values.items()]
    RunTag.objects.bulk_create(
        rows, BATCH, update_conflicts=True, unique_fields=["run", "name"], update_fields=["value"]
    )
    _raise_revisions(pks)


def _raise_revisions(pks: list[int]) -> None:
    for start in range(0, len(pks), BATCH):
        Run.objects.filter(pk__in=pks[start : start + BATCH]).update(revision=F("revision") + 1)


@transaction.atomic
def untag_runs(workspace: Workspace, user: User, pk: int) -> int:
    """Undo a tag that this person set; values that somebody has changed since stay."""
    edit = TagEdit.objects.filter(workspace=workspace, user=user, pk=pk).first()
    if edit is None:
        raise Conflict(
            "This can no longer be undone: it was undone already, or more than one day has passed.",
            code="nothing_to_undo",
        )
    number = 0
    for start in range(0, len(edit.before), BATCH):
        part = dict(edit.before[start : start + BATCH])
        if edit.is_removal:
            number += _give_back_tags(edit.name, part)
            continue
        same = RunTag.objects.filter(run__in=part, name=edit.name, value=edit.value)
        reached: list[Any] = list(same.values_list("run", flat=True))
        same.filter(run__in=[run for run in reached if part[run] is None]).delete()
        _write_tags(reached, edit.name, {run: part[run] for run in reached if part[run] is not None})
        number += len(reached)
    edit.delete()
    return number


def _give_back_tags(name: str, values: dict[int, str]) -> int:
    """Restore tags of runs that still exist and have no tag with this name."""
    there: set[int] = set(Run.objects.filter(pk__in=values).values_list("pk", flat=True))
    since: set[Any] = set(RunTag.objects.filter(run__in=there, name=name).values_list("run", flat=True))
    left = [pk for pk in values if pk in there - since]
    _write_tags(left, name, {pk: values[pk] for pk in left})
    return len(left)
