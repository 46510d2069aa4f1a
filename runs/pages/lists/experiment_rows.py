"""The rows of the list of experiments."""

from django.db.models import Count, OuterRef, Q, Subquery

from runs.models import Experiment, Run
from runs.pages.lists.list_query import STATUS_GROUPS
from studio.words import split_words


def search_experiments(scope, words: str, archived: bool):
    """Experiments of `scope` with their newest run."""
    found = scope.filter(archived_at__isnull=not archived)
    for word in split_words(words):
        found = found.filter(Q(name__icontains=word) | Q(description__icontains=word))
    newest = Run.objects.filter(experiment=OuterRef("pk"), parent=None, deleted_at=None).order_by("-created_at", "-pk")
    return found.select_related("created_by").annotate(
        latest_at=Subquery(newest.values("created_at")[:1]), latest_id=Subquery(newest.values("pk")[:1])
    )


def add_run_counts(rows: list[Experiment]) -> list[Experiment]:
    """Adds the newest run and the counts by state to each experiment, by two queries."""
    columns = ["run_id", "display_name", "status", "workspace__slug"]
    runs = Run.objects.select_related("workspace").only(*columns)
    newest = runs.in_bulk([row.latest_id for row in rows if row.latest_id])
    counted = Run.objects.filter(experiment__in=rows, parent=None, deleted_at=None).order_by()
    by_state: dict[int, dict] = {}
    for experiment, status, number in counted.values_list("experiment", "status").annotate(number=Count("*")):
        by_state.setdefault(experiment, {})[status] = number
    for row in rows:
        states = by_state.get(row.pk, {})
        row.latest = newest.get(row.latest_id)
        row.total = sum(states.values())
        row.states = [
            (group, number)
            for group, of_group in STATUS_GROUPS.items()
            if (number := sum(states.get(state, 0) for state in of_group))
        ]
    return rows
