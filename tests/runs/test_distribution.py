"""On how many nodes a job runs and with which processes, from SDK v1's configuration and Azure's body."""

import pytest
from azureml.core import ScriptRunConfig
from azureml.core.runconfig import MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration

from compute.models import Work
from runs.distribution import Distribution, read_distribution
from studio.errors import Invalid
from tests import factories


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (MpiConfiguration(2, 3), Distribution("mpi", 3, 2)),
        (PyTorchConfiguration("Gloo", 4, 2), Distribution("pytorch", 2, 2)),
        (PyTorchConfiguration(node_count=2), Distribution("pytorch", 2, 1)),
        (PyTorchConfiguration(process_count=3), Distribution("pytorch", 1, 3)),
        (TensorflowConfiguration(2, 1), Distribution("tensorflow", 3, 1, 2)),
        (None, Distribution()),
    ],
)
def test_what_sdk_v1_configures(config, found):
    definition = ScriptRunConfig(".", script="a.py", distributed_job_config=config).run_config._to_dict()
    properties = {"runDefinition": definition, "resources": {"instanceCount": definition["nodeCount"]}}
    assert read_distribution(properties) == found


@pytest.mark.parametrize(
    ("properties", "found"),
    [
        (
            {"distribution": {"distributionType": "PyTorch", "processCountPerInstance": 2}},
            Distribution("pytorch", 2, 2),
        ),
        ({"distribution": {"distributionType": "Mpi"}}, Distribution("mpi", 2, 1)),
        ({"distribution": {"distributionType": "TensorFlow", "workerCount": 2}}, Distribution("tensorflow", 2, 1, 2)),
        ({}, Distribution("", 2)),
    ],
)
def test_what_the_body_of_a_job_says(properties, found):
    assert read_distribution({**properties, "resources": {"instanceCount": 2}}) == found


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"distribution": {"distributionType": "Ray"}}, "'Ray' is not a kind of distributed job"),
        ({"distribution": {"distributionType": "Mpi", "processCountPerInstance": 0}}, "0 is not a number from 1"),
        ({"resources": {"instanceCount": 101}}, "101 is not a number from 1 to 100"),
        (
            {"runDefinition": {"communicator": "Nccl", "nodeCount": 2, "pytorch": {"processCount": 3}}},
            "3 processes cannot be divided evenly among 2 nodes",
        ),
    ],
)
def test_what_cannot_be_is_refused(properties, words):
    with pytest.raises(Invalid, match=words):
        read_distribution(properties)


def test_a_submitted_job_waits_for_all_its_nodes(alice_api, workspace):
    factories.make_target(workspace, "cpu-cluster", max_nodes=2)
    job = {"experimentName": "exp", "command": "true", "computeId": "cpu-cluster", "resources": {"instanceCount": 2}}
    assert alice_api.put("W/jobs/job1", {"properties": job}).status_code == 201
    work = Work.objects.get()
    assert (work.node_count, work.spec["node_count"], work.spec["distribution"]["processes_per_node"]) == (2, 2, 1)
    for compute, count in (("cpu-cluster", 3), ("local", 2)):
        refused = alice_api.put(
            "W/jobs/job2", {"properties": job | {"computeId": compute, "resources": {"instanceCount": count}}}
        )
        assert refused.status_code == 400, compute
