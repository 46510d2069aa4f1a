"""A job as YAML for Azure's command line, version 2."""

import shlex
from typing import Any

import yaml

from assets import environments
from runs.models import Run
from runs.submission import parse_seconds

SCHEMA = "https://azuremlschemas.azureedge.net/latest/commandJob.schema.json"
# The folder for the code, which the tab Code offers as a zip.
CODE = "./code"


class _Dumper(yaml.SafeDumper):
    """Writes multi-line texts as blocks."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def format_job(run: Run) -> str:
    """The YAML of a job; empty for a run without one."""
    if not run.job:
        return ""
    fields = {name: value for name, value in _read_fields(run).items() if value not in (None, "", {}, [])}
    return yaml.dump(fields, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _read_fields(run: Run) -> dict[str, Any]:
    job = run.job
    timeout = (job.get("limits") or {}).get("timeout")
    return {
        "$schema": SCHEMA,
        "type": "command",
        "display_name": run.display_name,
        "experiment_name": run.experiment.name,
        "description": run.description,
        "tags": dict(run.tags),
        "code": CODE if run.snapshot_id else None,
        "command": job.get("command") or shlex.join(map(str, job.get("commandArgv") or [])),
        "environment": _read_environment(job),
        "environment_variables": {name: str(value) for name, value in (job.get("environmentVariables") or {}).items()},
        "compute": "local" if run.is_local else f"azureml:{run.target_name}",
        "resources": {"instance_count": (job.get("resources") or {}).get("instanceCount") or 1},
        "limits": {"timeout": parse_seconds(timeout)} if timeout else None,
    }


def _read_environment(job: dict) -> str | dict | None:
    """The environment as a reference, or as its definition."""
    definition = job.get("environmentDefinition")
    if definition:
        conda = (definition.get("python") or {}).get("condaDependencies")
        image = (definition.get("docker") or {}).get("baseImage")
        return {
            name: value
            for name, value in (("name", definition.get("name")), ("image", image), ("conda_file", conda))
            if value
        }
    if not job.get("environmentId"):
        return None
    name, version = environments.parse_reference(job["environmentId"])
    return f"azureml:{name}@latest" if version == environments.LATEST else f"azureml:{name}:{version}"
