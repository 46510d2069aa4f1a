"""A real studio with a cluster, and jobs submitted to it as people do."""

import contextlib
import time

import psutil
import pytest
from azureml.core import Environment, Experiment, Run, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget

# Prints its process, then works for as long as it is told.
SCRIPT = """
import os, sys, time
from azureml.core import Run
run = Run.get_context()
run.log("pid", os.getpid())
run.flush()
time.sleep(float(sys.argv[1]))
print("ended by itself", flush=True)
"""


class Stack:
    def __init__(self, studio, workspace: Workspace, folder):
        self.studio, self.workspace, self.folder = studio, workspace, folder
        (folder / "work.py").write_text(SCRIPT)

    def cluster(self, name: str, min_nodes=0, max_nodes=1, idle_seconds=120) -> AmlCompute:
        configuration = AmlCompute.provisioning_configuration(
            "STANDARD_DS11_V2", min_nodes=min_nodes, max_nodes=max_nodes, idle_seconds_before_scaledown=idle_seconds
        )
        cluster = ComputeTarget.create(self.workspace, name, configuration)
        cluster.wait_for_completion(show_output=False)
        return cluster

    def submit(self, cluster, *arguments, script: str = "work.py", environment: Environment | None = None) -> Run:
        if environment is None:
            environment = Environment("this-python")
            environment.python.user_managed_dependencies = True
        config = ScriptRunConfig(
            str(self.folder), script=script, arguments=list(arguments), compute_target=cluster, environment=environment
        )
        return Experiment(self.workspace, "faults").submit(config)

    def node_process(self, cluster) -> psutil.Process:
        node = until(lambda: [n for n in cluster.list_nodes() if n["runId"]], 30)[0]["nodeId"]
        code = f"from compute.models import Node; print(Node.objects.get(name={node!r}).pid)"
        return psutil.Process(int(self.studio.manage("shell", "-v", "0", "-c", code).split()[-1]))

    def script_process(self, run) -> psutil.Process:
        return psutil.Process(int(until(lambda: run.get_metrics().get("pid"), 60)))


@contextlib.contextmanager
def open_stack(studio, folder):
    """The studio, which is started for it, with the client's settings and an empty folder for scripts."""
    try:
        studio.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LAZULI_URL", studio.url)
            patch.setenv("LAZULI_TOKEN", studio.manage("token", "stack"))
            code = folder / "code"
            code.mkdir()
            yield Stack(studio, Workspace.from_config(str(studio.data / "config.json")), code)
    finally:
        studio.end()


def until(look, seconds: float):
    """What `look` gives once it gives something."""
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
        time.sleep(0.2)
