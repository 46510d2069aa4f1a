"""Change fields in the body of a job, also in SDK v1's run configuration."""

import shlex
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
TIMEOUT = "limits/timeout"


def change_job(job: Json, changes: Json) -> Json:
    """`changes` has the names of the API, and `limits/timeout` in seconds; None removes a field. Other fields stay as they were."""
    changed = {name: value for name, value in {**job, **changes}.items() if name in job or value is not None}
    for name, value in changes.items():
        if name in RELATED:
            RELATED[name](changed, value)
        if value is None:
            changed.pop(name, None)
    return changed


def read_script_argv(job: Json) -> list[str] | None:
    """The interpreter, script and arguments from which SDK v1 made a job; None for a job with a command."""
    argv, definition = job.get("commandArgv"), job.get("runDefinition") or {}
    if not argv or len(argv) < 2 or definition.get("command") or argv[1] != definition.get("script"):
        return None
    return argv


def interpreter_of(script: str) -> str:
    """The interpreter that the SDK chooses."""
    return "bash" if script.endswith(".sh") else "python"


def _change_command(job: Json, command: str) -> None:
    job.pop("commandArgv", None)
    _define(job, command=command, script=None, arguments=[])


def _change_argv(job: Json, argv: list[str]) -> None:
    job["command"] = shlex.join(argv)
    _define(job, command="", script=argv[1], arguments=argv[2:])


def _change_environment(job: Json, definition: Json | None) -> None:
    if definition:
        job.pop("environmentId", None)
    _define(job, environment=definition)


def _change_environment_id(job: Json, _: str) -> None:
    job.pop("environmentDefinition", None)
    if isinstance(job.get("runDefinition"), dict):
        # It would describe another environment than the one in use.
        job["runDefinition"] = {key: value for key, value in job["runDefinition"].items() if key != "environment"}


def _change_variables(job: Json, variables: Json) -> None:
    _define(job, environmentVariables=variables)


def _change_compute(job: Json, name: str) -> None:
    _define(job, target=name)
    _set_property(job, "_azureml.ComputeTargetType", "amlctrain")


def _change_code(job: Json, snapshot_id: str | None) -> None:
    _set_property(job, "ContentSnapshotId", snapshot_id)


def _change_timeout(job: Json, seconds: int | None) -> None:
    job.pop(TIMEOUT, None)
    limits = {key: value for key, value in (job.get("limits") or {}).items() if key != "timeout"}
    job["limits"] = limits | ({"timeout": f"PT{seconds}S"} if seconds else {})
    _define(job, maxRunDurationSeconds=seconds)


def _define(job: Json, **fields: Any) -> None:
    """In the run configuration, if there is one."""
    if isinstance(job.get("runDefinition"), dict) and job["runDefinition"]:
        job["runDefinition"] = {**job["runDefinition"], **fields}


def _set_property(job: Json, name: str, value: str | None) -> None:
    """Set a property that the client wrote; the studio adds its own properties."""
    present = job.get("properties")
    if isinstance(present, dict) and name in present:
        kept = {key: text for key, text in present.items() if key != name}
        job["properties"] = kept | ({name: value} if value else {})


# Changes that follow from a changed field.
RELATED: dict[str, Callable[[Json, Any], None]] = {
    "command": _change_command,
    "commandArgv": _change_argv,
    "environmentDefinition": _change_environment,
    "environmentId": _change_environment_id,
    "environmentVariables": _change_variables,
    "computeId": _change_compute,
    "codeId": _change_code,
    TIMEOUT: _change_timeout,
}
