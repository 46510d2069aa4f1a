"""The model registry: registered models, their versions, aliases, stages and tags."""

import re
from urllib.parse import unquote

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from assets.registry import LoggedModel, Model, ModelVersion
from runs.conditions import Rows
from runs.mlflow import limits, logged_models, shapes, tokens
from runs.mlflow.calls import Call
from runs.mlflow.errors import MlflowError, invalid, missing
from runs.mlflow.searching import paged

# An address with a scheme.
REMOTE = re.compile(r"[a-zA-Z][\w+.-]*:/")
ALIAS = re.compile(r"[\w-]{1,255}", re.ASCII)
MOST_TAG, MOST_DESCRIPTION = 100_000, 5_000
LATEST = "latest"
# MLflow keeps its prompts among the registered models, under this tag; a search finds them only if it asks for them.
PROMPT = "mlflow.prompt.is_prompt"
NO_PROMPT = f"tag.`{PROMPT}` != 'true'"
MODELS = Rows(
    columns={"name": ("text", "name")},
    orders={"name": "name", "timestamp": "updated_at", "last_updated_timestamp": "updated_at"},
    absent={PROMPT: "false"},
)
VERSIONS = Rows(
    columns={
        "name": ("text", "model__name"),
        "run_id": ("text", "run_id"),
        **dict.fromkeys(["source_path", "source"], ("text", "source")),
        **dict.fromkeys(["version_number", "version"], ("number", "number")),
    },
    orders={
        "name": "model__name",
        "version_number": "number",
        "creation_timestamp": "created_at",
        **dict.fromkeys(["timestamp", "last_updated_timestamp"], "updated_at"),
    },
    absent={PROMPT: "false"},
)


def model_shape(row: Model) -> dict:
    versions = list(row.versions.all())
    latest = {version.stage: version for version in sorted(versions, key=lambda version: version.number)}
    told = {
        "name": row.name,
        "creation_timestamp": shapes.millis(row.created_at),
        "last_updated_timestamp": shapes.millis(row.updated_at),
        "description": row.description,
        "latest_versions": [version_shape(version, row) for version in latest.values()],
        "tags": shapes.keyed(row.tags.items()),
        "aliases": [{"alias": alias, "version": str(number)} for alias, number in row.aliases.items()],
    }
    return {name: value for name, value in told.items() if value not in ("", [])}


def version_shape(row: ModelVersion, model: Model) -> dict:
    told = {
        "name": model.name,
        "version": str(row.number),
        "creation_timestamp": shapes.millis(row.created_at),
        "last_updated_timestamp": shapes.millis(row.updated_at),
        "current_stage": row.stage,
        "description": row.description,
        "source": row.source,
        "run_id": row.run_id,
        "run_link": row.run_link,
        "model_id": row.logged_model_id,
        "status": "READY",
        "tags": shapes.keyed(row.tags.items()),
        "aliases": [alias for alias, number in model.aliases.items() if number == row.number],
    }
    return {name: value for name, value in told.items() if value not in ("", [])}


def _answer(row: Model) -> dict:
    return {"registered_model": model_shape(row)}


def _version_answer(row: ModelVersion) -> dict:
    return {"model_version": version_shape(row, row.model)}


# ---- finding


def find(call: Call, verb: str = "read") -> Model:
    workspace = call.require(verb)
    name = _name(call.fields.text("name", empty=True))
    found = Model.objects.filter(workspace=workspace, name=name).first()
    if found is None:
        raise missing(f"Registered Model with name={name} not found")
    return found


def _name(name: str, what: str = "Registered model") -> str:
    if not name.strip():
        raise invalid(f"{what} name cannot be empty.")
    if any(character in name for character in "/:") or name in (".", ".."):
        raise invalid(
            f"Invalid name: '{name[:100]}'. {what} name cannot contain '/' or ':', and cannot be '.' or '..'."
        )
    return limits.value(name, f"{what} name", 255)


def _number(text: str) -> int:
    if not text.isdigit() or not text.isascii() or len(text) > 9:
        raise invalid(f"Parameter 'version' must be an integer, got '{text[:50]}'.")
    return int(text)


def find_version(call: Call, verb: str = "read") -> ModelVersion:
    model = find(call, verb)
    number = _number(call.fields.text("version"))
    return _version(model, number)


def _version(model: Model, number: int) -> ModelVersion:
    found = model.versions.filter(number=number).first()
    if found is None:
        raise missing(f"Model Version (name={model.name}, version={number}) not found")
    found.model = model
    return found


# ---- registered models


def create(call: Call) -> dict:
    workspace = call.require("register")
    name = _name(call.fields.text("name", empty=True))
    tags = dict(_tag(key, value) for key, value in call.fields.pairs("tags"))
    try:
        with transaction.atomic():
            made = Model.objects.create(
                workspace=workspace, name=name, tags=tags, description=_description(call), created_by=call.actor.user
            )
    except IntegrityError as error:
        raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.") from error
    return _answer(made)


def _description(call: Call) -> str:
    return limits.value(call.fields.text("description", ""), "Description", MOST_DESCRIPTION)


def _tag(key: str, value: str) -> tuple[str, str]:
    return limits.key(key, "Tag"), limits.value(value, f"Tag value of '{key}'", MOST_TAG)


def get(call: Call) -> dict:
    return _answer(find(call))


def rename(call: Call) -> dict:
    model = find(call, "edit")
    name = _name(call.fields.text("new_name", empty=True))
    try:
        with transaction.atomic():
            return _answer(_saved(model, name=name))
    except IntegrityError as error:
        raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.") from error


def update(call: Call) -> dict:
    return _answer(_saved(find(call, "register"), description=_description(call)))


def _saved(row, **fields):
    """Changes a model or a version, and says when."""
    fields["updated_at"] = timezone.now()
    type(row).objects.filter(pk=row.pk).update(**fields)
    for name, value in fields.items():
        setattr(row, name, value)
    return row


def delete(call: Call) -> dict:
    find(call, "edit").delete()
    return {}


def search(call: Call) -> dict:
    fields = call.fields
    rows = Model.objects.filter(workspace=call.require("read")).prefetch_related("versions")
    rows = MODELS.find(rows, _without_prompts(fields.text("filter", "")), fields.texts("order_by"), ["name"])
    return paged(
        rows, tokens.read(fields.text("page_token", "")), _most(call, 100, 1000), "registered_models", model_shape
    )


def _without_prompts(text: str) -> str:
    if PROMPT in text:
        return text
    return f"({text}) AND {NO_PROMPT}" if text.strip() else NO_PROMPT


def _most(call: Call, default: int, most: int) -> int:
    count = call.fields.integer("max_results", default)
    if not 0 < count <= most:
        raise invalid(f"Invalid value {count} for parameter 'max_results' supplied: write a number from 1 to {most}.")
    return count


def latest_versions(call: Call) -> dict:
    """The newest version in each stage, or in those that are named."""
    model = find(call)
    stages = [_stage(word) for word in call.fields.texts("stages")] or ModelVersion.Stage.values
    latest = {row.stage: row for row in model.versions.order_by("number") if row.stage in stages}
    found = [version_shape(row, model) for row in latest.values()]
    return {"model_versions": found} if found else {}


def _stage(word: str) -> str:
    for stage in ModelVersion.Stage.values:
        if word.lower() == stage.lower():
            return stage
    raise invalid(
        f"Invalid Model Version stage: {word[:50]}. Value must be one of {', '.join(ModelVersion.Stage.values)}."
    )


def set_tag(call: Call) -> dict:
    return _set_tag(call, find(call, "register"))


def _set_tag(call: Call, row) -> dict:
    key, value = _tag(call.fields.text("key", empty=True), call.fields.text("value", "", empty=True))
    with transaction.atomic():
        row = type(row).objects.select_for_update().get(pk=row.pk)
        _saved(row, tags=row.tags | {key: value})
    return {}


def delete_tag(call: Call) -> dict:
    return _delete_tag(call, find(call, "register"))


def _delete_tag(call: Call, row) -> dict:
    """One that is not there is no error, as in MLflow."""
    key = limits.key(call.fields.text("key", empty=True), "Tag")
    with transaction.atomic():
        row = type(row).objects.select_for_update().get(pk=row.pk)
        _saved(row, tags={name: value for name, value in row.tags.items() if name != key})
    return {}


# ---- aliases


def _alias(call: Call) -> str:
    alias = call.fields.text("alias", empty=True)
    if not ALIAS.fullmatch(alias):
        raise invalid(f"Invalid alias name: '{alias[:100]}'. Use 1 to 255 letters, digits, _ and -.")
    if alias.lower() == LATEST or re.fullmatch(r"v\d+", alias, re.IGNORECASE):
        raise invalid(f"'{alias}' is reserved: it would be mistaken for a version.")
    return alias


def set_alias(call: Call) -> dict:
    version, alias = find_version(call, "register"), _alias(call)
    _change_aliases(version.model, lambda aliases: aliases | {alias: version.number})
    return {}


def delete_alias(call: Call) -> dict:
    model, alias = find(call, "register"), _alias(call)
    _change_aliases(model, lambda aliases: {name: number for name, number in aliases.items() if name != alias})
    return {}


def _change_aliases(model: Model, change) -> None:
    with transaction.atomic():
        row = Model.objects.select_for_update().get(pk=model.pk)
        _saved(row, aliases=change(row.aliases))


def by_alias(call: Call) -> dict:
    model, alias = find(call), call.fields.text("alias")
    if alias.lower() == LATEST:
        newest = model.versions.first()
        if newest is None:
            raise missing(f"The registered model {model.name} has no version.")
        return _version_answer(_version(model, newest.number))
    if alias not in model.aliases:
        raise invalid(f"Registered model alias {alias} not found.")
    return _version_answer(_version(model, model.aliases[alias]))


# ---- versions


def create_version(call: Call) -> dict:
    model = find(call, "register")
    fields = call.fields
    run_id, source = fields.text("run_id", ""), fields.text("source")
    logged = _logged(call, source, fields.text("model_id", ""))
    if logged is not None:
        run_id = run_id or logged.source_run_id
    else:
        _check_source(call, source)
    tags = dict(_tag(key, value) for key, value in fields.pairs("tags"))
    with transaction.atomic():
        Model.objects.filter(pk=model.pk).update(version_count=F("version_count") + 1, updated_at=timezone.now())
        model.refresh_from_db()
        made = ModelVersion.objects.create(
            model=model,
            number=model.version_count,
            description=_description(call),
            tags=tags,
            source=source,
            run_id=run_id,
            run_link=fields.text("run_link", ""),
            logged_model_id=logged.model_id if logged else "",
            created_by=call.actor.user,
        )
    return _version_answer(made)


def _logged(call: Call, source: str, model_id: str) -> LoggedModel | None:
    match = re.fullmatch(r"models:/(m-[\w-]+)", source)
    model_id = model_id or (match[1] if match else "")
    return logged_models.model_files.find(call, model_id) if model_id else None


def _check_source(call: Call, source: str) -> None:
    """A version's files are a run's, a logged model's or another version's; a path of the server is none of these."""
    if source.startswith("models:/"):
        _version_named(call, source)
    elif not REMOTE.match(source) or source.lower().startswith("file:"):
        raise _not_ours(source)
    else:
        plain = unquote(unquote(source))
        if ".." in re.split(r"[/\\\\]", plain) or "\0" in plain or "?" in source or "#" in source:
            raise invalid(
                f"Invalid model version source: '{source[:200]}'. If supplying a source as an http, https, ftp, sftp or "
                "s3 URI, or one of MLflow's artifacts, an absolute path must be provided, without '..', query or fragment."
            )


def _not_ours(source: str) -> MlflowError:
    return invalid(
        f"Invalid model version source: '{source[:200]}'. To use a local path as a model version source, the run_id "
        "request parameter has to be specified and the local path has to be contained within the artifact directory "
        "of the run specified by the run_id."
    )


def _version_named(call: Call, source: str) -> ModelVersion:
    match = re.fullmatch(r"models:/([^/@]+)(?:/(\w+)|@([\w-]+))", source)
    model = match and Model.objects.filter(workspace=call.workspace, name=match[1]).first()
    number = model and (model.aliases.get(match[3]) if match[3] else int(match[2]) if match[2].isdigit() else None)
    if not number:
        raise invalid(f"Unable to fetch model from model URI source: '{source[:200]}'. It names no version.")
    return _version(model, number)


def get_version(call: Call) -> dict:
    return _version_answer(find_version(call))


def update_version(call: Call) -> dict:
    return _version_answer(_saved(find_version(call, "register"), description=_description(call)))


def delete_version(call: Call) -> dict:
    version = find_version(call, "edit")
    with transaction.atomic():
        keep = {name: number for name, number in version.model.aliases.items() if number != version.number}
        _change_aliases(version.model, lambda aliases: keep)
        version.delete()
    return {}


def transition(call: Call) -> dict:
    version, stage = find_version(call, "register"), _stage(call.fields.text("stage"))
    archive = call.fields.truth("archive_existing_versions")
    if archive and stage not in (ModelVersion.Stage.STAGING, ModelVersion.Stage.PRODUCTION):
        raise invalid(
            f"Model version transition cannot archive existing model versions because '{stage}' is not an Active stage. "
            "Valid stages are Staging, Production."
        )
    with transaction.atomic():
        if archive:
            others = version.model.versions.filter(stage=stage).exclude(pk=version.pk)
            others.update(stage=ModelVersion.Stage.ARCHIVED, updated_at=timezone.now())
        _saved(version.model)
        return _version_answer(_saved(version, stage=stage))


def search_versions(call: Call) -> dict:
    fields = call.fields
    rows = ModelVersion.objects.filter(model__workspace=call.require("read")).select_related("model")
    orders = fields.texts("order_by") or ["last_updated_timestamp DESC"]
    rows = VERSIONS.find(rows, _without_prompts(fields.text("filter", "")), orders, ["model__name", "-number"])
    most, start = _most(call, 10_000, 200_000), tokens.read(fields.text("page_token", ""))
    return paged(rows, start, most, "model_versions", lambda row: version_shape(row, row.model))


def download_uri(call: Call) -> dict:
    return {"artifact_uri": _download_uri(call, find_version(call))}


def _download_uri(call: Call, version: ModelVersion) -> str:
    """What the plain client can download from; of a run's files that is the source itself."""
    if version.logged_model_id:
        return logged_models.artifact_uri(logged_models.model_files.find(call, version.logged_model_id))
    if version.source.startswith("models:/"):
        return _download_uri(call, _version_named(call, version.source))
    return version.source


def where(call: Call, version: ModelVersion) -> str:
    """The folder behind the artifact proxy that holds the version's files."""
    uri = _download_uri(call, version)
    if not uri.startswith("runs:/"):
        return uri
    run_id, _, path = uri.removeprefix("runs:/").partition("/")
    return f"{shapes.artifact_uri(call.run(run_id))}/{path}"


def set_version_tag(call: Call) -> dict:
    return _set_tag(call, find_version(call, "register"))


def delete_version_tag(call: Call) -> dict:
    return _delete_tag(call, find_version(call, "register"))
