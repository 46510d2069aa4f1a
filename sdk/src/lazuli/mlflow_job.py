"""In a submitted job, MLflow logs to the job's own run.

MLflow removes `MLFLOW_RUN_ID` from the environment when its first run starts, so after an autologged `fit` everything else
would go to a second run. This module requests the job's own run instead of a new one in three cases: the script logs outside
of any run, it starts its first run, or autologging starts its first run. Any other run that the script starts, such as in the
second iteration of a loop, becomes a child run of the job, because a parameter can be written only once.
"""

from __future__ import annotations

import os
import sys
from typing import Dict, Optional, Set

RUN_ID = "MLFLOW_RUN_ID"
# A tag that requests the job's own run from the server; it is not stored.
JOB_RUN = "lazuli.jobRun"
# What starts a run: the function of mlflow on the call stack.
START, LOG, AUTOLOG, SCRIPT = "start_run", "_get_or_start_run", "create_managed_run", ""


def find_starter() -> Optional[str]:
    """The caller of `mlflow.start_run`, if that is running now; otherwise None."""
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
    """Records which starters have already used the job's own run."""

    def __init__(self, environment: Dict[str, str]) -> None:
        self.run_id: Optional[str] = environment.get("AZUREML_RUN_ID") if "AZUREML_RUN_TOKEN" in environment else None
        self.starters: Set[str] = set()
        if self.run_id and environment.get(RUN_ID) != self.run_id:
            # A child process of the script: the script itself already used the job's run.
            self.starters = {AUTOLOG, SCRIPT}

    def note_starter(self) -> None:
        """Call this before each request of mlflow; the first call after the variable is removed finds out who used it."""
        if self.run_id and not self.starters and RUN_ID not in os.environ:
            starter = find_starter()
            # A script that removed it itself wants separate runs.
            self.starters |= {AUTOLOG, SCRIPT} if starter is None else {starter}

    def takes_job_run(self) -> bool:
        """Whether the run that is being started should be the job's own."""
        self.note_starter()
        starter = find_starter()
        if self.run_id is None or starter is None or (starter in self.starters and starter != LOG):
            return False
        self.starters.add(starter)
        return True


JOB = JobRun(dict(os.environ))
