"""`lazuli run …`"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from argparse import Namespace
from itertools import islice
from typing import Any, Dict, Optional

from lazuli.cli.output import Answer
from lazuli.cli.parser import Group, UsageError, find_workspace, pairs, takes_workspace
from lazuli.client import quote_segment

PAGE = 100
ENDED = ("Completed", "Failed", "Canceled")
SCRIPT_LOG = "user_logs/std_log.txt"
COLUMNS = ("runId", "experiment", "status", "target", "startTimeUtc", "displayName")


def add(resources: Group) -> None:
    group = resources.group("run", "Runs.")
    _add_submit(group)
    _add_list(group)
    for name, run, help, example in (
        ("show", show, "Show one run.", "-r RUN_ID"),
        ("cancel", cancel, "Cancel a run.", "-r RUN_ID"),
        ("stream", stream, "Follow a run's log until it ends.", "-r RUN_ID"),
        ("metrics", metrics, "Print a run's metrics.", "-r RUN_ID -o json\n-r RUN_ID --name loss"),
        ("download", download, "Download a run's files.", "-r RUN_ID -d ./results\n-r RUN_ID --prefix outputs/"),
    ):
        parser = group.command(name, run, help, example)
        parser.add_argument("-r", "--run", "--run-id", dest="run_id", required=True, metavar="RUN_ID")
        takes_workspace(parser)
        if name == "metrics":
            parser.add_argument("--name", help="only this metric")
        if name == "download":
            parser.add_argument("-d", "--output-dir", default=".", help="where to (default: here)")
            parser.add_argument("--prefix", help="only files whose path starts so")


def _add_submit(group: Group) -> None:
    parser = group.command(
        "submit-script",
        submit_script,
        "Submit a script as a run, and follow it. What stands after the script are its own arguments.",
        "train.py --epochs 5\n-e iris --ct cpu-cluster -d environment.yml train.py --epochs 5\n--async --ct cpu-cluster train.py",
    )
    takes_workspace(parser)
    parser.add_argument("-e", "--experiment-name", metavar="NAME", help="default: the folder's name")
    parser.add_argument("--ct", "--target", dest="target", metavar="COMPUTE", help="default: this machine")
    parser.add_argument("--source-directory", "--path", dest="source_directory", default=".", metavar="FOLDER")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("-c", "--run-configuration-name", metavar="NAME", help="a saved run configuration")
    source.add_argument("-d", "--conda-dependencies", metavar="FILE", help="a conda file for the environment")
    source.add_argument("--requirements", metavar="FILE", help="a pip requirements file for the environment")
    source.add_argument("--environment", metavar="NAME[:VERSION]", help="a registered environment")
    parser.add_argument("--async", dest="detach", action="store_true", help="return once it is submitted")
    parser.add_argument("--tag", dest="tags", action="append", metavar="KEY=VALUE", default=[], help="may be repeated")
    parser.add_argument("script", help="path of the script below the source directory")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the script")


def _add_list(group: Group) -> None:
    parser = group.command("list", list_, "List runs, newest first.", "\n-e iris --last 5\n--status Failed -o json")
    takes_workspace(parser)
    parser.add_argument("-e", "--experiment-name", metavar="NAME", help="only runs of this experiment")
    parser.add_argument("--last", type=int, default=20, metavar="N", help="how many (default: 20)")
    parser.add_argument("--status", help="only runs with this status, as Completed")
    parser.add_argument("--tags", nargs="+", metavar="KEY[=VALUE]", default=[])


def submit_script(options: Namespace) -> Optional[Answer]:
    from azureml.core.experiment import Experiment
    from azureml.core.script_run_config import ScriptRunConfig

    workspace = find_workspace(options)
    source = os.path.abspath(options.source_directory)
    config = ScriptRunConfig(
        source_directory=source,
        script=options.script,
        arguments=options.arguments,
        run_config=_run_configuration(options),
        compute_target=options.target,
        environment=_environment(options, workspace),
    )
    experiment = Experiment(workspace, options.experiment_name or _name_of(source))
    run = experiment.submit(config, tags=pairs(options.tags) or None)
    if options.detach:
        return Answer(row(run), COLUMNS)
    if options.output == "table":
        run.wait_for_completion(show_output=True)
        return None
    # What another program reads is the answer alone.
    with contextlib.redirect_stdout(sys.stderr):
        run.wait_for_completion(show_output=True)
    return Answer(row(run), COLUMNS)


def _run_configuration(options: Namespace) -> Any:
    from azureml.core.runconfig import RunConfiguration

    if options.run_configuration_name:
        return RunConfiguration.load(options.source_directory, options.run_configuration_name)
    return None


def _environment(options: Namespace, workspace: Any) -> Any:
    from azureml.core.environment import Environment

    if options.conda_dependencies:
        return Environment.from_conda_specification("submitted", options.conda_dependencies)
    if options.requirements:
        return Environment.from_pip_requirements("submitted", options.requirements)
    if options.environment:
        name, _, version = options.environment.partition(":")
        return Environment.get(workspace, name, version or None)
    return None


def _name_of(folder: str) -> str:
    import re

    name = re.sub(r"[^\w-]+", "-", os.path.basename(folder)).strip("-_")
    return name or "default"


def list_(options: Namespace) -> Answer:
    if options.last < 1:
        raise UsageError(f"--last {options.last}: give a number from 1 on")
    workspace = find_workspace(options)
    path = workspace._history
    if options.experiment_name:
        path += "/experiments/" + quote_segment(options.experiment_name)
    tags = [text.replace("=", ":", 1) for text in options.tags]
    params = {"status": options.status, "tag": tags or None, "$top": min(options.last, PAGE)}
    dtos = workspace._client.items(path + "/runs", params)
    return Answer([row_of(dto) for dto in islice(dtos, options.last)], COLUMNS)


def show(options: Namespace) -> Answer:
    run = _find(options)
    return Answer(dict(run.get_details(), **row(run)), COLUMNS)


def cancel(options: Namespace) -> Answer:
    run = _find(options)
    run.cancel()
    return Answer(row(_find(options)), COLUMNS)


def stream(options: Namespace) -> None:
    run = _find(options)
    # SDK v1 prints no log of a run that has ended; who types this command wants to see it.
    if run.get_status() in ENDED and SCRIPT_LOG in run.get_file_names():
        print(run._files.content(SCRIPT_LOG).decode(errors="replace"))
    run.wait_for_completion(show_output=True)


def metrics(options: Namespace) -> Answer:
    found = _find(options).get_metrics(name=options.name)
    if options.output == "json":
        return Answer(found, ())
    return Answer([{"metric": name, "value": value} for name, value in found.items()], ("metric", "value"))


def download(options: Namespace) -> Answer:
    run = _find(options)
    names = [name for name in run.get_file_names() if name.startswith(options.prefix or "")]
    run.download_files(prefix=options.prefix, output_directory=options.output_dir)
    return Answer([{"file": name} for name in names], ("file",))


def _find(options: Namespace) -> Any:
    return find_workspace(options).get_run(options.run_id)


def row(run: Any) -> Dict[str, Any]:
    workspace = run.experiment.workspace
    return row_of(workspace._client.get(f"{workspace._history}/runs/{quote_segment(run.id)}"))


def row_of(dto: Dict[str, Any]) -> Dict[str, Any]:
    return dict(dto, experiment=dto.get("experimentName"))
