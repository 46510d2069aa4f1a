"""Submit a job: checks its body, stores and queues the run in one transaction."""

import re
import time
import uuid
from typing import Annotated, Any

import pydantic
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.actors import Actor
from assets import environments, rebuilds, variables
from compute import queue
from compute.models import ComputeTarget
from runs import (
    distribution,
    family_limits,
    job_changes,
    job_containers,
    job_data,
    job_resources,
    job_settings,
    rules,
    work_kind,
)
from runs.models import Experiment, Run, RunEvent, RunTag, Snapshot
from studio import names, statements
from studio.errors import Conflict, Denied, Invalid
from studio.formats import parse_iso_duration
from studio.request_body import validate_body
from studio.rules import DESCRIPTION, TAGS
from studio.schemas import Open
from workspaces import access
from workspaces.models import Workspace

LOCAL = "local"
SCRIPT_RUN = "azureml.scriptrun"
DEFAULT_EXPERIMENT = "Default"
MAX_PRIORITY = 1000


class JobResources(Open):
    instanceCount: int = pydantic.Field(default=1, ge=1)


class JobLimits(Open):
    timeout: str | None = None


class JobProperties(Open):
    jobType: Annotated[str, rules.JOB_TYPE] = "Command"
    experimentName: str | None = None
    displayName: Annotated[str, rules.DISPLAY_NAME_OR_EMPTY] | None = None
    description: Annotated[str, DESCRIPTION] | None = None
    command: Annotated[str, rules.COMMAND] | None = None
    commandArgv: list[Annotated[str, rules.COMMAND]] | None = None
    codeId: str | None = None
    environmentId: str | None = None
    environmentDefinition: dict | None = None
    computeId: str | None = None
    environmentVariables: dict | None = None
    resources: JobResources | None = None
    limits: JobLimits | None = None
    tags: Annotated[dict[str, Any], TAGS] | None = None
    properties: Annotated[dict[str, Any], rules.PROPERTIES] | None = None
    parentRunId: str | None = None
    runDefinition: dict | None = None


class Job(Open):
    """The body of a job; it is stored and returned unchanged, with unknown fields."""

    properties: JobProperties


def submit_job(actor: Actor, workspace: Workspace, name: str, body: dict) -> Run:
    """Store the run, and queue its work unless it is local. The same body under the same name returns the same run."""
    access.require(actor, "read" if actor.is_run else "submit", workspace)
    rules.RUN_ID.check(name)
    job = check_job(body)
    parent = _check_parent(actor, workspace, job.parentRunId)
    present = _find_same_job(workspace, name, body)
    if present:
        return present
    try:
        with transaction.atomic():
            return _store_run(actor, workspace, name, job, body["properties"], parent)
    except IntegrityError:
        # Another request of the same name was first.
        present = _find_same_job(workspace, name, body)
        if present is None:
            raise
        return present


def resubmit_job(actor: Actor, run: Run, changes: dict | None = None) -> Run:
    """Submit the same job again, as a new run; `changes` are those of job_changes.change_job."""
    changes = changes or {}
    require_job(run)
    if run.is_local and "computeId" not in changes:
        raise Conflict(
            f"The run {run.run_id} ran on its submitter's machine. Choose a compute cluster, or submit it again from there.",
            target="computeId",
        )
    job = {key: value for key, value in run.job.items() if key not in ("displayName", "parentRunId")}
    name = make_run_name(changes.get("experimentName") or run.experiment.name)
    return submit_job(actor, run.workspace, name, {"properties": job_changes.change_job(job, changes)})


def require_job(run: Run) -> None:
    if not run.job:
        raise Conflict(f"The run {run.run_id} was not submitted as a job, so it cannot be submitted again.")


def make_run_name(experiment: str) -> str:
    """A run id as SDK v1 makes them."""
    start = re.sub(r"[^\w.-]", "_", experiment, flags=re.ASCII)[:200]
    return f"{start}_{int(time.time())}_{uuid.uuid4().hex[:8]}"


def check_job(body: dict) -> JobProperties:
    """The job's fields, or Invalid with every wrong one."""
    job = validate_body(Job, body).properties
    if not job.command and not job.commandArgv:
        raise Invalid("The job has no command: write `command` or `commandArgv`.", target="command")
    return job


def _find_same_job(workspace: Workspace, name: str, body: dict) -> Run | None:
    run = Run.objects.filter(workspace=workspace, run_id=name).first()
    if run and run.job != body["properties"]:
        raise Conflict(f"There is a run {name} already, and it has a different job.", target="name")
    return run


def require_create(actor: Actor, workspace: Workspace, parent: Run | None) -> None:
    """People may create runs by their role; a run token only below runs that it may write to."""
    if not actor.is_run:
        return access.require(actor, "submit", workspace)
    access.require(actor, "read", workspace)
    if parent is None:
        raise Denied(f"A run's token can only create children of that run: set parentRunId to {actor.run_id}.")


def find_parent(actor: Actor, workspace: Workspace, run_id: str | None) -> Run | None:
    if not run_id:
        return None
    parent = Run.objects.writable_by(actor).filter(workspace=workspace, run_id=run_id).select_related("root").first()
    if parent is None:
        raise Invalid(f"The workspace has no run {run_id!r} to be the parent.", target="parentRunId")
    return parent


def _check_parent(actor: Actor, workspace: Workspace, run_id: str | None) -> Run | None:
    parent = find_parent(actor, workspace, run_id)
    require_create(actor, workspace, parent)
    return parent


def _store_run(actor, workspace, name, job: JobProperties, kept: dict, parent) -> Run:
    snapshot = find_snapshot(workspace, job.codeId)
    target = _find_target(actor, workspace, job.computeId)
    environment, version = environments.resolve_environment(workspace, job.environmentId, job.environmentDefinition)
    distributed = distribution.read_distribution(kept)
    if target is None and distributed.spec:
        raise Invalid("A job of several processes or nodes needs a compute cluster.", target="computeId")
    spec = _make_spec(workspace, name, job, snapshot)
    spec["environment"] = {**environment, **rebuilds.build_mark(workspace, version)}
    spec["container"] = job_containers.read_container(kept, spec["environment"], target)
    in_container = bool(spec["container"]) and not spec["container"]["is_warned"]
    if in_container:
        found = job_containers.read_variables(kept, spec["environment"])
        spec["environment_variables"] = {**found, **spec["environment_variables"]}
    spec["warnings"] = job_settings.check_settings(kept, spec["environment"], in_container)
    data = job_data.read_data(workspace, job.runDefinition or {})
    spec["warnings"] += data.list_warnings()
    spec |= {"inputs": data.inputs, "outputs": data.outputs}
    run = create_run(
        actor,
        get_or_create_experiment(actor, workspace, job.experimentName or DEFAULT_EXPERIMENT),
        name,
        parent,
        job=kept,
        display_name=rules.DISPLAY_NAME.check(job.displayName or name),
        description=DESCRIPTION.check(job.description or ""),
        run_type=SCRIPT_RUN,
        snapshot=snapshot,
        environment_name=version.environment.name if version else "",
        environment_version=version.version if version else "",
        target_name=target.name if target else LOCAL,
        compute=target,
        properties=_make_properties(job, snapshot, target),
        warnings=[{"source": job_settings.SOURCE, "message": text} for text in spec["warnings"]],
        tags=TAGS.check(job.tags),
    )
    data.record(run)
    spec["experiment"] = run.experiment.name
    spec |= distributed.spec
    if target:
        resources, priority = job_resources.read_resources(kept, target), _read_priority(actor, workspace, kept)
        run.work = queue.enqueue(
            target, work_kind.scope_of(name), spec, actor.user, priority, resources, distributed.node_count
        )
        run.save(update_fields=["work"])
        run.move(Run.Status.QUEUED, message=f"Waiting for a node of {target.name}.")
    return run


def _read_priority(actor: Actor, workspace: Workspace, job: dict) -> int:
    """Everybody can lower the priority; only people who can edit the cluster can raise it."""
    priority = (job.get("runDefinition") or {}).get("priority") or 0
    target = "runDefinition/priority"
    if isinstance(priority, bool) or not isinstance(priority, int) or abs(priority) > MAX_PRIORITY:
        raise Invalid(f"priority={priority!r}: write a whole number from -1000 to 1000.", target=target)
    if priority > 0 and not access.can(actor, "edit_compute", workspace):
        raise Denied("Only people who can edit compute in this workspace can set a priority: leave it out.")
    return priority


def create_run(actor: Actor, experiment: Experiment, name: str, parent: Run | None, *, tags: dict, **fields) -> Run:
    """Create a run with its number, first event and tags; all runs are created here."""
    run = Run(
        workspace=experiment.workspace,
        experiment=experiment,
        run_id=rules.RUN_ID.check(name),
        number=experiment.next_number(),
        parent=parent,
        root=parent and (parent.root or parent),
        created_by=actor.user,
        made_by=actor.run,
        **fields,
    )
    if parent:
        _check_not_canceled(parent)
        family_limits.check_child(parent)
    statements.insert_row(run)
    # The start is not before the first stage and not in the future, even if a client's clock is wrong.
    began = min(run.started_at or run.created_at, run.created_at)
    stages = dict.fromkeys([Run.Status.NOT_STARTED, run.status])
    statements.add_rows(RunEvent, ["run", "status", "at", "message"], [(run.pk, stage, began, "") for stage in stages])
    statements.add_rows(RunTag, ["run", "name", "value"], [(run.pk, key, value) for key, value in tags.items()])
    if experiment.archived_at:
        # A new run in an archived experiment would not be visible in any list.
        experiment.edit(archived=False)
    return run


def _check_not_canceled(parent: Run) -> None:
    """The script of a job that is being canceled still runs; a new child would outlive the cancellation."""
    if parent.status == Run.Status.CANCEL_REQUESTED:
        raise Conflict(f"The run {parent.run_id} is being canceled, and gets no more children.", target="parentRunId")


def get_or_create_experiment(actor: Actor, workspace: Workspace, name: str) -> Experiment:
    rules.EXPERIMENT_NAME.check(name)
    if actor.is_run and not Experiment.objects.filter(workspace=workspace, name=name).exists():
        raise Denied(
            f"There is no experiment {name!r}, and a run's token cannot create one. Use an existing experiment."
        )
    defaults = {"created_by": actor.user}
    found, _ = Experiment.objects.get_or_create(workspace=workspace, name=name, defaults=defaults)
    found.check_open()
    return found


def find_snapshot(workspace: Workspace, code_id: str | None) -> Snapshot | None:
    """The snapshot with this id, or with the ARM id that ends in it."""
    if not code_id:
        return None
    word = code_id.removeprefix("azureml:").rstrip("/").split("/versions/")[0].rsplit("/", 1)[-1]
    try:
        found = Snapshot.objects.filter(workspace=workspace, snapshot_id=uuid.UUID(word)).first()
    except ValueError:
        found = None
    if found is None:
        raise Invalid(f"The workspace has no snapshot {code_id!r}. Upload the code first.", target="codeId")
    return found


def _find_target(actor: Actor, workspace: Workspace, compute_id: str | None) -> ComputeTarget | None:
    """None for a run on the submitter's own machine."""
    present = ComputeTarget.objects.present().filter(workspace=workspace)
    if not compute_id:
        raise Invalid(f"computeId is missing: write {_list_target_names(present)}.", target="computeId")
    names.check_text(compute_id, "computeId", max_length=1000)
    word = compute_id.removeprefix("azureml:").rstrip("/").rsplit("/", 1)[-1]
    if word.lower() == LOCAL:
        return None
    target = present.filter(name__iexact=word).first()
    if target is None:
        raise Invalid(f"There is no compute target {word!r}. Write {_list_target_names(present)}.", target="computeId")
    if target.is_inference:
        raise Invalid(
            f"{target.name} is an inference cluster, which runs services; submit jobs to a compute cluster.",
            target="computeId",
        )
    if not target.is_cluster:
        target.instance.check_job(actor.user)
    return target


def _list_target_names(targets) -> str:
    there = ", ".join(targets.order_by("name").values_list("name", flat=True)[:50])
    return f"one of {there}, or {LOCAL}" if there else f"{LOCAL}, or create a compute cluster first"


def _make_properties(job: JobProperties, snapshot: Snapshot | None, target: ComputeTarget | None) -> dict:
    ours = {"_azureml.ComputeTargetType": "amlctrain" if target else LOCAL}
    if snapshot:
        ours["ContentSnapshotId"] = str(snapshot.snapshot_id)
    return {**ours, **rules.PROPERTIES.check(job.properties)}


def _make_spec(workspace: Workspace, name: str, job: JobProperties, snapshot: Snapshot | None) -> dict:
    """The spec for the runner, without its environment: docs/architecture.md."""
    return {
        "run_id": name,
        "workspace": {**workspace.config, "workspace_id": str(workspace.workspace_id)},
        "server_url": settings.PUBLIC_URL,
        "snapshot_id": str(snapshot.snapshot_id) if snapshot else None,
        "command": None if job.commandArgv else job.command,
        "argv": job.commandArgv or None,
        "environment_variables": variables.check_variables(job.environmentVariables, "environmentVariables"),
        "timeout_seconds": parse_seconds(job.limits.timeout) if job.limits and job.limits.timeout else None,
        "directories_to_watch": _watched_folders(job.runDefinition or {}),
        "node": None,
        "index_url": f"{settings.PUBLIC_URL}/pypi/simple/",
    }


def _watched_folders(definition: dict) -> list[str]:
    history = definition.get("history") or {}
    folders: Any = history.get("directoriesToWatch") if isinstance(history, dict) else [None]
    if folders and not (isinstance(folders, list) and all(isinstance(folder, str) for folder in folders)):
        target = "runDefinition/history/directoriesToWatch"
        raise Invalid(f"{target}: write a list of folders.", target=target)
    return folders or ["logs"]


def parse_seconds(duration: str) -> int:
    """The seconds of an ISO 8601 duration such as PT3600S or P1DT2H."""
    total = parse_iso_duration(duration)
    if total is None:
        raise Invalid(f"{duration!r} is not a duration: write for example PT3600S or PT1H30M.", target="limits/timeout")
    return rules.TIMEOUT.check(total)
