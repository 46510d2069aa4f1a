"""The address of a workspace with queued or running work does not change."""

from compute.models import Work
from studio.errors import Conflict
from workspaces.models import Workspace


def check_nothing_runs(workspace: Workspace) -> None:
    active = Work.objects.filter(target__workspace=workspace, state__in=[Work.State.QUEUED, Work.State.CLAIMED])
    if number := active.count():
        raise Conflict(
            f"{workspace} has jobs, instances or services that are queued or running with its present address ({number}). "
            "Wait for them or stop them, then move it."
        )
