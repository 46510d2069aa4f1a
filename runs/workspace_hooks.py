"""What becomes of the runs of a workspace that goes to the trash: they end."""

from runs.models import Run
from studio.errors import Conflict
from workspaces.models import Workspace


def cancel_runs(workspace: Workspace) -> None:
    for run in Run.objects.filter(workspace=workspace).active().select_related("work"):
        run.refresh_from_db(fields=["status"])
        try:
            run.cancel()
        except Conflict:
            # It ended in this moment, by itself or with its parent.
            continue
