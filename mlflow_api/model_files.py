"""Files of logged models through the artifact proxy: `<experiment>/models/<model>/artifacts/<path>`."""

import re

from mlflow_api import folders
from mlflow_api.errors import invalid, missing
from mlflow_api.request import Call
from registry.models import LoggedModel
from runs import run_tokens
from runs.files import paths, ranges, uploads
from runs.files.artifacts import content_type_of
from studio import storage

PLACE = re.compile(r"/?[\w-]+/models/(?P<model>[\w-]+)(?:/artifacts(?:/(?P<path>.*))?)?/?")


def owns(path: str) -> bool:
    return PLACE.fullmatch(path) is not None


def find(call: Call, model_id: str) -> LoggedModel:
    found = LoggedModel.objects.present().filter(workspace=call.require("read"), model_id=model_id).first()
    if found is None:
        raise missing(f"Logged model with ID '{model_id}' not found.")
    found.workspace = call.workspace
    return found


def find_own(call: Call, model_id: str) -> LoggedModel:
    """A model that the actor may change: a run's token only what it made."""
    call.require("register")
    found = find(call, model_id)
    run_tokens.check_made(call.actor, found)
    return found


def _place(call: Call, path: str) -> tuple[LoggedModel, str]:
    match = PLACE.fullmatch(path)
    assert match, "The caller has asked `is_of_a_model` first."
    return find(call, match["model"]), match["path"] or ""


def upload(call: Call, path: str) -> dict:
    model, path = _place(call, path)
    find_own(call, model.model_id)
    path = paths.checked(path)
    key = storage.new_key(model.storage_area)
    size = storage.put(key, uploads.chunks(call.request))
    storage.delete(model.put_file(path, key, size))
    return {}


def download(call: Call, path: str) -> ranges.Answer:
    return answer_file(call, *_place(call, path))


def answer_file(call: Call, model: LoggedModel, path: str) -> ranges.Answer:
    found = model.files.filter(path=path).first()
    if found is None:
        if not path or model.files.filter(path__startswith=f"{path}/").exists():
            raise invalid(f"'{path}' is a folder. Name a file in it.")
        raise missing(f"No such artifact: '{path}'")

    def read(start: int, length: int):
        return storage.stream(found.key, start, length)

    response = ranges.answer(call.request, found.size, found.key.rsplit("/", 1)[-1], read)
    return folders.as_download(response, content_type_of(path), path)


def listing(call: Call, path: str) -> list[dict]:
    return level(*_place(call, path))


def level(model: LoggedModel, folder: str) -> list[dict]:
    rows = model.files.filter(path__startswith=f"{folder}/") if folder else model.files.all()
    return folders.listed(rows.values_list("path", "size"), folder)


def artifact_uri(row: LoggedModel) -> str:
    return f"mlflow-artifacts:/{row.experiment_uuid}/models/{row.model_id}/artifacts"
