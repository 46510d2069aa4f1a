"""Versions of registered models in MLflow's API. A version's files belong to a run, a logged model or another version."""

import re
from urllib.parse import unquote

from mlflow_api import files, folders, messages, model_files, page_tokens, registry, validation
from mlflow_api.errors import MlflowError, invalid_parameter, not_found
from mlflow_api.request import MlflowRequest
from mlflow_api.search import page_message
from registry import registration, sources
from registry.models import LoggedModel, Model, ModelVersion
from registry.version_files import files_of, own_path, with_originals
from runs import run_tokens
from runs.files import ranges
from runs.models import Run
from studio import numbers
from studio.search.conditions import Rows

# A URI with a scheme.
REMOTE = re.compile(r"[a-zA-Z][\w+.-]*:/")
# `runs:/<run>/…` or `mlflow-artifacts:/<experiment>/<run>/…`, perhaps with a host.
RUN_SOURCE = re.compile(r"(?i:runs:/+|mlflow-artifacts:(?://[^/]*)?/+[\w-]+/)(?P<run>(?!models(?:/|$))[\w.-]+)")
MODEL_PATH = re.compile(r"[\w-]+/models/(?P<model>[\w-]+)")
PROMPT_SOURCES = ("dummy-source", "prompt-template")
VERSIONS = Rows(
    columns={
        "name": ("text", "model__name"),
        "run_id": ("text", "source_run_id"),
        **dict.fromkeys(["source_path", "source"], ("text", "source")),
        **dict.fromkeys(["version_number", "version"], ("number", "number")),
    },
    orders={
        "name": "model__name",
        "version_number": "number",
        "creation_timestamp": "created_at",
        **dict.fromkeys(["timestamp", "last_updated_timestamp"], "updated_at"),
    },
    absent={registry.PROMPT: "false"},
)


def version_answer(row: ModelVersion) -> dict:
    return {"model_version": registry.model_version_message(row, row.model)}


def create(request: MlflowRequest) -> dict:
    model = registry.find_model(request, "register")
    tags = dict(registry.checked_tag(key, value) for key, value in request.fields.pairs("tags"))
    source, run_id, logged = _origin(request, tags)
    if request.actor.is_run:
        _check_own_origin(request, source, run_id, logged)
    made = model.add_version(
        request.actor,
        source=source,
        source_run_id=run_id,
        run=_run_with_files(request, source, run_id),
        logged_model=logged,
        description=registry.read_description(request),
        tags=tags,
        model_type=_type_of(tags),
        run_link=request.fields.text("run_link", ""),
    )
    return version_answer(made)


def _type_of(tags: dict) -> str:
    is_prompt = tags.get(registry.PROMPT, "").lower() == "true"
    return ModelVersion.Type.PROMPT if is_prompt else ModelVersion.Type.MLFLOW


def _run_with_files(request: MlflowRequest, source: str, run_id: str) -> Run | None:
    """The run with the version's files; the source takes precedence over `run_id`."""
    match = RUN_SOURCE.match(source)
    named = [sources.parse_source(source).run_id or (match["run"] if match else "")]
    found = {run.run_id: run for run in Run.objects.filter(workspace=request.workspace, run_id__in=[*named, run_id])}
    return next((found[name] for name in (*named, run_id) if name in found), None)


def _origin(request: MlflowRequest, tags: dict) -> tuple[str, str, LoggedModel | None]:
    """The URI of a new version's files, and the run and logged model that they come from."""
    source = request.fields.text("source")
    run_id = validation.check_value(request.fields.text("run_id", ""), "Run id", validation.MAX_RUN_ID)
    if tags.get(registry.PROMPT, "").lower() == "true":
        return _of_prompt(source), run_id, None
    logged = _logged(request, source, request.fields.text("model_id", ""))
    if logged is None and source.startswith("models:/"):
        original = _version_named(request, source)
        # An alias may later point to another version.
        source, run_id = f"models:/{original.model.name}/{original.number}", run_id or original.source_run_id
        logged = original.logged_model if original.logged_model and not original.logged_model.deleted_at else None
    elif logged is None or source != f"models:/{logged.model_id}":
        _check_source(request, source)
    return source, run_id or (logged.source_run_id if logged else ""), logged


def _check_own_origin(request: MlflowRequest, source: str, run_id: str, logged: LoggedModel | None) -> None:
    """A run token may register only what its run created or may write to."""
    if logged:
        if not (logged.source_run_id and request.own_runs().filter(run_id=logged.source_run_id).exists()):
            run_tokens.check_made(request.actor, logged)
    elif source.startswith("models:/"):
        run_tokens.check_made(request.actor, _version_named(request, source))
    named = sources.parse_source(source)
    if named.kind == "run":
        request.open_run(named.run_id)
    elif named.kind == "workspace" and (model := MODEL_PATH.match(named.path)):
        model_files.find_writable(request, model["model"])
    elif named.kind == "workspace":
        registration.check_own_upload(request.actor, request.workspace, named.path)
        if files_of(ModelVersion(workspace=request.workspace, source=source)) is None:
            raise not_found(f"No such artifact: '{named.path[:200]}'")
    if run_id:
        request.open_run(run_id)


def _of_prompt(source: str) -> str:
    """A prompt is a text in a tag and has no files; MLflow's clients send a placeholder as its source."""
    if source not in PROMPT_SOURCES:
        raise invalid_parameter(
            f"Invalid prompt source: '{source[:200]}'. Prompt sources must use an MLflow placeholder: "
            f"{' or '.join(PROMPT_SOURCES)}."
        )
    return source


def _logged(request: MlflowRequest, source: str, model_id: str) -> LoggedModel | None:
    match = re.fullmatch(r"models:/(m-[\w-]+)", source)
    model_id = model_id or (match[1] if match else "")
    return model_files.find_model(request, model_id) if model_id else None


def _check_source(request: MlflowRequest, source: str) -> None:
    """A version's files must belong to a run, a logged model or another version; a server path is refused."""
    if source.startswith("models:/"):
        _version_named(request, source)
    elif not REMOTE.match(source) or source.lower().startswith("file:"):
        raise _not_ours(source)
    else:
        plain = unquote(unquote(source))
        if ".." in re.split(r"[/\\\\]", plain) or "\0" in plain or "?" in source or "#" in source:
            raise invalid_parameter(
                f"Invalid model version source: '{source[:200]}'. If supplying a source as an http, https, ftp, sftp or "
                "s3 URI, or one of MLflow's artifacts, an absolute path must be provided, without '..', query or fragment."
            )


def _not_ours(source: str) -> MlflowError:
    return invalid_parameter(
        f"Invalid model version source: '{source[:200]}'. To use a local path as a model version source, the run_id "
        "request parameter has to be specified and the local path has to be contained within the artifact directory "
        "of the run specified by the run_id."
    )


def _version_named(request: MlflowRequest, source: str) -> ModelVersion:
    match = re.fullmatch(r"models:/([^/@]+)(?:/(\w+)|@([\w-]+))", source)
    model = match and Model.objects.present().filter(workspace=request.workspace, name=match[1]).first()
    number = None
    if match and model:
        number = model.aliases.get(match[3]) if match[3] else numbers.int_or_none(match[2])
    if not model or not number or not 0 < number <= registry.MAX_VERSION:
        raise invalid_parameter(f"Unable to fetch model from model URI source: '{source[:200]}'. It names no version.")
    return registry.find_version_of(model, number)


def get(request: MlflowRequest) -> dict:
    return version_answer(registry.find_version(request))


def update(request: MlflowRequest) -> dict:
    version = registry.find_writable_version(request)
    version.set_description(registry.read_description(request))
    return version_answer(version)


def delete(request: MlflowRequest) -> dict:
    version = registry.find_version(request, "edit")
    version.move_to_trash(request.actor)
    return {}


def transition(request: MlflowRequest) -> dict:
    version, stage = registry.find_writable_version(request), registry.parse_stage(request.fields.text("stage"))
    version.transition_to(stage, request.actor, archive_existing=request.fields.boolean("archive_existing_versions"))
    return version_answer(version)


def search(request: MlflowRequest) -> dict:
    fields = request.fields
    rows = ModelVersion.objects.present().filter(workspace=request.require("read"))
    rows = rows.select_related("model", "logged_model")
    orders = fields.texts("order_by") or ["last_updated_timestamp DESC"]
    rows = VERSIONS.find(rows, registry.without_prompts(fields.text("filter", "")), orders, ["model__name", "-number"])
    max_results, start = page_tokens.requested_page(fields, 10_000, 200_000)
    return page_message(
        rows, start, max_results, "model_versions", lambda row: registry.model_version_message(row, row.model)
    )


def download_uri(request: MlflowRequest) -> dict:
    return {"artifact_uri": _download_uri(request, registry.find_version(request))}


def _download_uri(request: MlflowRequest, version: ModelVersion) -> str:
    """The URI for downloads by the plain client; for files of a run it is the source."""
    for one in with_originals(version):
        if one.own_folder:
            return f"mlflow-artifacts:/{own_path(one)}"
    if version.logged_model:
        return model_files.artifact_uri(model_files.find_model(request, version.logged_model.model_id))
    if version.source.startswith("models:/"):
        return _download_uri(request, _version_named(request, version.source))
    source = sources.parse_source(version.source)
    is_azure = version.source.lower().startswith(("azureml:", "aml:"))
    if is_azure and source.kind == "workspace":
        return f"mlflow-artifacts:/{source.path}"
    if source.kind == "run" and version.run and (is_azure or request.actor.is_run):
        # MLflow's clients do not know Azure's addresses. The token of another run may read these files, but not their run.
        return f"{messages.artifact_uri(version.run.experiment.experiment_id, version.run.run_id)}/{source.path}"
    return version.source


def find_folder(request: MlflowRequest, version: ModelVersion) -> str:
    """The folder of the version's files in the artifact proxy."""
    uri = _download_uri(request, version)
    if not uri.startswith("runs:/"):
        return uri
    run_id, _, path = uri.removeprefix("runs:/").partition("/")
    run = request.run(run_id)
    return f"{messages.artifact_uri(run.experiment.experiment_id, run.run_id)}/{path}"


def set_tag(request: MlflowRequest) -> dict:
    return registry.set_tag(request, registry.find_writable_version(request))


def delete_tag(request: MlflowRequest) -> dict:
    return registry.delete_tag(request, registry.find_writable_version(request))


def get_artifact(request: MlflowRequest) -> ranges.Answer:
    """A file of a registered version, from its run or logged model."""
    path = folders.check_relative_path(request.fields.text("path"))
    folder = find_folder(request, registry.find_version(request)).removeprefix("mlflow-artifacts:/").strip("/")
    return files.download(request, f"{folder}/{path}")
