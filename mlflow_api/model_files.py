"""Files of logged models through the artifact proxy: `<experiment>/models/<model>/artifacts/<path>`."""

import re

from mlflow_api import folders, messages
from mlflow_api.errors import not_found
from mlflow_api.request import MlflowRequest
from registry import kept_files
from registry.models import LoggedModel
from runs import run_tokens
from runs.files import ranges, uploads
from studio import file_paths, storage

ARTIFACT_PATH = re.compile(rf"/?{folders.EXPERIMENT}/models/(?P<model>[\w-]+)(?:/artifacts(?:/(?P<path>.*))?)?/?")


def is_model_path(path: str) -> bool:
    return ARTIFACT_PATH.fullmatch(path) is not None


def find_model(request: MlflowRequest, model_id: str) -> LoggedModel:
    found = LoggedModel.objects.present().filter(workspace=request.require("read"), model_id=model_id).first()
    if found is None:
        raise not_found(f"Logged model with ID '{model_id}' not found.")
    found.workspace = request.workspace
    return found


def find_writable(request: MlflowRequest, model_id: str) -> LoggedModel:
    """A model that the actor may change; a run token only what it created."""
    request.require("log")
    found = find_model(request, model_id)
    run_tokens.check_made(request.actor, found)
    return found


def _parse_path(request: MlflowRequest, path: str) -> tuple[LoggedModel, str]:
    match = ARTIFACT_PATH.fullmatch(path)
    assert match, "The caller has asked `is_model_path` first."
    return find_model(request, match["model"]), match["path"] or ""


def upload(request: MlflowRequest, path: str) -> dict:
    model, path = _parse_path(request, path)
    find_writable(request, model.model_id)
    path = file_paths.check_path(path)
    kept_files.check_model_changeable(model, path)
    key = storage.make_key(model.storage_area)
    size = storage.put_stream(key, uploads.read_chunks(request.http))
    storage.delete_keys(model.put_file(path, key, size))
    return {}


def download(request: MlflowRequest, path: str) -> ranges.Answer:
    return answer_file(request, *_parse_path(request, path))


def answer_file(request: MlflowRequest, model: LoggedModel, path: str) -> ranges.Answer:
    found = model.files.filter(path=path).first()
    if found is None:
        is_folder = not path or model.files.filter(path__startswith=f"{path}/").exists()
        raise folders.no_file(path, is_folder=is_folder)
    return folders.answer_object(request.http, found.key, found.size, path)


def listing(request: MlflowRequest, path: str) -> list[dict]:
    return list_folder(*_parse_path(request, path))


def list_folder(model: LoggedModel, folder: str) -> list[dict]:
    rows = model.files.filter(path__startswith=f"{folder}/") if folder else model.files.all()
    return folders.list_level(rows.values_list("path", "size"), folder)


def artifact_uri(row: LoggedModel) -> str:
    return f"{messages.experiment_location(row.experiment_uuid)}/models/{row.model_id}/artifacts"
