"""`lazuli model …`: register, find, change, download and delete models, by the options of both versions of `az ml model`."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any, Dict, List, Optional

from lazuli import models
from lazuli.cli.output import Answer, write_metadata
from lazuli.cli.parser import (
    CommandGroup,
    UsageError,
    add_metadata_argument,
    add_tags_argument,
    add_yes_argument,
    confirm_deletion,
    parse_pairs,
)
from lazuli.cli.workspace_options import add_workspace_arguments, find_workspace

COLUMNS = ("name", "version", "type", "stage", "aliases", "createdAt", "createdBy")
Json = Dict[str, Any]


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("model", "Registered models.")
    parser = group.add_command("list", list_all, "List models: the newest version of each.", "\n-n digits --tag area=x")
    parser.add_argument("-n", "--name", help="all versions of this model")
    parser.add_argument("--tag", action="append", metavar="KEY[=VALUE]", help="only those with this tag")
    parser.add_argument("--run-id", help="only those of this run")
    parser.add_argument("--latest", action="store_true", help="only the newest version of each model")
    add_workspace_arguments(parser)
    for name, text in (("register", "Register a model."), ("create", "The same under v2's name.")):
        examples = (
            "-n digits -p model.pkl\n-n digits --run-id RUN --asset-path outputs/model.pkl\n"
            "-n digits -f run.json --asset-path outputs/model.pkl"
        )
        _add_register_arguments(group.add_command(name, register, text, examples))
    parser = group.add_command("show", show, "Show a version of a model.", "-n digits\n-n digits -v 2")
    _add_version_arguments(parser)
    parser = group.add_command(
        "update", update, "Change description, tags or aliases.", "-n digits -v 2 --alias champion"
    )
    _add_version_arguments(parser)
    parser.add_argument("--description")
    parser.add_argument("--add-tag", "--set-tag", dest="add_tag", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--remove-tag", action="append", default=[], metavar="KEY")
    parser.add_argument("--alias", action="append", default=[], help="set this alias to this version")
    parser = group.add_command("download", download, "Save the files of a model.", "-n digits -t ./models")
    _add_version_arguments(parser)
    parser.add_argument("-t", "--target-dir", "--download-path", dest="target_dir", default=".")
    parser.add_argument("--overwrite", action="store_true")
    parser = group.add_command("delete", delete, "Move a version to the trash.", "-n digits -v 2 --yes")
    _add_version_arguments(parser)
    add_yes_argument(parser)


def _add_register_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-n", "--name", required=True)
    parser.add_argument(
        "-p", "--model-path", "--path", dest="path", help="a local file or folder, or an address such as azureml://…"
    )
    parser.add_argument("--run-id", help="the run that has the files")
    parser.add_argument(
        "-f", "--run-metadata-file", metavar="FILE", help="a file with the run's id, written by `run submit-script -t`"
    )
    add_metadata_argument(parser, "the model's id")
    parser.add_argument("--asset-path", "--model-asset-path", dest="asset_path", help="the file or folder in the run")
    parser.add_argument("-d", "--description")
    parser.add_argument("--type", dest="model_type", choices=("custom_model", "mlflow_model", "triton_model"))
    parser.add_argument("--model-framework")
    parser.add_argument("--model-framework-version")
    parser.add_argument("--property", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--tag", action="append", default=[], metavar="KEY=VALUE")
    add_tags_argument(parser)
    add_workspace_arguments(parser)


def _add_version_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-n", "--name", help="the name of the model")
    parser.add_argument("-i", "--model-id", help="name:version")
    parser.add_argument("-v", "--version", help="default: the newest")
    add_workspace_arguments(parser)


def list_all(options: Namespace) -> Answer:
    latest = "true" if options.latest or not options.name else None
    query = {"name": options.name, "tag": options.tag, "runId": options.run_id, "latest": latest}
    return Answer([_to_row(item) for item in models.find_versions(find_workspace(options), **query)], COLUMNS)


def register(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    run_id = options.run_id or _read_run_id(options.run_metadata_file)
    if run_id:
        uri = f"azureml://jobs/{run_id}/outputs/artifacts/paths/{(options.asset_path or '').strip('/')}"
    elif not options.path:
        raise UsageError("give the files with -p PATH, or with --run-id or -f, and --asset-path")
    else:
        models.check_model_name(options.name)
        uri = options.path if "://" in options.path else models.upload(workspace, options.path)
    made = models.register(
        workspace,
        options.name,
        uri,
        description=options.description,
        tags=parse_pairs([*options.tag, *options.tags]),
        properties=parse_pairs(options.property),
        modelType=options.model_type,
        framework=options.model_framework,
        frameworkVersion=options.model_framework_version,
    )
    write_metadata(options.output_metadata_file, {"modelId": f"{options.name}:{made['name']}"})
    return Answer(_to_row(made), COLUMNS)


def _read_run_id(path: Optional[str]) -> Optional[str]:
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return str(json.load(file)["run_id"])
    except OSError as error:
        raise UsageError(f"-f {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"-f {path} has no run_id; `run submit-script -t {path}` writes it") from error


def show(options: Namespace) -> Answer:
    return Answer(_to_row(_find(options)), COLUMNS)


def update(options: Namespace) -> Answer:
    found = _find(options)
    tags: Json = {**found["properties"]["tags"], **parse_pairs(options.add_tag)}
    changes: Json = {"description": options.description, "addAliases": options.alias or None}
    if options.add_tag or options.remove_tag:
        changes["tags"] = {name: value for name, value in tags.items() if name not in options.remove_tag}
    changed = models.change_version(find_workspace(options), _name_of(found), found["name"], **changes)
    return Answer(_to_row(changed), COLUMNS)


def download(options: Namespace) -> Answer:
    found = _find(options)
    path = models.download(find_workspace(options), found, _name_of(found), options.target_dir, options.overwrite)
    return Answer({"path": path}, ("path",))


def delete(options: Namespace) -> None:
    found = _find(options)
    confirm_deletion(options, "model", f"{_name_of(found)}:{found['name']}")
    models.delete_version(find_workspace(options), _name_of(found), found["name"])


def _find(options: Namespace) -> Json:
    name, version = options.name, options.version
    if options.model_id:
        name, _, version = options.model_id.rpartition(":")
    if not name:
        raise UsageError("give the model with -n NAME, or with -i NAME:VERSION")
    return models.get_version(find_workspace(options), name, version or "latest")


def _name_of(resource: Json) -> str:
    return str(resource["id"]).split("/models/")[1].split("/versions/")[0]


def _to_row(resource: Json) -> Json:
    about = resource["properties"]
    row: Json = {"name": _name_of(resource), "version": resource["name"], "id": resource["id"]}
    names: List[str] = ["description", "tags", "properties", "stage", "aliases", "framework", "jobName", "modelUri"]
    row.update({name: about[name] for name in names})
    return {**row, "type": about["modelType"], **resource["systemData"]}
