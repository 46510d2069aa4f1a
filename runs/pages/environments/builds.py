"""The builds of environments that run or wait in a workspace, and the jobs that wait for them.

A machine builds while it prepares a job, which then has a build log. If a job on the same machine needs the same
environment meanwhile, its log begins with a line that says so.
"""

import dataclasses
import datetime as dt

from lazuli.environments.cache import IS_CACHED

from runs.files import artifacts
from runs.models import Artifact, Run
from runs.pages.environments.usage import BUILD_LOG
from runs.pages.run.overview import explain_wait
from workspaces.models import Workspace

# Azure's name for the experiment of jobs that only build an environment.
BUILD_EXPERIMENT = "prepare_image"
# The first words of a build log if nothing is built for this job (`lazuli.environments`).
WAITS = "Another run is building this environment"
MAX_JOBS = 200


@dataclasses.dataclass
class Build:
    """`run` is the job for which it is built; without a log, it still waits for a node."""

    run: Run
    log: Artifact | None
    waiting: list[Run] = dataclasses.field(default_factory=list)

    @property
    def since(self) -> dt.datetime:
        return self.log.created_at if self.log else self.run.created_at

    @property
    def reason(self) -> str:
        return "" if self.log else explain_wait(self.run)


def list_builds(workspace: Workspace) -> list[Build]:
    """Builds that run come first, then those that wait for a node; each the oldest first."""
    jobs = _list_jobs(workspace)
    logs = _read_starts([run for run in jobs if run.status == Run.Status.PREPARING])
    builds = [Build(run, log) for run, log, start in logs if not start.startswith((WAITS, IS_CACHED))]
    waiting = [run for run, _, start in logs if start.startswith(WAITS)]
    for run in jobs:
        if run.status != Run.Status.PREPARING:
            is_build = run.experiment.name == BUILD_EXPERIMENT
            builds.append(Build(run, None)) if is_build else waiting.append(run)
    for run in waiting:
        own = [build for build in builds if _key_of(build.run) == _key_of(run)]
        # On its own machine, if it has one yet.
        build = next((each for each in own if _host_of(each.run) == _host_of(run)), own[0] if own else None)
        if build:
            build.waiting.append(run)
        elif run.status == Run.Status.PREPARING:
            # A job of another workspace builds it.
            builds.append(Build(run, next(log for job, log, _ in logs if job is run), [run]))
    return builds


def _list_jobs(workspace: Workspace) -> list[Run]:
    rows = Run.objects.filter(workspace=workspace, deleted_at=None, status__in=Run.BEFORE_RUNNING)
    rows = rows.select_related("experiment", "workspace", "created_by", "compute", "work__target")
    return list(rows.prefetch_related("work__assignments__node__host").order_by("created_at")[:MAX_JOBS])


def _read_starts(runs: list[Run]) -> list[tuple[Run, Artifact, str]]:
    """The jobs that have a build log, with its first words."""
    logs = {log.run_id: log for log in Artifact.objects.filter(run__in=runs, path=BUILD_LOG)}
    found = [(run, logs[run.pk]) for run in runs if run.pk in logs]
    return [(run, log, artifacts.read_bytes(log, 0, len(WAITS)).decode(errors="replace")) for run, log in found]


def _key_of(run: Run) -> tuple:
    """Jobs with the same key need the same environment; one without a name is of its job alone."""
    name = run.environment_name
    return (name, run.environment_version) if name else (run.pk,)


def _host_of(run: Run):
    return run.work.node.host_id if run.work and run.work.node else None
