"""Cancels the runs of a workspace that moves to the trash."""

from runs.models import Run
from workspaces.models import Workspace


def cancel_runs(workspace: Workspace) -> None:
    Run.objects.filter(workspace=workspace).active().cancel()
