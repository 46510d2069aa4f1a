"""Submit a script or command as a job, and start a runner on this machine if the job is local.

A run definition is SDK v1's run configuration as JSON, with the keys that `.runconfig` files have.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
import uuid
from typing import Any, Dict, List, Optional, Union

from lazuli.client import quote_segment
from lazuli.errors import ExperimentExecutionException
from lazuli.runs import git_metadata, local_runner, snapshots
from lazuli.runs.definitions import LOCAL
from lazuli.runs.run_client import RunClient
from lazuli.workspaces import WorkspaceClient

Json = Dict[str, Any]
_FOR_A_SHELL = re.compile(r"[&|;<>$`*?~]|\A[(){}!]\Z")
# Beginnings that only a shell understands: a variable, a builtin, a word of its grammar.
_BEGINS_FOR_A_SHELL = re.compile(
    r"[A-Za-z_]\w*=|(?:\.|:|alias|case|cd|declare|eval|exec|exit|export|for|function|if|let|pushd|readonly|select|set|shopt|source|"
    r"time|trap|type|ulimit|umask|unset|until|wait|while|\[\[)\Z"
)
# `$(date)`, and a bracket of a group: for the shell, whatever is in it.
_KEPT = re.compile(r"[^'\"]*\$\([^'\"]*\)[^'\"]*|[()]")
# In quotes that its author wrote for the shell, as in `"two words"` and `--note='two words'`.
_QUOTED = re.compile(r"""[\w./:=-]*(?:'[^']*'|"[^"]*")""")
_NEEDS_QUOTES = re.compile(r"""[\s'"()\\]""")
_OPERATOR_AT_END = re.compile(r"(?:&&|\|\|?|;|(?<!>)&)$")
_OPERATOR_WITHIN = re.compile(r"(?:^|\s)(?:&&|\|\|?|&|\d?>>?|<)(?:\s|$)|;(?:\s|$)")


def submit_job(
    workspace: WorkspaceClient,
    experiment_name: str,
    definition: Json,
    source_directory: str,
    *,
    run_id: Optional[str] = None,
    tags: Optional[Dict[str, str]] = None,
    parent_run_id: Optional[str] = None,
) -> RunClient:
    """Upload the snapshot, store the job and return its run.

    Raises ExperimentExecutionException, before anything is uploaded, if the source or the definition is wrong.
    """
    check_definition(definition, source_directory)
    run_id = run_id or f"{experiment_name}_{int(time.time())}_{uuid.uuid4().hex[:8]}"
    snapshot_id = snapshots.upload_snapshot(workspace, source_directory)
    job = _build_job(experiment_name, definition, snapshot_id)
    job.update(tags=tags or {}, parentRunId=parent_run_id)
    job["properties"].update(git_metadata.read_git_properties(source_directory))
    workspace.client.request("PUT", f"{workspace.path}/jobs/{quote_segment(run_id)}", json={"properties": job})
    run = RunClient(workspace, run_id)
    notes = [str(warning.get("message")) for warning in run.get().get("warnings") or []]
    for note in notes:
        print(f"WARNING: {note}", file=sys.stderr)
    if definition["target"] == LOCAL:
        local_runner.start_local_run(run, job, notes)
    return run


def check_definition(definition: Json, source_directory: str) -> None:
    if not os.path.isdir(source_directory):
        raise ExperimentExecutionException(f"The source directory {source_directory!r} does not exist.")
    _refuse_distribution(definition)
    script = definition["script"]
    if definition["command"]:
        return
    if not script:
        raise ExperimentExecutionException("The run has no script and no command.")
    _check_script(str(script), source_directory)


def _refuse_distribution(definition: Json) -> None:
    nodes, communicator = definition["nodeCount"], definition.get("communicator")
    if definition["target"] != LOCAL or ((nodes is None or nodes <= 1) and communicator in (None, "", "None")):
        return
    what = f"node_count is {nodes}" if nodes and nodes > 1 else f"the communicator is {communicator}"
    raise ExperimentExecutionException(
        f"{what}: a run of several processes or over more than one node needs a compute cluster. Set compute_target to "
        "one, or leave distributed_job_config out and node_count at 1 to run one process on this machine."
    )


def _check_script(script: str, source_directory: str) -> None:
    """The script must be a file of the snapshot: nothing else reaches the node."""
    inside = os.path.normpath(script)
    if os.path.isabs(inside) or inside.split(os.sep)[0] == os.pardir:
        raise ExperimentExecutionException(
            f"The script {script!r} is outside the source directory {source_directory!r}, and only that folder is "
            "copied to the node. Name the script relative to it, or choose a source directory above both."
        )
    if not os.path.isfile(os.path.join(source_directory, inside)):
        raise ExperimentExecutionException(f"{source_directory!r} has no script {script!r}.")
    if not snapshots.includes_file(source_directory, inside):
        raise ExperimentExecutionException(
            f"The script {script!r} is left out of the snapshot by {source_directory!r}'s ignore file, so the node "
            "would not have it."
        )


def _build_job(experiment_name: str, definition: Json, snapshot_id: str) -> Json:
    target = definition["target"]
    compute_type = "local" if target == LOCAL else "amlctrain"
    job: Json = {
        "jobType": "Command",
        "experimentName": experiment_name,
        "codeId": snapshot_id,
        "computeId": target,
        "environmentVariables": definition["environmentVariables"],
        "resources": {"instanceCount": definition["nodeCount"]},
        "properties": {"ContentSnapshotId": snapshot_id, "_azureml.ComputeTargetType": compute_type},
        "runDefinition": definition,
        "environmentDefinition": definition["environment"],
    }
    command = build_command(definition)
    if isinstance(command, str):
        job["command"] = command
    else:
        job["commandArgv"] = command
        job["command"] = " ".join(shlex.quote(argument) for argument in command)
    if definition["maxRunDurationSeconds"]:
        job["limits"] = {"timeout": f"PT{int(definition['maxRunDurationSeconds'])}S"}
    return job


def build_command(definition: Json) -> Union[str, List[str]]:
    """The arguments to start without a shell, or a text for one; other arguments become texts."""
    command = definition["command"]
    if isinstance(command, str) and command:
        return command
    if command:
        words = [str(word) for word in command]
        is_line = " " in words[0] or bool(_BEGINS_FOR_A_SHELL.match(words[0]))
        is_for_shell = any(_FOR_A_SHELL.search(word) or _QUOTED.fullmatch(word) for word in words)
        return join_command(words) if is_line or is_for_shell else words
    script = str(definition["script"])
    interpreter = "bash" if script.endswith(".sh") else "python"
    return [interpreter, script, *(str(argument) for argument in definition["arguments"] or [])]


def join_command(words: List[str]) -> str:
    """The words of a command as one line for the shell, as Azure joins them: `&&`, `>` and `$NAME` keep their meaning.

    A word with spaces, quotes or brackets stays one argument, unless it is a piece of a command line itself: the first
    one, one after an operator, or one that has an operator in it. One in quotes already gets no more of them.
    """
    line: List[str] = []
    for position, word in enumerate(words):
        previous = words[position - 1] if position else ""
        starts = not position or bool(_OPERATOR_AT_END.search(previous))
        is_piece = starts or (not previous.startswith("-") and bool(_OPERATOR_WITHIN.search(word)))
        plain = bool(word) and (not _NEEDS_QUOTES.search(word) or (previous != "-c" and bool(_KEPT.fullmatch(word))))
        is_kept = plain or (is_piece and word) or _QUOTED.fullmatch(word)
        line.append(word if is_kept else shlex.quote(word))
    return " ".join(line)
