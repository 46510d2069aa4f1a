"""`python -m lazuli.scoring score.py`: serves an entry script at a port of this machine or at a Unix socket.
`--mlflow` serves the MLflow model in AZUREML_MODEL_DIR without an entry script.

Also as `azmlinfsrv --entry_script score.py`, the command of Azure's scoring server.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import List, Optional

from lazuli.scoring.entry_script import EntryScript, describe_failure
from lazuli.scoring.mlflow_model import MlflowModel
from lazuli.scoring.server import run_server
from lazuli.scoring.warm_packages import LIST_VARIABLE, write_imported

FAILED = 3


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lazuli.scoring", description=__doc__)
    parser.add_argument("script", nargs="?", default=os.environ.get("AZUREML_ENTRY_SCRIPT", ""))
    parser.add_argument("--entry_script", default="", help="the entry script, by its name in Azure's command")
    parser.add_argument("--mlflow", action="store_true", help="serve an MLflow model, without an entry script")
    parser.add_argument("--model_dir", default="", help="folder that AZUREML_MODEL_DIR names to the script")
    parser.add_argument("--unix", default="", help="path of a socket to listen at")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--telemetry", type=int, help="descriptor of a pipe for records of the requests")
    chosen = parser.parse_args(arguments)
    if chosen.model_dir:
        os.environ["AZUREML_MODEL_DIR"] = os.path.abspath(chosen.model_dir)
    try:
        folder = os.environ.get("AZUREML_MODEL_DIR", "")
        script = MlflowModel(folder) if chosen.mlflow else EntryScript(chosen.entry_script or chosen.script)
        script.start()
    # Whatever the user's script raises, its traceback is what the person needs.
    except BaseException as error:
        print(describe_failure(error), file=sys.stderr, flush=True)
        return FAILED
    if os.environ.get(LIST_VARIABLE):
        write_imported(os.environ[LIST_VARIABLE])
    run_server(script, chosen.unix, chosen.host, chosen.port, chosen.telemetry)
    return 0


if __name__ == "__main__":
    sys.exit(main())
