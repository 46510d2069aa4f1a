"""Bulk actions on selected runs, or on all runs that match a list."""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import Count, F
from django.http import QueryDict
from django.utils import timezone

from accounts import activity
from accounts.models import User
from runs.charts.colours import LIGHT
from runs.models import Run, RunColour, RunTag, TagEdit
from runs.models.runs import KEYS
from runs.pages.lists.tables import RunTable
from studio import names, numbers
from studio.errors import Conflict, Invalid
from studio.formats import digest_json, format_count, format_names
from studio.rules import TAGS
from workspaces.models import Workspace

MAX_TICKED = 100
# Names in a preview.
NAMED = 5
# Rows per statement.
BATCH = 500
# How long a tag can be undone.
KEPT = dt.timedelta(days=1)


@dataclasses.dataclass
class BulkSelection:
    """The keys of runs; `is_all` if they are all that matched a list."""

    keys: list[int]
    is_all: bool

    @property
    def token(self) -> str:
        """Two selections with the same token have the same runs."""
        return digest_json(self.keys)

    def batches(self) -> Iterator[Any]:
        for start in range(0, len(self.keys), KEYS):
            yield Run.objects.filter(pk__in=self.keys[start : start + KEYS])


def select_runs(scope, posted, user: User, experiment) -> BulkSelection:
    """The runs named by `run` (repeated), or with `all=1` those that match the list's `query`."""
    if not posted.get("all"):
        ids = list(dict.fromkeys(posted.getlist("run")))
        if not 0 < len(ids) <= MAX_TICKED:
            raise Invalid(f"Select 1 to {MAX_TICKED} jobs; {len(ids)} are selected.", target="run")
        return BulkSelection(_list_keys(scope.filter(run_id__in=ids)), False)
    table = RunTable(scope, QueryDict(posted.get("query", "")), user, experiment)
    if table.error:
        raise table.error
    return BulkSelection(_list_keys(table.matching), True)


def _list_keys(runs) -> list[int]:
    return sorted(runs.order_by().values_list("pk", flat=True))


def check_unchanged(found: BulkSelection, token: str) -> None:
    """Raise Conflict unless the selection is exactly what a preview has shown."""
    if found.token != token:
        text = "The jobs that match have changed since then, so nothing was done. Check the list and try again."
        raise Conflict(text, code="selection_changed")


def preview_selection(found: BulkSelection) -> dict:
    """Describe a selection for a page: its jobs, how many of them have not ended, and its token."""
    count, active = len(found.keys), sum(runs.active().count() for runs in found.batches())
    first = Run.objects.filter(pk__in=found.keys[-NAMED:]).order_by("-pk").values_list("display_name", flat=True)
    verb = "matches" if count == 1 else "match"
    jobs = f"{format_count(count, 'job')} {verb}: {format_names(list(first), count)}." if count else ""
    state = f"{active:,} {_jobs_have(active)} not ended." if active else "All of them have ended."
    return {"jobs": jobs, "state": state, "token": found.token}


@transaction.atomic
def delete_runs(found: BulkSelection, workspace: Workspace, at: dt.datetime) -> tuple[int, list[str]]:
    """Move all ended runs to the trash with one time; return their number, and why others were skipped."""
    ids: list[str] = []
    for runs in found.batches():
        ended = runs.exclude(status__in=Run.ACTIVE)
        ids += ended.order_by("-pk").values_list("run_id", flat=True)
        ended.to_trash(at)
    _record("run.delete", workspace, ids)
    left = len(found.keys) - len(ids)
    return len(ids), [f"{left:,} {_jobs_have(left)} not ended and cannot be deleted. Cancel first."] if left else []


@transaction.atomic
def cancel_runs(found: BulkSelection, workspace: Workspace) -> tuple[int, list[str]]:
    """Cancel all active runs with their descendants; return their number, and why others were skipped."""
    ids: list[str] = []
    for runs in found.batches():
        ids += runs.active().order_by("-pk").values_list("run_id", flat=True)
        runs.active().cancel()
    _record("run.cancel", workspace, ids)
    left = len(found.keys) - len(ids)
    return len(ids), [f"{left:,} {_jobs_have(left)} ended already."] if left and not found.is_all else []


def _record(verb: str, workspace: Workspace, ids: list[str]) -> None:
    if ids:
        named = ", ".join(ids[:MAX_TICKED])
        activity.record(verb, None, scope=workspace, label=format_count(len(ids), "job"), message=named)


def _jobs_have(number: int) -> str:
    return "job has" if number == 1 else "jobs have"


@transaction.atomic
def tag_runs(found: BulkSelection, workspace: Workspace, user: User, name: str, value: str) -> TagEdit:
    """Set a tag on the runs; the old values are stored for a day, for undo."""
    if not name.strip():
        raise Invalid("Enter a name for the tag.", target="name")
    [(name, value)] = TAGS.check({name.strip(): value}).items()
    before: dict[Any, str] = {}
    for runs in found.batches():
        before |= dict(RunTag.objects.filter(run__in=runs.values("pk"), name=name).values_list("run", "value"))
    _write_tags(found.keys, name, dict.fromkeys(found.keys, value))
    for runs in found.batches():
        counted = RunTag.objects.filter(run__in=runs.values("pk")).order_by().values("run")
        if counted.annotate(number=Count("pk")).filter(number__gt=names.MAX_TAGS).exists():
            raise Invalid(f"A job can have at most {names.MAX_TAGS} tags. No tags were changed.", target="tag_name")
    TagEdit.objects.filter(at__lt=timezone.now() - KEPT).delete()
    return TagEdit.objects.create(
        workspace=workspace, user=user, name=name, value=value, before=[[pk, before.get(pk)] for pk in found.keys]
    )


@transaction.atomic
def remove_tag(found: BulkSelection, workspace: Workspace, user: User, name: str) -> tuple[TagEdit, int]:
    """Remove a tag from the runs; the values are stored for a day, for undo. Also return how many runs had it."""
    before: list[Any] = []
    for runs in found.batches():
        rows = RunTag.objects.filter(run__in=runs.values("pk"), name=name)
        before += rows.values_list("run", "value")
        rows.delete()
    if not before:
        raise Conflict(f"None of the selected jobs has the tag {name[:100]!r}.", target="remove_tag")
    pks: list[Any] = [pk for pk, _ in before]
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
    pks = found.keys[:MAX_TICKED]
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
