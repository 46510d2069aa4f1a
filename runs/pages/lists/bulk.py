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
from runs.models import Run, RunTag, TagEdit
from runs.pages.lists.tables import RunTable
from studio import names
from studio.errors import Conflict, Invalid
from studio.rules import TAGS
from workspaces.models import Workspace

MAX_TICKED = 100
# Rows per statement.
BATCH = 500
# How long a tag can be undone.
KEPT = dt.timedelta(days=1)


@dataclasses.dataclass
class BulkSelection:
    """`is_all` for all matching runs; then runs that the action does not apply to are skipped."""

    runs: QuerySet[Run]
    count: int
    is_all: bool


def select_runs(scope, posted, user: User, experiment) -> BulkSelection:
    """By `run` (repeated), or by `all=1` with the list's `query` and the `count` that the page showed."""
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
    """Moves all ended runs to the trash with one time; returns how many, and why others were left."""
    ended = found.runs.exclude(status__in=Run.ACTIVE)
    number, first = ended.count(), ended.select_related("workspace").first()
    with transaction.atomic():
        named = ", ".join(ended.values_list("run_id", flat=True)[:MAX_TICKED])
        ended.to_trash(at)
        if first:
            label = f"{number:,} job{'' if number == 1 else 's'}"
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
    """Set a tag on the runs; the old values are kept for a day, to undo it."""
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


def _write_tags(pks: list[int], name: str, values: dict[int, str]) -> None:
    rows = [RunTag(run_id=pk, name=name, value=value) for pk, value in values.items()]
    RunTag.objects.bulk_create(
        rows, BATCH, update_conflicts=True, unique_fields=["run", "name"], update_fields=["value"]
    )
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
        same = RunTag.objects.filter(run__in=part, name=edit.name, value=edit.value)
        reached: list[Any] = list(same.values_list("run", flat=True))
        same.filter(run__in=[run for run in reached if part[run] is None]).delete()
        _write_tags(reached, edit.name, {run: part[run] for run in reached if part[run] is not None})
        number += len(reached)
    edit.delete()
    return number
