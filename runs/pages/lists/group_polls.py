"""Polls of long grouped lists: adding up the revisions of all runs takes long, so most polls compare a few numbers."""

from collections.abc import Callable

from django.db.models import Count, Max, Sum

from accounts.models import Activity
from runs.models import Experiment, MetricSeries, RunTag
from runs.models.experiments import LONG
from runs.pages.lists import remembered

# So long after the runs have been added up, they are again: nothing else tells of changed values of ended runs.
SECONDS = 60
# Among so many of the newest tags and metrics are those that ended runs have got since the last poll.
NEWEST = 50


def is_long(table) -> bool:
    return _count_created(table) >= LONG and not table.options["parent"] and not table.options["open"]


def has_changes(table, has_sums: Callable[[], bool]) -> bool:
    """`has_sums` adds up the runs and says whether they are as before."""

    def add_up() -> bool | None:
        table.has_added_up = True
        return has_sums() or None

    sql = table.matching.order_by().values("pk").query.sql_with_params()
    # Read first, so that the next poll includes later changes.
    signs = _read_signs(table)
    return remembered.compute_cached(("poll", table.seen, sql), signs, add_up, SECONDS) is None


def _read_signs(table) -> str:
    """They change with new runs, with those that have not ended, with new tags and metrics, and with what people do in the
    workspace."""
    active = table.scope.active().order_by()
    running = active.aggregate(number=Count("*"), keys=Sum("pk"), revisions=Sum("revision"))
    acts = Activity.objects.filter(chain=table.workspace.pk).aggregate(number=Max("number"))
    return f"{_count_created(table)} {running} {acts} {_find_newest(table, RunTag)} {_find_newest(table, MetricSeries)}"


def _find_newest(table, model) -> int:
    """The key of the newest row of the list's runs, if it is among the newest of all runs."""
    list_of = ("run__experiment", table.experiment.pk) if table.experiment else ("run__workspace", table.workspace.pk)
    newest = model.objects.order_by("-pk").values_list("pk", list_of[0])[:NEWEST]
    return max((pk for pk, key in newest if key == list_of[1]), default=0)


def _count_created(table) -> int:
    if table.experiment:
        return table.experiment.run_count
    return Experiment.objects.filter(workspace=table.workspace).aggregate(number=Sum("run_count"))["number"] or 0
