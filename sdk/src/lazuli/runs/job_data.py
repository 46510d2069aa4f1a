"""The inputs and outputs of a run definition, as its runner needs them. Server and SDK read them by the same functions."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from lazuli.errors import UserErrorException

Json = Dict[str, Any]
INPUT_MODES = ("direct", "mount", "download")
OUTPUT_MODES = ("mount", "upload", "link")
MAX_COUNT = 100


class BadData(UserErrorException):
    """An input or output of a run definition is wrong; `path` is where."""

    def __init__(self, message: str, path: str):
        super().__init__(message)
        self.path = path


def read_inputs(definition: Mapping[str, Any]) -> List[Json]:
    """Each with name, mode, variable, path_on_compute, and dataset_id, or datastore and path. Raises BadData."""
    found = []
    for name, item in _items(definition, "data"):
        where = f"data/{name}"
        dataset = _object(_object(item.get("dataLocation"), where).get("dataset"), f"{where}/dataLocation")
        mode = str(item.get("mechanism") or "direct").lower()
        if mode not in INPUT_MODES:
            raise BadData(
                f"The mechanism {mode[:60]!r} of the input {name} is not one of {', '.join(INPUT_MODES)}.", where
            )
        dataset_id = _text(dataset.get("id"), f"{where}/dataLocation/dataset/id")
        found.append(_input(name, mode, item, where, dataset_id=dataset_id))
    for name, item in _items(definition, "dataReferences"):
        where = f"dataReferences/{name}"
        mode = str(item.get("mode") or "mount").lower()
        if mode not in ("mount", "download"):
            raise BadData(f"The mode {mode[:60]!r} of the data reference {name} is not mount or download.", where)
        datastore = _text(item.get("dataStoreName"), f"{where}/dataStoreName")
        path = str(item.get("pathOnDataStore") or "").strip("/")
        found.append(_input(name, mode, item, where, datastore=datastore, path=path))
    return found


def _input(name: str, mode: str, item: Json, where: str, **source: str) -> Json:
    path = item.get("pathOnCompute")
    variable = item.get("environmentVariableName") or name
    return {
        "name": name,
        "mode": mode,
        "variable": _text(variable, f"{where}/environmentVariableName"),
        "path_on_compute": _text(path, f"{where}/pathOnCompute") if path else None,
        **source,
    }


def read_outputs(definition: Mapping[str, Any]) -> List[Json]:
    """Each with name, mode, datastore and path (None for the default), and how it is uploaded and registered."""
    found = []
    for name, item in _items(definition, "outputData"):
        where = f"outputData/{name}"
        mode = str(item.get("mechanism") or "mount").lower()
        if mode not in OUTPUT_MODES:
            raise BadData(
                f"The mechanism {mode[:60]!r} of the output {name} is not one of {', '.join(OUTPUT_MODES)}.", where
            )
        target = _object(_object(item.get("outputLocation"), where).get("dataPath"), f"{where}/outputLocation")
        options = _object(item.get("additionalOptions"), f"{where}/additionalOptions")
        upload = _object(options.get("uploadOptions"), f"{where}/additionalOptions/uploadOptions")
        globs = _object(upload.get("sourceGlobs"), f"{where}/additionalOptions/uploadOptions/sourceGlobs")
        registration = _object(options.get("registrationOptions"), f"{where}/additionalOptions/registrationOptions")
        found.append(
            {
                "name": name,
                "mode": mode,
                "datastore": target.get("datastoreName"),
                "path": str(target.get("relativePath") or "").strip("/") or None,
                "path_on_compute": options.get("pathOnCompute"),
                "overwrite": bool(upload.get("overwrite")),
                "globs": globs.get("globPatterns") or globs.get("patterns") or [],
                "registration": registration if registration.get("name") else None,
            }
        )
    return found


def _items(definition: Mapping[str, Any], section: str) -> Any:
    items = _object(definition.get(section), section)
    if len(items) > MAX_COUNT:
        raise BadData(f"A run has at most {MAX_COUNT} {section}.", section)
    for name, item in items.items():
        if not isinstance(item, dict):
            raise BadData(f"{section}/{name} must be an object.", f"{section}/{name[:60]}")
        if not name or len(name) > 255 or not all(letter.isalnum() or letter == "_" for letter in name):
            raise BadData(f"The name {name[:60]!r} is not made of letters, digits and underscores.", section)
    return items.items()


def _object(value: Any, where: str) -> Json:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadData(f"{where} must be an object.", where)
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value or len(value) > 1000 or any(ord(letter) < 32 for letter in value):
        raise BadData(f"{where} must be a text of 1 to 1,000 characters.", where)
    return value
