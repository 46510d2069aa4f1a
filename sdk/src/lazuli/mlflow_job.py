"""In a submitted job, what MLflow logs goes to the job's own run.

mlflow takes `MLFLOW_RUN_ID` out of the environment when the first of its runs begins, so that after an autologged `fit` all
else would go to a second run. Where a script logs outside of any run, where it starts its first run and where autologging does
so for the first time, the server is asked for the job's own run instead of a new one. What a script starts beside that, as the
second round of a loop does, is a run of its own below the job's, since parameters are written once.
"""

from __future__ import annotations

import os
import sys
from typing import Dict, Optional, Set

RUN_ID = "MLFLOW_RUN_ID"
# A tag by which the server knows that the job's own run is wanted; it is stored nowhere.
JOB_RUN = "lazuli.jobRun"
# Who starts a run, by the function of mlflow that does it.
START, LOG, AUTOLOG, SCRIPT = "start_run", "_get_or_start_run", "create_managed_run", ""


def find_starter() -> Optional[str]:
    """On whose behalf `mlflow.start_run` is running just now; None if it is not."""
    frame, found = sys._getframe(1), None
    while frame is not None:
        name = frame.f_code.co_name
        if name in (START, LOG, AUTOLOG) and str(frame.f_globals.get("__name__", "")).startswith("mlflow."):
            found = SCRIPT if name == START else name
            if found:
                return found
        frame = frame.f_back  # type: ignore[assignment]
    return found


class JobRun:
    """Which of those who start runs have gone on with the job's own run."""

    def __init__(self, environment: Dict[str, str]) -> None:
        self.run_id: Optional[str] = environment.get("AZUREML_RUN_ID") if "AZUREML_RUN_TOKEN" in environment else None
        self.went_on: Set[str] = set()
        if self.run_id and environment.get(RUN_ID) != self.run_id:
            # A process that the script started: the job's run was taken by the script.
            self.went_on = {AUTOLOG, SCRIPT}

    def watch(self) -> None:
        """Called before each request of mlflow's. The first after the variable is gone is of whoever took it."""
        if self.run_id and not self.went_on and RUN_ID not in os.environ:
            starter = find_starter()
            # A script that took it itself wants runs of its own.
            self.went_on |= {AUTOLOG, SCRIPT} if starter is None else {starter}

    def take(self) -> bool:
        """Whether the run that is being started shall be the job's own."""
        self.watch()
        starter = find_starter()
        if self.run_id is None or starter is None or (starter in self.went_on and starter != LOG):
            return False
        self.went_on.add(starter)
        return True


JOB = JobRun(dict(os.environ))
