"""Experiments and runs at the URLs of run history, which only SDK v1 uses."""

import dataclasses
import datetime as dt

from django.db import IntegrityError, transaction
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import Exact, IsNull
from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Router

from accounts.authentication import RUN_TOKEN_DAYS, make_run_token
from compute import queue
from runs import run_tokens, search, submission
from runs.api import access, resources
from runs.models import Experiment, Run
from studio import api
from studio.errors import Conflict, Invalid
from studio.formats import replace_unstorable, utc_time
from studio.schemas import Nothing, list_of
from workspaces.access import require
from workspaces.workspace_path import WorkspacePath, find_workspace

router = Router(tags=["run history"])
# Each tag in a filter is a joined table.
MAX_FILTERS = 20
MAX_ERROR_LENGTH = 100_000
# Whether `archived_at` is null in the experiments of a view.
VIEWS = {"ActiveOnly": True, "ArchivedOnly": False, "All": None}


@router.get(
    "/experiments",
    response=list_of(resources.Experiment),
    summary="List the experiments of a workspace, newest first",
)
def experiment_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = find_workspace(request, workspace_path)
    found = Experiment.objects.present().filter(workspace=workspace).select_related("workspace")
    if "name" in request.GET:
        found = found.filter(name=request.GET["name"])
    return api.paginate(request, _viewed(found, request.GET.get("viewType", "All")), resources.Experiment)


def _viewed(experiments, view: str):
    if view not in VIEWS:
        raise Invalid(f"viewType is {view!r}; it may be {', '.join(VIEWS)}.", target="viewType")
    return experiments if VIEWS[view] is None else experiments.filter(archived_at__isnull=VIEWS[view])


@router.put(
    "/experiments/{path:name}/runs/{run_id}",
    response=resources.Run,
    summary="Create an interactive run or a child run",
)
def run_create(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, run_id: str, body: resources.NewRun
):
    workspace = find_workspace(request, workspace_path)
    parent = submission.find_parent(request.auth, workspace, body.parentRunId)
    submission.require_create(request.auth, workspace, parent)
    if request.auth.is_run and parent:
        access.check_attempt(request.auth, parent)
    if body.status not in (Run.Status.NOT_STARTED, Run.Status.RUNNING):
        raise Invalid(f"A run starts as NotStarted or Running, not {body.status!r}.", target="status")
    try:
        with transaction.atomic():
            run = _interactive(request, workspace, name, run_id, body, parent)
    except IntegrityError as error:
        raise Conflict(f"There is a run {run_id!r} already.", target="runId") from error
    return resources.Run.of(run)


def _interactive(request, workspace, name, run_id, body: resources.NewRun, parent) -> Run:
    run = submission.create_run(
        request.auth,
        submission.get_or_create_experiment(request.auth, workspace, name),
        run_id,
        parent,
        display_name=body.displayName or run_id,
        description=body.description or "",
        run_type=body.runType or "",
        target_name=body.target or "",
        snapshot=submission.find_snapshot(workspace, body.snapshotId),
        properties=body.properties or {},
        tags=body.tags or {},
    )
    if body.status == Run.Status.RUNNING:
        run.start()
    return run


@router.get(
    "/experiments/{path:name}/runs",
    response=list_of(resources.Run),
    summary="List the runs of an experiment, newest first",
)
def experiment_runs(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    found = access.find_experiment(request, workspace_path, name)
    return _run_page(request, Run.objects.visible_to(request.auth).filter(experiment=found))


@router.get("/experiments/{path:name}", response=resources.Experiment, summary="Get an experiment")
def experiment_read(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    return resources.Experiment.of(access.find_experiment(request, workspace_path, name))


@router.put(
    "/experiments/{path:name}",
    response=resources.Experiment,
    summary="Get an experiment; create it if it does not exist",
)
def experiment_create(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    workspace = find_workspace(request, workspace_path)
    found = Experiment.objects.present().filter(workspace=workspace, name=name).first()
    if found is None:
        require(request.auth, "edit", workspace)
        found = submission.get_or_create_experiment(request.auth, workspace, name)
    found.workspace = workspace
    return resources.Experiment.of(found)


@router.patch(
    "/experiments/{path:name}",
    response=resources.Experiment,
    summary="Rename, describe, tag or archive an experiment",
)
def experiment_edit(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, body: resources.ExperimentUpdate
):
    found = access.find_experiment(request, workspace_path, name, "edit")
    found.edit(**body.model_dump())
    return resources.Experiment.of(found)


@router.delete("/experiments/{path:name}", response=Nothing, summary="Move an experiment and its runs to the trash")
def experiment_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], name: str):
    access.find_experiment(request, workspace_path, name, "edit").delete()
    return {}


@router.get("/runs", response=list_of(resources.Run), summary="List the runs of a workspace, newest first")
def run_list(request: HttpRequest, workspace_path: Path[WorkspacePath]):
    workspace = find_workspace(request, workspace_path)
    return _run_page(request, Run.objects.visible_to(request.auth).filter(workspace=workspace))


@router.get("/runs/{run_id}", response=resources.Run, summary="A run")
def run_read(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str):
    return resources.Run.of(access.find_readable(request, workspace_path, run_id))


@router.patch(
    "/runs/{run_id}",
    response=resources.Run,
    summary="Change a run's name, description and tags; add properties",
)
def run_edit(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str, body: resources.RunUpdate):
    run = access.find_writable(request, workspace_path, run_id)
    with transaction.atomic():
        if body.properties:
            run.add_properties(body.properties)
        run.edit(
            display_name=body.displayName, description=body.description, tags=body.tags, remove_tags=body.removeTags
        )
    return resources.Run.of(access.find_readable(request, workspace_path, run_id))


@router.delete("/runs/{run_id}", response=Nothing, summary="Move an ended run and its children to the trash")
def run_delete(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str):
    access.find_deletable(request, workspace_path, run_id).delete()
    return {}


@router.patch(
    "/experiments/{path:name}/runs/{run_id}",
    response=resources.Run,
    summary="Get a run in the form that SDK v2 requests",
)
def run_edit_in_experiment(
    request: HttpRequest, workspace_path: Path[WorkspacePath], name: str, run_id: str, body: resources.RunUpdate
):
    access.find_experiment(request, workspace_path, name)
    return run_edit(request, workspace_path, run_id, body)


@router.get(
    "/runs/{run_id}/details",
    response=resources.RunDetails,
    summary="Get a run with its definition, events and links to its logs",
)
def run_details(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str):
    run = access.find_readable(request, workspace_path, run_id)
    return resources.RunDetails.of(run, request.path.removesuffix("/details"))


@router.get(
    "/runs/{run_id}/children",
    response=list_of(resources.Run),
    summary="List child runs; with `recursive` all descendants of the run",
)
def run_children(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str, recursive: bool = False):
    run = access.find_readable(request, workspace_path, run_id)
    below = [row.pk for row in run.family()[1:]] if recursive else run.children.values("pk")
    return _run_page(request, Run.objects.visible_to(request.auth).filter(pk__in=below), children=True)


@router.post("/runs/{run_id}/events", response=resources.Run, summary="Report the state of a run")
def run_event(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str, body: resources.RunEventReport):
    run = access.find_writable(request, workspace_path, run_id)
    if body.warning:
        source, message = _warning(body.warning)
        run.warn(message, source)
    if body.container:
        run.note_container(*(_clean(body.container.get(name), 500) for name in ("image", "digest", "engine")))
    error = _error(body)
    if body.status:
        run.move(body.status, message=_clean(body.message, 1000), error=error, node=body.node)
    elif error:
        run.record_error(error)
    return resources.Run.of(access.find_readable(request, workspace_path, run_id))


def _warning(warning: str | dict) -> tuple[str, str]:
    if isinstance(warning, dict):
        return _clean(warning.get("source") or "runner", 100), _clean(warning.get("message"), 3000)
    return "runner", _clean(warning, 3000)


def _error(body: resources.RunEventReport) -> dict | None:
    if not body.error:
        return None
    within = body.error.get("error")
    inner = within if isinstance(within, dict) else body.error
    return {
        "code": _clean(inner.get("code") or "UserError", 100),
        "message": _clean(inner.get("message") or body.message, MAX_ERROR_LENGTH),
        "details": _clean(inner.get("details"), MAX_ERROR_LENGTH),
    }


def _clean(value, max_length: int) -> str:
    """The end of a run is never refused because of its text: characters that cannot be stored are replaced, and cuts shown."""
    text = replace_unstorable("" if value is None else str(value))
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"


@router.post(
    "/runs/{run_id}/heartbeat",
    response=resources.RunHeartbeat,
    summary="Send a runner's heartbeat; the response says whether to continue",
)
def run_heartbeat(
    request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str, body: resources.Heartbeat | None = None
):
    rank = body.rank if body else 0
    run = access.find_writable(request, workspace_path, run_id)
    run_tokens.check_heartbeat(request.auth, run)
    if run.work_id is None:
        Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now())
    elif run.is_active and request.auth.is_run and not queue.renew_lease(run.work_id, request.auth.attempt, rank):
        raise Conflict(
            f"The work of the run {run.run_id} belongs to another attempt, or to none.", code="stale_attempt"
        )
    return resources.RunHeartbeat.of(run)


@router.post("/runs/{run_id}/cancel", response=resources.Run, summary="Cancel a run and its children")
def run_cancel(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str):
    access.find_writable(request, workspace_path, run_id).cancel()
    return resources.Run.of(access.find_readable(request, workspace_path, run_id))


@router.post("/runs/{run_id}/token", response=resources.RunToken, summary="Get a token for this run only")
def run_token_make(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str):
    run = access.find_writable(request, workspace_path, run_id)
    actor = request.auth
    attempt = run.work.attempt if run.work else 0
    expires = timezone.now() + dt.timedelta(days=RUN_TOKEN_DAYS)
    token = make_run_token(actor.user.pk, run.workspace_id, run.run_id, attempt)
    return resources.RunToken(token=token, expiryTimeUtc=utc_time(expires))


@router.post("/runs/{run_id}/params", response=resources.Run, summary="Log parameters; each can be set once")
def run_params(request: HttpRequest, workspace_path: Path[WorkspacePath], run_id: str, body: resources.NewParameters):
    run = access.find_writable(request, workspace_path, run_id)
    access.check_open(request.auth, run)
    run.add_parameters(body.parameters)
    return resources.Run.of(access.find_readable(request, workspace_path, run_id))


@dataclasses.dataclass
class Wanted:
    """The filters of a list of runs."""

    status: list[str]
    type: list[str]
    tag: list[str]
    property: list[str]


def _run_page(request: HttpRequest, runs, children: bool = False):
    query = request.GET
    wanted = Wanted(*(_words(query, field.name) for field in dataclasses.fields(Wanted)))
    if not children and query.get("includeChildren", "").lower() not in ("true", "1"):
        runs = runs.filter(parent=None)
    # In the language of the query box and MLflow's search; an error names the column.
    found = search.filter_runs(_narrowed(runs, wanted), query.get("filter", ""))
    return api.paginate(request, found.with_related(), resources.Run)


def _words(query, name: str) -> list[str]:
    values = [value for value in query.getlist(name) if value]
    if len(values) > MAX_FILTERS:
        raise Invalid(f"{name}: {len(values)} are given; {MAX_FILTERS} are allowed.", target=name)
    return values


def _narrowed(runs, wanted: Wanted):
    if wanted.status:
        runs = runs.filter(status__in=[word for value in wanted.status for word in value.split(",")])
    if wanted.type:
        runs = runs.filter(run_type__in=wanted.type)
    for pair in wanted.tag:
        name, colon, value = pair.partition(":")
        runs = runs.filter(tag_rows__name=name, **({"tag_rows__value": value} if colon else {}))
    for pair in wanted.property:
        name, colon, value = pair.partition(":")
        stored = KeyTextTransform(name, "properties")
        runs = runs.filter(Exact(stored, value) if colon else IsNull(stored, False))
    return runs
