"""Changes of many runs at once, in one transaction each: pages call them, and the steps of a bulk act (runs/bulk_work.py)."""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import Count, F
from django.utils import timezone

from accounts import activity
from accounts.actors import Actor
from accounts.models import User
from runs.models import BulkAct, Run, RunTag, TagEdit
from runs.models.runs import KEYS
from studio import names
from studio.errors import Conflict, Invalid
from studio.formats import digest_json, format_count
from studio.rules import TAGS
from workspaces.models import Workspace

# Names of runs in a row of the activity log.
NAMED = 100
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


@transaction.atomic
def delete_runs(
    found: BulkSelection, workspace: Workspace, at: dt.datetime, act: BulkAct | None = None
) -> tuple[int, list[str]]:
    """Move all ended runs to the trash with one time; return their number, and why others were skipped."""
    ids: list[str] = []
    for runs in found.batches():
        ended = runs.exclude(status__in=Run.ACTIVE)
        ids += ended.order_by("-pk").values_list("run_id", flat=True)
        ended.to_trash(at)
    _record("run.delete", workspace, ids, act)
    left = len(found.keys) - len(ids)
    return len(ids), [f"{left:,} {_jobs_have(left)} not ended and cannot be deleted. Cancel first."] if left else []


@transaction.atomic
def cancel_runs(found: BulkSelection, workspace: Workspace, act: BulkAct | None = None) -> tuple[int, list[str]]:
    """Cancel all active runs with their descendants; return their number, and why others were skipped."""
    ids: list[str] = []
    for runs in found.batches():
        ids += runs.active().order_by("-pk").values_list("run_id", flat=True)
        runs.active().cancel()
    _record("run.cancel", workspace, ids, act)
    left = len(found.keys) - len(ids)
    return len(ids), [f"{left:,} {_jobs_have(left)} ended already."] if left and not found.is_all else []


def _record(verb: str, workspace: Workspace, ids: list[str], act: BulkAct | None) -> None:
    """The rows of a bulk act have its person and the id of the request that began it."""
    if ids:
        label, named = format_count(len(ids), "job"), ", ".join(ids[:NAMED])
        actor, request_id = (Actor(act.user), act.request_id) if act and act.user else (None, "")
        activity.record(verb, None, scope=workspace, label=label, message=named, actor=actor, request_id=request_id)


def _jobs_have(number: int) -> str:
    return "job has" if number == 1 else "jobs have"


def check_tag(name: str, value: str) -> dict[str, str]:
    if not name.strip():
        raise Invalid("Enter a name for the tag.", target="name")
    return TAGS.check({name.strip(): value})


@transaction.atomic
def tag_runs(
    found: BulkSelection, workspace: Workspace, user: User, name: str, value: str, act: BulkAct | None = None
) -> TagEdit:
    """Set a tag on the runs; the old values are stored for a day, for undo."""
    [(name, value)] = check_tag(name, value).items()
    before: dict[Any, str] = {}
    for runs in found.batches():
        before |= dict(RunTag.objects.filter(run__in=runs.values("pk"), name=name).values_list("run", "value"))
    _write_tags(found.keys, name, dict.fromkeys(found.keys, value))
    for runs in found.batches():
        counted = RunTag.objects.filter(run__in=runs.values("pk")).order_by().values("run")
        if counted.annotate(number=Count("pk")).filter(number__gt=names.MAX_TAGS).exists():
            raise Invalid(f"A job can have at most {names.MAX_TAGS} tags. No tags were changed.", target="tag_name")
    TagEdit.objects.filter(act=None, at__lt=timezone.now() - KEPT).delete()
    rows = [[pk, before.get(pk)] for pk in found.keys]
    return TagEdit.objects.create(workspace=workspace, user=user, name=name, value=value, before=rows, act=act)


@transaction.atomic
def remove_tag(
    found: BulkSelection, workspace: Workspace, user: User, name: str, act: BulkAct | None = None
) -> tuple[TagEdit, int]:
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
    TagEdit.objects.filter(act=None, at__lt=timezone.now() - KEPT).delete()
    edit = TagEdit.objects.create(
        workspace=workspace, user=user, name=name, is_removal=True, before=[list(pair) for pair in before], act=act
    )
    return edit, len(before)


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


def _write_tags(pks: list[int], name: str, values: dict[int, str]) -> None:
    rows = [RunTag(run_id=pk, name=name, value=value) for pk, value in values.items()]
    RunTag.objects.bulk_create(
        rows, BATCH, update_conflicts=True, unique_fields=["run", "name"], update_fields=["value"]
    )
    _raise_revisions(pks)


def _raise_revisions(pks: list[int]) -> None:
    for start in range(0, len(pks), BATCH):
        Run.objects.filter(pk__in=pks[start : start + BATCH]).update(revision=F("revision") + 1)
