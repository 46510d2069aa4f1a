"""Submit a `ScriptRunConfig` as a job."""

from __future__ import annotations

from typing import Any, Dict, Optional

from lazuli.runs.submission import submit_job

from azureml.core.script_run import ScriptRun
from azureml.core.script_run_config import ScriptRunConfig, get_run_config_from_script_run


def submit_script(
    experiment: Any,
    config: ScriptRunConfig,
    run_id: Optional[str] = None,
    tags: Optional[Dict[str, str]] = None,
    parent_run_id: Optional[str] = None,
    **kwargs: Any,
) -> ScriptRun:
    """Raises ExperimentExecutionException if the source folder or the configuration is wrong."""
    run_config = get_run_config_from_script_run(config)
    run = submit_job(
        experiment.workspace._remote,
        experiment.name,
        run_config._to_dict(),
        config.source_directory,
        run_id=run_id,
        tags=tags,
        parent_run_id=parent_run_id,
    )
    return ScriptRun(experiment, run.id, directory=config.source_directory, _run_config=run_config)
