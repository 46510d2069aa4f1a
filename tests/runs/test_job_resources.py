"""A job names what it takes of its node, and its priority."""

import pytest

from compute.models import Resources, Work
from runs import job_resources, job_settings
from studio.errors import Invalid
from tests import factories
from workspaces.models import Role


@pytest.fixture
def target(workspace):
    """Its nodes have 4 cores and 28 GB."""
    return factories.make_target(workspace, "cpu-cluster", vm_size="Standard_DS12_v2")


@pytest.mark.parametrize(
    ("requested", "resources"),
    [
        ({}, None),
        ({"cores": 1}, Resources(1, 7)),
        ({"cores": 2, "memoryGB": 1.5, "gpus": 1}, Resources(2, 1.5, 1)),
        ({"memoryGB": 10}, Resources(2, 10)),
        ({"gpus": 1}, Resources(1, 0, 1)),
    ],
)
def test_what_is_not_named_is_in_proportion(target, requested, resources):
    assert job_resources.read_resources({"resources": {"properties": requested}}, target) == resources
    assert job_resources.read_resources({}, None) is None


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--cpus", "2", "--memory=4g"], {"cores": 2, "memoryGB": 4}),
        (["--cpus 1", "-m 512m"], {"cores": 1, "memoryGB": 0.5}),
        (["--gpus", "all"], None),
        (["--cpus", "2", "--privileged"], None),
        (["--cpus", "2g"], None),
        ("--cpus 2", {"cores": 2}),
    ],
)
def test_arguments_for_a_container_say_it_too(arguments, found):
    assert job_resources.read_container_arguments(arguments) == found
    warnings = job_settings.check_settings({"runDefinition": {"docker": {"arguments": arguments}}}, {})
    assert bool(warnings) == (found is None)


@pytest.mark.parametrize("value", [0, -1, "2", True, 1e9])
def test_what_is_no_amount_is_refused(target, value):
    with pytest.raises(Invalid, match="write a number"):
        job_resources.read_resources({"resources": {"properties": {"cores": value}}}, target)


def job(**more):
    return {"properties": {"experimentName": "exp", "command": "true", "computeId": "cpu-cluster", **more}}


def test_a_submitted_job_takes_what_it_names(alice_api, target):
    small = {"resources": {"instanceCount": 1, "properties": {"cores": 1}}}
    assert alice_api.put("W/jobs/job1", job(**small)).status_code == 201
    work = Work.objects.get()
    assert (work.cores, work.memory_gb, work.gpus) == (1, 7, 0)
    large = alice_api.put("W/jobs/job2", job(resources={"properties": {"cores": 5}}))
    assert large.status_code == 400 and "a node of cpu-cluster has: 4 cores" in large.json()["error"]["message"]


def test_only_who_edits_compute_lets_a_job_go_first(alice_api, api, w, workspace, target):
    assert alice_api.put("W/jobs/job1", job(runDefinition={"priority": 5})).status_code == 201
    assert Work.objects.get().priority == 5
    assert alice_api.put("W/jobs/job2", job(runDefinition={"priority": "high"})).status_code == 400
    scientist = factories.make_user("dana")
    factories.give_role(scientist, Role.DATA_SCIENTIST, workspace)
    assert api(scientist).put(f"{w}/jobs/job3", job(runDefinition={"priority": 1})).status_code == 403
    assert api(scientist).put(f"{w}/jobs/job3", job(runDefinition={"priority": -1})).status_code == 201
