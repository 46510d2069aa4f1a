"""Limits of the runs above and below a run, so that a job that submits itself again comes to an end."""

from runs.models import Run
from studio.errors import LimitReached

MAX_ANCESTORS = 10
MAX_OPEN_CHILDREN = 1000
# The columns with the keys of the allowed number of ancestors, read by one query.
ABOVE = ["parent__" * count + "parent_id" for count in range(MAX_ANCESTORS)]


def list_ancestors(run: Run) -> list[int]:
    """The keys of the runs above it, its parent first."""
    if run.parent_id is None:
        return []
    return [key for key in Run.objects.values_list(*ABOVE).get(pk=run.pk) if key is not None]


def check_child(parent: Run, moved: Run | None = None) -> None:
    """Refuse a new run below `parent`, or the move of one with all below it, beyond a limit."""
    levels = MAX_ANCESTORS - len(list_ancestors(parent))
    if levels <= 0 or (moved and Run.objects.filter(**{"__".join(["parent"] * levels): moved.pk}).exists()):
        raise LimitReached(
            f"Below the run {parent.run_id}, a run would have more than {MAX_ANCESTORS} runs above it, which is the limit. "
            "Choose a parent further up.",
            target="parentRunId",
        )
    if moved and (moved.parent_id == parent.pk or not moved.is_active):
        return
    beside = Run.objects.active().filter(workspace=parent.workspace_id, parent=parent, deleted_at=None)
    if beside[:MAX_OPEN_CHILDREN].count() >= MAX_OPEN_CHILDREN:
        raise LimitReached(
            f"The run {parent.run_id} has {MAX_OPEN_CHILDREN:,} children that have not ended, which is the limit. "
            "Wait until some have ended, or cancel some.",
            target="parentRunId",
        )
