"""`lazuli run …`"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
from argparse import Namespace
from itertools import islice
from typing import Optional

from lazuli.cli.output import Answer, Json, write_metadata
from lazuli.cli.parser import CommandGroup, UsageError, add_metadata_argument, parse_pairs
from lazuli.cli.workspace_options import add_workspace_arguments, find_workspace
from lazuli.environments import definitions as environment_definitions
from lazuli.runs import definitions, metric_values, submission, waiting
from lazuli.runs.experiments import check_experiment_name, create_experiment, experiment_path
from lazuli.runs.run_client import RunClient
from lazuli.workspaces import WorkspaceClient

PAGE = 100
SCRIPT_LOG = "user_logs/std_log.txt"
COLUMNS = ("runId", "experiment", "status", "target", "startTimeUtc", "displayName")


def add_commands(resources: CommandGroup) -> None:
    group = resources.add_group("run", "Runs.")
    _add_submit(group)
    _add_list(group)
    for name, run, help, example in (
        ("show", show_run, "Show one run.", "-r RUN_ID"),
        ("cancel", cancel_run, "Cancel a run.", "-r RUN_ID"),
        ("stream", stream_log, "Print a run's log until the run ends.", "-r RUN_ID"),
        ("metrics", print_metrics, "Print a run's metrics.", "-r RUN_ID -o json\n-r RUN_ID --name loss"),
        ("download", download_files, "Download a run's files.", "-r RUN_ID -d ./results\n-r RUN_ID --prefix outputs/"),
    ):
        parser = group.add_command(name, run, help, example)
        parser.add_argument("-r", "--run", "--run-id", dest="run_id", required=True, metavar="RUN_ID")
        add_workspace_arguments(parser)
        if name == "metrics":
            parser.add_argument("--name", help="only this metric")
        if name == "download":
            parser.add_argument("-d", "--output-dir", default=".", help="target folder (default: this one)")
            parser.add_argument("--prefix", help="only files below this folder of the run")


def _add_submit(group: CommandGroup) -> None:
    parser = group.add_command(
        "submit-script",
        submit_script,
        "Submit a script as a run and print its log. Everything after the script is passed to it.",
        "train.py --epochs 5\n-e iris --ct cpu-cluster -d environment.yml train.py --epochs 5\n"
        "--async --ct cpu-cluster train.py\n"
        "-c config/train -e iris -t run.json",
    )
    add_workspace_arguments(parser)
    parser.add_argument("-e", "--experiment-name", metavar="NAME", help="default: the folder's name")
    parser.add_argument("--ct", "--target", dest="target", metavar="COMPUTE", help="default: this machine")
    parser.add_argument("--source-directory", "--path", dest="source_directory", default=".", metavar="FOLDER")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("-c", "--run-configuration-name", metavar="NAME", help="a saved run configuration")
    source.add_argument("-d", "--conda-dependencies", metavar="FILE", help="a conda file for the environment")
    source.add_argument("--requirements", metavar="FILE", help="a pip requirements file for the environment")
    source.add_argument("--environment", metavar="NAME[:VERSION]", help="a registered environment")
    parser.add_argument("--async", dest="detach", action="store_true", help="return after submitting")
    parser.add_argument("--tag", dest="tags", action="append", metavar="KEY=VALUE", default=[], help="can be repeated")
    add_metadata_argument(parser, "the run's id, for `model register -f`,")
    parser.add_argument("script", nargs="?", help="path of the script; default: that of the run configuration")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the script")


def _add_list(group: CommandGroup) -> None:
    parser = group.add_command(
        "list", list_runs, "List runs, newest first.", "\n-e iris --last 5\n--status Failed -o json"
    )
    add_workspace_arguments(parser)
    parser.add_argument("-e", "--experiment-name", metavar="NAME", help="only runs of this experiment")
    parser.add_argument("--last", type=int, default=20, metavar="N", help="how many (default: 20)")
    parser.add_argument("--status", help="only runs with this status, such as Completed")
    parser.add_argument("--tags", nargs="+", metavar="KEY[=VALUE]", default=[])


def submit_script(options: Namespace) -> Optional[Answer]:
    tags = parse_pairs(options.tags)
    workspace = find_workspace(options)
    source = os.path.abspath(options.source_directory)
    definition = _build_definition(options, workspace)
    submission.check_definition(definition, source)
    experiment_name = check_experiment_name(options.experiment_name or _experiment_name_of(source))
    create_experiment(workspace, experiment_name)
    run = submission.submit_job(workspace, experiment_name, definition, source, tags=tags)
    write_metadata(options.output_metadata_file, {"experiment_name": experiment_name, "run_id": run.id})
    if options.detach:
        return _describe(run)
    if options.output == "table":
        _wait_for_run(run)
        return None
    # Another program reads standard output: it gets nothing but the answer.
    with contextlib.redirect_stdout(sys.stderr):
        _wait_for_run(run)
    return _describe(run)


def _build_definition(options: Namespace, workspace: WorkspaceClient) -> Json:
    definition = definitions.default_definition()
    if options.run_configuration_name:
        saved = definitions.read_definition_file(options.source_directory, options.run_configuration_name)
        definition = definitions.merge_definition(definition, saved)
    environment = _find_environment(options, workspace)
    if environment is not None:
        definition["environment"] = environment
    if options.target:
        definition["target"] = options.target
    if options.script:
        return dict(definition, script=options.script, arguments=options.arguments, command="")
    if not options.run_configuration_name:
        raise UsageError("give the script, or a run configuration that names it with -c NAME")
    return definition


def _find_environment(options: Namespace, workspace: WorkspaceClient) -> Optional[Json]:
    if options.conda_dependencies:
        packages = environment_definitions.read_conda_file(options.conda_dependencies)
    elif options.requirements:
        packages = environment_definitions.requirements_structure(options.requirements)
    elif options.environment:
        name, _, version = options.environment.partition(":")
        resource = environment_definitions.get_environment(workspace, name, version or None)
        return environment_definitions.definition_from_resource(resource)
    else:
        return None
    return environment_definitions.environment_definition("submitted", packages)


def _experiment_name_of(folder: str) -> str:
    name = re.sub(r"[^\w-]+", "-", os.path.basename(folder)).strip("-_")
    return name or "default"


def list_runs(options: Namespace) -> Answer:
    if options.last < 1:
        raise UsageError(f"--last {options.last}: the number must be at least 1")
    workspace = find_workspace(options)
    parent = workspace.history_path
    if options.experiment_name:
        parent = experiment_path(workspace, options.experiment_name)
    tags = [text.replace("=", ":", 1) for text in options.tags]
    params = {"status": options.status, "tag": tags or None, "$top": min(options.last, PAGE)}
    found = workspace.client.items(parent + "/runs", params)
    return Answer([_to_row(run) for run in islice(found, options.last)], COLUMNS)


def show_run(options: Namespace) -> Answer:
    run = _find_run(options)
    return Answer({**run.get_details(), **_to_row(run.get())}, COLUMNS)


def cancel_run(options: Namespace) -> Answer:
    run = _find_run(options)
    run.get()
    run.cancel()
    return _describe(run)


def stream_log(options: Namespace) -> None:
    run = _find_run(options)
    # SDK v1 prints no log of a run that has ended already; this command does.
    if run.get()["status"] in waiting.FINAL_STATES and SCRIPT_LOG in run.files.list_names():
        print(run.files.read(SCRIPT_LOG).decode(errors="replace"))
    _wait_for_run(run)


def print_metrics(options: Namespace) -> Answer:
    run = _find_run(options)
    run.get()
    found = {
        series["name"]: metric_values.decode_series(series)
        for series in run.list_metrics(options.name)
        if series["values"]
    }
    if options.output == "json":
        return Answer(found, ())
    return Answer([{"metric": name, "value": value} for name, value in found.items()], ("metric", "value"))


def download_files(options: Namespace) -> Answer:
    run = _find_run(options)
    run.get()
    names = run.files.download_files(options.prefix, options.output_dir)
    return Answer([{"file": name} for name in names], ("file",))


def _find_run(options: Namespace) -> RunClient:
    return RunClient(find_workspace(options), options.run_id)


def _wait_for_run(run: RunClient) -> None:
    waiting.wait_for_run(run, run.files, True, waiting.RUNNING_STATES, raise_on_error=True)


def _describe(run: RunClient) -> Answer:
    return Answer(_to_row(run.get()), COLUMNS)


def _to_row(run: Json) -> Json:
    return dict(run, experiment=run.get("experimentName"))
