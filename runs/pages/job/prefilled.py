"""The initial values of the form of a job, read from the run that is submitted again, and messages about deleted
objects."""

import dataclasses
import itertools
import re
import shlex
from typing import Any

from assets import environments, variables
from compute.models import ComputeTarget
from runs import job_changes, submission
from runs.models import Run
from studio.errors import Invalid
from studio.rules import TAGS
from workspaces.models import Workspace

# Where the environment comes from.
KEEP, REGISTERED, PACKAGES = "keep", "registered", "packages"


@dataclasses.dataclass
class Prefilled:
    """`values` are those of the fields; `definition` is the environment, None if it no longer exists."""

    values: dict[str, Any]
    definition: dict | None
    warnings: list[str]
    # The command that starts the script, if the job has one.
    interpreter: str = ""
    is_new: bool = False
    # Whether other code was chosen, so that the script may be missing.
    has_other_code: bool = False

    @property
    def environment_name(self) -> str:
        return str((self.definition or {}).get("name") or "without a name")

    @property
    def packages(self) -> list[str]:
        return environments.list_packages(self.definition or {})


NUMBER = re.compile(r" \(\d+\)$")
# Leaves room for a number.
MAX_STEM = 240


def _next_name(run: Run) -> str:
    """`first (2)`: its name with the next number that no job of the experiment has."""
    stem = NUMBER.sub("", run.display_name)[:MAX_STEM]
    alike = Run.objects.filter(experiment=run.experiment_id, display_name__startswith=f"{stem} (")
    taken = set(alike.values_list("display_name", flat=True))
    return next(name for number in itertools.count(2) if (name := f"{stem} ({number})") not in taken)


def read_run(run: Run) -> Prefilled:
    job = run.job
    argv = job_changes.read_script_argv(job)
    definition, warnings = _read_environment(run)
    values = {
        "display_name": "" if run.display_name == run.run_id else _next_name(run),
        "experiment_name": job.get("experimentName") or run.experiment.name,
        "description": job.get("description") or "",
        "command": "" if argv else _read_command(job),
        "script": argv[1] if argv else "",
        "arguments": shlex.join(argv[2:]) if argv else "",
        "environment": KEEP if definition else REGISTERED,
        "environment_id": "",
        "conda_file": environments.format_conda(definition or {}) or "",
        "compute_id": _read_target(run, warnings),
        "environment_variables": variables.check_variables(job.get("environmentVariables"), "environmentVariables"),
        "timeout": _read_timeout(job),
        "tags": TAGS.check(job.get("tags")),
    }
    if job.get("codeId") and run.snapshot is None:
        warnings.append("The code of this job was deleted. Choose other code: the node would not have the script.")
    return Prefilled(values, definition, warnings, argv[0] if argv else "")


def read_nothing(workspace: Workspace, files: list[str], experiment: str | None, compute: str | None) -> Prefilled:
    """The values for a new job with this code: the default environment, and the cluster if there is only one."""
    definition, _ = environments.resolve_environment(workspace, None, None)
    targets = list(
        ComputeTarget.objects.filter(workspace=workspace, deleted_at=None).values_list("name", flat=True)[:2]
    )
    values = {
        "experiment_name": experiment or submission.DEFAULT_EXPERIMENT,
        "command": _suggest_command(files),
        "environment": KEEP,
        "conda_file": environments.format_conda(definition) or "",
        "compute_id": compute or (targets[0] if len(targets) == 1 else ""),
        "environment_variables": {},
        "tags": {},
    }
    return Prefilled(values, definition, [], is_new=True)


def _suggest_command(files: list[str]) -> str:
    """The command that starts the most likely one of the scripts in the top folder; empty if none is likely."""
    scripts = [path for path in files if "/" not in path and path.endswith(".py")]
    known = [name for name in ("train.py", "main.py", "run.py") if name in scripts]
    chosen = known[:1] or (scripts if len(scripts) == 1 else [])
    return f"python {shlex.quote(chosen[0])}" if chosen else ""


def _read_command(job: dict) -> str:
    argv = job.get("commandArgv")
    return shlex.join(map(str, argv)) if argv else str(job.get("command") or "")


def _read_environment(run: Run) -> tuple[dict | None, list[str]]:
    try:
        reference, definition = run.job.get("environmentId"), run.job.get("environmentDefinition")
        return environments.resolve_environment(run.workspace, reference, definition)[0], []
    except Invalid as refusal:
        return None, [f"{refusal.message} Choose another environment."]


def _read_target(run: Run, warnings: list[str]) -> str:
    """The compute target; empty with a warning if it cannot be used again."""
    if run.is_local:
        warnings.append("This job ran on its submitter's machine. Choose a compute cluster to run it here.")
        return ""
    target = ComputeTarget.objects.filter(
        workspace=run.workspace, deleted_at=None, name__iexact=run.target_name
    ).first()
    if target is None:
        warnings.append(f"The compute target {run.target_name} was deleted. Choose another one.")
        return ""
    return target.name


def _read_timeout(job: dict) -> int | None:
    timeout = (job.get("limits") or {}).get("timeout")
    return submission.parse_seconds(timeout) if timeout else None
