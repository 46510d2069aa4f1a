"""The use of an environment by jobs: times, results and logs of its builds.

Machines build an environment when they prepare the first job that needs it; there is no other record of a build.
"""

import dataclasses
import datetime as dt

from django.db.models import QuerySet

from assets.models import EnvironmentVersion
from runs.models import Artifact, Run
from studio.formats import format_count
from workspaces.models import Workspace

BUILD_LOG = "azureml-logs/20_image_build_log.txt"
# The start of a runner's message about a failed build.
BUILD_FAILED = "The environment could not be built"
# How many of the newest jobs are searched: of an environment for the state of its builds, of a version for logs.
MAX_LOOKED_AT = 5
MAX_WITH_LOG = 100


@dataclasses.dataclass(frozen=True)
class EnvironmentUsage:
    """`state` is a word of the pages' states, empty without a build; `run` is the job of the build."""

    last_used: dt.datetime | None = None
    state: str = ""
    run: Run | None = None


def runs_of_environment(workspace: Workspace, name: str) -> QuerySet[Run]:
    return Run.objects.filter(workspace=workspace, environment_name=name, deleted_at=None)


def runs_of_version(workspace: Workspace, version: EnvironmentVersion) -> QuerySet[Run]:
    return runs_of_environment(workspace, version.environment.name).filter(environment_version=version.version)


def read_usage(runs: QuerySet[Run]) -> EnvironmentUsage:
    """Where the environment was last used, from the newest of these runs; runs canceled in the queue have no build."""
    newest = list(runs.select_related("workspace").order_by("-created_at")[:MAX_LOOKED_AT])
    if not newest:
        return EnvironmentUsage()
    for run in newest:
        if state := build_state(run):
            return EnvironmentUsage(newest[0].created_at, state, run)
    return EnvironmentUsage(newest[0].created_at)


def build_state(run: Run) -> str:
    if str(run.error.get("message") or "").startswith(BUILD_FAILED):
        return "Failed"
    if run.started_at:
        return "Succeeded"
    return run.status if run.is_active else ""


def list_build_logs(runs: QuerySet[Run]) -> list[Artifact]:
    """Build logs of the newest of these runs, newest first: jobs with a cached environment have none."""
    keys = list(runs.order_by("-created_at").values_list("pk", flat=True)[:MAX_WITH_LOG])
    logs = Artifact.objects.filter(run__in=keys, path=BUILD_LOG).select_related("run__workspace")
    return sorted(logs, key=lambda log: log.run.created_at, reverse=True)


def count_active(runs: QuerySet[Run]) -> int:
    return runs.filter(status__in=Run.ACTIVE).count()


def describe_use(count: int, active: int) -> str:
    """A sentence about the use by jobs, for the confirmation of a removal."""
    if not count:
        return "No job has used it."
    still_active = f"; {active} of them {'is' if active == 1 else 'are'} active and will finish" if active else ""
    used = f"{format_count(count, 'job')} used it{still_active}."
    return f"{used} Their records stay, but they cannot be submitted again by its name."
