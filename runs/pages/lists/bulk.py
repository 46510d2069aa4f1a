"""The selection of a bulk action: runs that are ticked, or all that match a list, and what a page says of them."""

from django.http import QueryDict

from accounts.models import User
from runs.bulk_changes import BulkSelection
from runs.charts.colours import LIGHT
from runs.models import Run, RunColour, RunTag
from runs.pages.lists.tables import RunTable
from studio import numbers
from studio.errors import Conflict, Invalid
from studio.formats import format_count, format_names

MAX_TICKED = 100
# Names in a preview.
NAMED = 5


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
    state = f"{active:,} {'job has' if active == 1 else 'jobs have'} not ended." if active else "All have ended."
    return {"jobs": jobs, "state": state, "token": found.token}


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
