"""`lazuli dataset …`: registered data, by the commands of version 1 of `az ml dataset`."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from typing import Any, Dict

from lazuli.cli.output import Answer
from lazuli.cli.parser import (
    CommandGroup,
    UsageError,
    add_tags_argument,
    add_yes_argument,
    confirm_deletion,
    parse_pairs,
)
from lazuli.cli.workspace_options import add_workspace_arguments, find_workspace
from lazuli.data import datasets, datastores, sources
from lazuli.data.definitions import ALL_SAME, ENCODINGS, FIRST_FILE, NO_HEADER, check_definition

Json = Dict[str, Any]
COLUMNS = ("name", "version", "kind", "tags", "createdAt", "createdBy")
LIST_COLUMNS = ("name", "latestVersion", "dataType", "isArchived", "createdAt", "createdBy")
FORMATS = {"delimited": "read_delimited", "parquet": "read_parquet", "json_lines": "read_json_lines"}
# The format of files by their ending.
ENDINGS = {".parquet": "parquet", ".jsonl": "json_lines", ".ndjson": "json_lines"}
HEADERS = {"all": ALL_SAME, "first": FIRST_FILE, "none": NO_HEADER}


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("dataset", "Registered data: tables and files, with versions.")
    parser = group.add_command("list", list_all, "List the datasets.", "\n--archived")
    parser.add_argument("--archived", action="store_true", help="only archived ones")
    add_workspace_arguments(parser)
    _add_register_arguments(
        group.add_command(
            "register",
            register,
            "Register files as a dataset; a name that is taken gets a new version.",
            "-n diabetes -p 'diabetes-data/*.csv'\n-n images -p images --type file --datastore shared",
        )
    )
    for name, act, text in (
        ("show", show, "Show a version of a dataset."),
        ("versions", list_versions, "List the versions of a dataset."),
        ("archive", archive, "Archive a dataset: lists leave it out, jobs still read it."),
        ("deprecate", archive, "The same under the name of SDK v1."),
        ("reactivate", archive, "Bring an archived dataset back."),
        ("unregister", unregister, "Remove a dataset, or a version of it; the files stay."),
        ("download", download, "Download the files of a dataset of files."),
    ):
        parser = group.add_command(name, act, text, "-n images -d copy" if act is download else "-n diabetes")
        parser.add_argument("-n", "--name", required=True)
        if act in (show, unregister, download):
            parser.add_argument("-v", "--version", help="default: the newest; for unregister, all of them")
        if act is download:
            parser.add_argument("-d", "--target-path", default=".", metavar="FOLDER")
            parser.add_argument("--overwrite", action="store_true", help="replace local files")
        if act is unregister:
            add_yes_argument(parser)
        parser.set_defaults(is_archived=name != "reactivate")
        add_workspace_arguments(parser)


def _add_register_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-n", "--name", required=True)
    parser.add_argument(
        "-p", "--path", action="append", default=[], help="a file, folder or pattern in the datastore; may be repeated"
    )
    parser.add_argument("--datastore", metavar="NAME", help="default: the default datastore")
    parser.add_argument("--url", action="append", default=[], help="an address of the web; may be repeated")
    parser.add_argument("--type", choices=("tabular", "file"), default="tabular", help="default: tabular")
    parser.add_argument("--format", choices=tuple(FORMATS), help="of the files of a table (default: by their ending)")
    parser.add_argument("--separator", help="between the columns of delimited text (default: a comma)")
    parser.add_argument("--header", choices=tuple(HEADERS), help="which files have one (default: all)")
    parser.add_argument("--encoding", choices=tuple(ENCODINGS), help="default: utf8")
    parser.add_argument("-d", "--description")
    add_tags_argument(parser)
    add_workspace_arguments(parser)


def list_all(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    view = "ArchivedOnly" if options.archived else "ActiveOnly"
    rows = [_to_list_row(item) for item in datasets.list_assets(workspace, view)]
    return Answer(rows, LIST_COLUMNS)


def register(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    if bool(options.path) == bool(options.url):
        raise UsageError("give the files with -p PATH, or with --url URL")
    if options.url:
        paths = [{"url": url} for url in options.url]
    else:
        name = options.datastore or datastores.get_default(workspace)["name"]
        paths = [{"datastore": name, "path": path.replace("\\", "/").strip("/")} for path in options.path]
    steps = [_read_step(options)] if options.type == "tabular" else []
    definition = check_definition({"kind": options.type, "paths": paths, "steps": steps})
    if steps and steps[0]["type"] == "read_delimited":
        definition = datasets.add_inferred_types(workspace, definition)
    else:
        sources.find_sources(workspace, definition)
    fields = {"description": options.description, "tags": parse_pairs(options.tags)}
    made = datasets.register_dataset(workspace, options.name, definition, True, **fields)
    return Answer(_to_row(made), COLUMNS)


def _read_step(options: Namespace) -> Json:
    ending = os.path.splitext((options.url or options.path)[0])[1].lower()
    chosen = options.format or ENDINGS.get(ending, "delimited")
    step: Json = {"type": FORMATS[chosen]}
    given = {"separator": options.separator, "header": HEADERS.get(options.header), "encoding": options.encoding}
    if chosen == "delimited" and ending == ".tsv" and not options.separator:
        given["separator"] = "\t"
    return {**step, **{name: value for name, value in given.items() if value is not None}}


def show(options: Namespace) -> Answer:
    found = datasets.get_version(find_workspace(options), options.name, options.version or "latest")
    return Answer(_to_row(found), COLUMNS)


def list_versions(options: Namespace) -> Answer:
    found = datasets.list_versions(find_workspace(options), options.name)
    return Answer([_to_row(item) for item in found], COLUMNS)


def archive(options: Namespace) -> Answer:
    made = datasets.archive_asset(find_workspace(options), options.name, options.is_archived)
    return Answer(_to_list_row(made), LIST_COLUMNS)


def unregister(options: Namespace) -> None:
    workspace, version = find_workspace(options), options.version
    found = datasets.get_version(workspace, options.name, version or "latest")["properties"]
    shown = f"{found['assetName']}:{version}" if version else found["assetName"]
    confirm_deletion(options, "dataset", shown)
    datasets.delete_asset(workspace, options.name, version)


def download(options: Namespace) -> Answer:
    workspace = find_workspace(options)
    definition = datasets.get_version(workspace, options.name, options.version or "latest")["properties"]["definition"]
    if definition["kind"] != "file":
        # The files of a table are files, too.
        definition = {"kind": "file", "paths": definition["paths"], "steps": []}
    folder = os.path.abspath(os.path.expanduser(options.target_path))
    found = sources.find_sources(workspace, definition)
    paths = sources.download_sources(workspace, found, folder, options.overwrite)
    return Answer({"path": folder, "files": len(paths)}, ("path", "files"))


def _to_row(resource: Json) -> Json:
    found = resource["properties"]
    return {**found, "name": found["assetName"], "id": resource["id"], **resource["systemData"]}


def _to_list_row(resource: Json) -> Json:
    return {"name": resource["name"], "id": resource["id"], **resource["properties"], **resource["systemData"]}
