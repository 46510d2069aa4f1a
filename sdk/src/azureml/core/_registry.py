"""Objects that lower modules of `azureml.core` need from upper ones, which register them here.

The direction is config elements ← environment ← run configuration ← run ← compute ← experiment ← workspace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

if TYPE_CHECKING:
    from azureml.core.authentication import AbstractAuthentication
    from azureml.core.run import Run
    from azureml.core.workspace import Workspace

RunFactory = Callable[..., "Run"]

# Maps the run type to `factory(experiment, run_dto)`, which makes the object for a run of this type.
run_factories: Dict[str, RunFactory] = {}

# The run that this process belongs to; outside of a run an offline run, if the argument allows it.
find_run_context: Callable[[bool], Any]

# `Run.register_model`: the run, the name of the model, the path in the run, what describes it, and what it refers to.
register_model: Callable[..., Any]

# The workspace that the configuration file at this path names.
load_workspace: Callable[[str, Optional[AbstractAuthentication]], Workspace]
