"""The steps of bulk acts. A step and its count are one transaction, so an act that was interrupted continues where it was."""

import datetime as dt
import time

from django.db import transaction
from django.db.models import F

from accounts.actors import Actor
from runs import bulk_changes
from runs.bulk_changes import BulkSelection
from runs.models import BulkAct, Run, TagEdit
from runs.models.bulk_acts import STEP
from studio.errors import Conflict, StudioError
from studio.formats import format_count
from workspaces.access import require

TURN_SECONDS = 3.0
# A pause in which others can write.
PAUSE_SECONDS = 0.01


def run_turn(seconds: float = TURN_SECONDS) -> bool:
    """Work on the oldest act that no other worker holds; returns whether there is more to do."""
    for act in BulkAct.objects.free().order_by("pk"):
        if act.take():
            act.refresh_from_db()
            _turn(act, time.monotonic() + seconds)
            return BulkAct.objects.free().exists()
    return False


def _turn(act: BulkAct, deadline: float) -> None:
    try:
        while time.monotonic() < deadline:
            if not _step(act):
                return
            time.sleep(PAUSE_SECONDS)
        act.release()
    except StudioError as error:
        act.end(BulkAct.State.FAILED, f"Stopped: {error.message} Earlier steps stay, and can be undone.")


def _step(act: BulkAct) -> bool:
    """Do the next step; False at the end."""
    keys = act.keys[act.done : act.done + STEP]
    if not keys:
        act.end(BulkAct.State.COMPLETED, f"Completed: {act.changed:,} of {format_count(act.total, 'job')} changed.")
        return False
    if act.user is None:
        raise Conflict("The person who began it no longer has an account.")
    require(Actor(act.user), "edit", act.workspace)
    with transaction.atomic():
        if not act.advance(len(keys)):
            return False
        changed, lines = (_undo if act.undoes else _change)(act, BulkSelection(keys, True))
        act.count_changed(changed)
        for line in lines:
            act.append_log(line)
    act.refresh_from_db(fields=["state", "done", "changed"])
    return True


def _change(act: BulkAct, found: BulkSelection) -> tuple[int, list[str]]:
    """Returns how many runs were changed, and lines for the log."""
    assert act.user is not None, "checked by the caller"
    if act.verb == BulkAct.Verb.DELETE:
        return _delete(act, found)
    if act.verb == BulkAct.Verb.CANCEL:
        return bulk_changes.cancel_runs(found, act.workspace, act)
    if act.verb == BulkAct.Verb.TAG:
        bulk_changes.tag_runs(found, act.workspace, act.user, act.tag_name, act.tag_value, act)
        return len(found.keys), []
    try:
        return bulk_changes.remove_tag(found, act.workspace, act.user, act.tag_name, act)[1], []
    except Conflict:
        # None of these has the tag.
        return 0, []


def _delete(act: BulkAct, found: BulkSelection) -> tuple[int, list[str]]:
    """Delete the runs of a step; those with a child that has not ended are left, and named in the log."""
    at = _time_of_step(act, act.done)
    try:
        with transaction.atomic():
            return bulk_changes.delete_runs(found, act.workspace, at, act)
    except Conflict:
        number: int = 0
        lines: list[str] = []
    for key in found.keys:
        try:
            with transaction.atomic():
                changed, said = bulk_changes.delete_runs(BulkSelection([key], True), act.workspace, at, act)
                number, lines = number + changed, lines + said
        except Conflict as error:
            lines.append(error.message)
    return number, lines


def _time_of_step(act: BulkAct, done: int) -> dt.datetime:
    return act.at + dt.timedelta(microseconds=done // STEP)


def _undo(act: BulkAct, found: BulkSelection) -> tuple[int, list[str]]:
    assert act.undoes is not None and act.user is not None, "checked by the callers"
    if act.verb == BulkAct.Verb.DELETE:
        gone = Run.objects.filter(workspace=act.workspace, deleted_at=_time_of_step(act.undoes, act.done))
        back = gone.filter(pk__in=found.keys).count()
        gone.update(deleted_at=None, revision=F("revision") + 1)
        return back, []
    edit = TagEdit.objects.filter(act=act.undoes).order_by("pk").first()
    return bulk_changes.untag_runs(act.workspace, act.user, edit.pk) if edit else 0, []
