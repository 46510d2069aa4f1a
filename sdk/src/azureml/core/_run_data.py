"""Convert the datasets in a run's arguments for the job: inputs, outputs, and their placeholders."""

from __future__ import annotations

import os
from typing import Any, Dict, List

from lazuli.errors import NotAvailable, UserErrorException

from azureml.core._run_config_sections import DataReferenceConfiguration

Json = Dict[str, Any]


def attach_data(run_config: Any, workspace: Any) -> None:
    """Replace the datasets in the arguments and the command, and fill `data`, `output_data` and `data_references`."""
    run_config.arguments = [_to_text(value, run_config, workspace) for value in run_config.arguments or []]
    if isinstance(run_config.command, (list, tuple)):
        run_config.command = [_to_text(value, run_config, workspace) for value in run_config.command]
    # A configuration may be in `data` itself, as old scripts put it there.
    for name, value in list(run_config.data.items()):
        if hasattr(value, "dataset") and hasattr(value, "mode"):
            run_config.data[name] = _input_of(value, workspace)
    for name, reference in list(run_config.data_references.items()):
        if hasattr(reference, "to_config"):
            run_config.data_references[name] = _reference_of(reference)


def _to_text(value: Any, run_config: Any, workspace: Any) -> Any:
    if hasattr(value, "_ensure_saved"):
        raise UserErrorException(
            "A dataset in the arguments needs a name or a mode: write dataset.as_named_input('name'), and for a "
            "FileDataset .as_mount() or .as_download()."
        )
    if hasattr(value, "dataset") and hasattr(value, "path_on_compute") and hasattr(value, "mode"):
        _add(run_config.data, value.name, _input_of(value, workspace), "input")
        # A script gets the dataset itself by its id.
        return value.dataset._ensure_saved(workspace) if value.mode == "direct" else value.arg_val
    if hasattr(value, "register_on_complete"):
        _add(run_config.output_data, value.name, _output_of(value), "output")
        return value.arg_val
    if hasattr(value, "to_config"):
        run_config.data_references[value.data_reference_name] = _reference_of(value)
        return str(value)
    return value


def _add(section: Json, name: str, value: Json, what: str) -> None:
    if section.get(name, value) != value:
        raise UserErrorException(f"Two {what}s of the run have the name {name!r}.")
    section[name] = value


def _input_of(value: Any, workspace: Any) -> Json:
    if value.mode == "hdfs":
        raise NotAvailable("Spark", "DatasetConsumptionConfig.as_hdfs")
    if not hasattr(value.dataset, "_ensure_saved"):
        raise UserErrorException(f"The input {value.name!r} is not a dataset.")
    return {
        "dataLocation": {"dataset": {"id": value.dataset._ensure_saved(workspace)}},
        "mechanism": value.mode,
        "environmentVariableName": value.name,
        "pathOnCompute": value.path_on_compute,
        "overwrite": False,
    }


def _output_of(value: Any) -> Json:
    file = getattr(value, "_file", value)
    location: Json = {}
    if file.destination is not None:
        datastore, path = file.destination
        location = {"dataPath": {"datastoreName": datastore.name, "relativePath": str(path).strip("/")}}
    options: Json = {"pathOnCompute": file.source}
    registration = value._registration
    if registration is not None:
        options["registrationOptions"] = {
            "name": registration.name,
            "description": registration.description,
            "tags": registration.tags,
            "datasetRegistrationOptions": {"additionalTransformation": _steps_of(value)},
        }
    if file._globs or file._overwrite:
        globs: List[str] = file._globs or []
        options["uploadOptions"] = {"overwrite": file._overwrite, "sourceGlobs": {"globPatterns": globs}}
    return {"outputLocation": location, "mechanism": file.mode, "additionalOptions": options}


def _steps_of(value: Any) -> Any:
    if not value._steps:
        return None
    return {"steps": value._steps, "glob": getattr(value, "_glob", None)}


def _reference_of(reference: Any) -> DataReferenceConfiguration:
    if reference.mode == "upload":
        raise NotAvailable("data references that upload", "DataReference.as_upload")
    return DataReferenceConfiguration(
        reference.datastore.name,
        reference.mode,
        (reference.path_on_datastore or "").replace(os.sep, "/").strip("/"),
        reference.path_on_compute,
        reference.overwrite,
    )
