"""Registering a version of a model: from a job's files, from uploads, or as a copy of another version."""

from django.db import transaction

from accounts.actors import Actor
from registry import datastore_copies, rules, signatures, sources, version_files
from registry.models import Model, ModelVersion
from runs import run_tokens
from runs.models import Run
from runs.token_filters import filter_below
from studio.errors import Conflict, Invalid, StudioError
from workspaces.models import Workspace

MAX_NAMED = 20


def register_version(
    actor: Actor,
    workspace: Workspace,
    name: str,
    uri: str,
    *,
    number: int | None = None,
    model_type: str = "",
    **fields,
) -> ModelVersion:
    """Register a new version; the model is created if it does not exist. `fields` are columns of the version."""
    source = sources.parse_source(sources.check_source(uri))
    origin = ORIGINS[source.kind](actor, workspace, source, uri)
    probe = ModelVersion(workspace=workspace, **origin)
    files = version_files.files_of(probe)
    if source.kind in ("run", "workspace") and files is None:
        raise _no_files(workspace, source, origin)
    if not model_type:
        is_mlflow = files is not None and files.find(signatures.FILE) is not None
        model_type = ModelVersion.Type.MLFLOW if is_mlflow else ModelVersion.Type.CUSTOM
    try:
        with transaction.atomic():
            model = _find_or_register(actor, workspace, name)
            return model.add_version(actor, number=number, model_type=model_type, **origin, **fields)
    except StudioError:
        if source.kind == "datastore":
            datastore_copies.discard_copies(workspace, origin["own_folder"])
        raise


def _find_or_register(actor: Actor, workspace: Workspace, name: str) -> Model:
    """A name that MLflow's clients have given stays valid; a new one is checked."""
    present = Model.objects.present().filter(workspace=workspace)
    found = present.filter(name=name).first()
    if found is None:
        try:
            found = Model.objects.register(actor, workspace, rules.MODEL_NAME.check(name))
        except Conflict:
            # Another request was first.
            found = present.get(name=name)
    found.workspace = workspace
    return found


def _of_run(actor: Actor, workspace: Workspace, source: sources.ModelSource, uri: str) -> dict:
    runs = Run.objects.writable_by(actor) if actor.is_run else Run.objects.filter(deleted_at=None)
    run = runs.filter(workspace=workspace, run_id=source.run_id).first()
    if run is None:
        raise Invalid(f"The workspace has no job {source.run_id!r} whose files can be registered.", target="modelUri")
    path = f"/{source.path}" if source.path else ""
    return {"source": f"runs:/{run.run_id}{path}", "source_run_id": run.run_id, "run": run}


def _of_upload(actor: Actor, workspace: Workspace, source: sources.ModelSource, uri: str) -> dict:
    check_own_upload(actor, workspace, source.path)
    run = Run.objects.filter(workspace=workspace, run_id=actor.run_id).first() if actor.is_run else None
    # A script that registers a local file does so for its run.
    return {"source": f"mlflow-artifacts:/{source.path}", "source_run_id": actor.run_id, "run": run}


def check_own_upload(actor: Actor, workspace: Workspace, path: str) -> None:
    """The token of a run registers only files of the workspace that its run or a descendant has stored."""
    if actor.is_run:
        files = workspace.artifact_files.filter(path=path) | workspace.artifact_files.below(path)
        own = Run.objects.filter(filter_below(actor), workspace=workspace).values("run_id")
        if other := files.exclude(made_by_run__in=own).first():
            run_tokens.check_made(actor, other)


def _of_datastore(actor: Actor, workspace: Workspace, source: sources.ModelSource, uri: str) -> dict:
    run = Run.objects.filter(workspace=workspace, run_id=actor.run_id).first() if actor.is_run else None
    folder = datastore_copies.copy_files(actor, workspace, source)
    return {"source": uri, "own_folder": folder, "source_run_id": actor.run_id, "run": run}


def _of_version(actor: Actor, workspace: Workspace, source: sources.ModelSource, uri: str) -> dict:
    versions = workspace.model_versions.present().filter(model__name=source.name, number=source.number)
    original = versions.select_related("model", "run", "logged_model").first()
    if original is None:
        raise Invalid(f"The workspace has no model {source.name}:{source.number}.", target="modelUri")
    if actor.is_run:
        run_tokens.check_made(actor, original)
    copied = {"source_run_id": original.source_run_id, "run": original.run, "logged_model": original.logged_model}
    return {"source": f"models:/{source.name}/{source.number}", **copied}


def _of_other_server(actor: Actor, workspace: Workspace, source: sources.ModelSource, uri: str) -> dict:
    return {"source": uri}


ORIGINS = {
    "run": _of_run,
    "workspace": _of_upload,
    "datastore": _of_datastore,
    "version": _of_version,
    "elsewhere": _of_other_server,
}


def _no_files(workspace: Workspace, source: sources.ModelSource, origin: dict) -> Invalid:
    run = origin.get("run") if source.kind == "run" else None
    paths = list(run.artifacts.order_by("path").values_list("path", flat=True)[: MAX_NAMED + 1]) if run else []
    where = f"The job {source.run_id}" if run else "The workspace"
    listed = f" It has: {', '.join(paths[:MAX_NAMED])}{' …' if len(paths) > MAX_NAMED else ''}." if paths else ""
    return Invalid(
        f"{where} has no file or folder {source.path!r}.{listed}", code="ModelPathNotFound", target="modelUri"
    )
