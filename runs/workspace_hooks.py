"""What becomes of the runs of a workspace that goes to the trash: they end."""

from runs.models import Run
from workspaces.models import Workspace


def cancel_runs(workspace: Workspace) -> None:
    Run.objects.filter(workspace=workspace).active().cancel()
