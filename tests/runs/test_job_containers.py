"""Jobs whose environment asks for an image, with and without a container engine on a machine of their target."""

import pytest
from django.utils import timezone

from compute.models import Host, Work
from runs import job_containers
from runs.models import Run
from tests import factories
from tests.runs.conftest import job

IMAGE = {"name": "e", "docker": {"baseImage": "python:3.11", "shmSize": "4g"}}


@pytest.fixture
def engine():
    return factories.make_host("box", container_engine="podman 4.3.1", heartbeat_at=timezone.now())


def submit(api, name="job1", environment=IMAGE, **more):
    answer = api.put(f"W/jobs/{name}", {"properties": job(environmentDefinition=environment, **more)})
    assert answer.status_code == 201, answer.content
    return Run.objects.get(run_id=name).work.spec


def test_without_an_engine_the_submitter_is_warned(alice_api, cluster):
    spec = submit(alice_api)
    assert spec["container"] == {"use_docker": False, "shm_size": "4g", "is_warned": True}
    assert [text[:30] for text in spec["warnings"]] == [
        "docker.base_image python:3.11:",
        "docker.shm_size: a node runs t",
    ]


def test_with_one_the_job_runs_in_a_container_as_it_asks(alice_api, cluster, engine):
    docker = {"useDocker": True, "arguments": ["--cpus", "2", "--shm-size=1g", "-e", "A=b=c"]}
    spec = submit(alice_api, runDefinition={"docker": docker}, environmentVariables={"B": "1"})
    assert spec["container"] == {"use_docker": True, "shm_size": "1g", "is_warned": False} and spec["warnings"] == []
    assert spec["environment_variables"] == {"A": "b=c", "B": "1"} and Work.objects.get().cores == 2
    refused = {"docker": {"arguments": ["--privileged", "--volume", "/:/host"]}}
    warnings = submit(alice_api, "job2", runDefinition=refused)["warnings"]
    assert [text.split(":")[0] for text in warnings] == ["docker.arguments"]


def test_the_image_that_nobody_has_chosen_needs_no_container(alice_api, cluster, engine):
    assert submit(alice_api, environment={"name": "e"})["container"] == {}
    # A machine that is not connected may be later; one that is detached has no nodes any more.
    Host.objects.update(heartbeat_at=None)
    assert not submit(alice_api, "job2")["container"]["is_warned"]
    Host.objects.update(detached_at=timezone.now())
    assert submit(alice_api, "job3")["container"]["is_warned"]


@pytest.mark.parametrize(
    ("arguments", "used"),
    [
        (["--cpus", "1", "--memory=2g"], True),
        ("--shm-size 2g --env 'A=b c'", True),
        (["--shm-size", "lots"], False),
        (["-e", "HOME"], False),
        (["--privileged"], False),
        (["--volume=/:/host"], False),
        (["--device", "/dev/sda"], False),
        ("--env 'A=b", False),
        ([], False),
        (7, False),
    ],
)
def test_only_harmless_arguments_reach_a_container(arguments, used):
    assert job_containers.are_used(arguments) is used


def test_the_page_of_a_job_names_its_container(alice_api, cluster, client, alice):
    submit(alice_api)
    facts = {"image": "python:3.11", "digest": "sha256:abc", "engine": "podman 4.3.1"}
    for digest in ("sha256:old", "sha256:abc"):
        body = {"status": "Preparing", "container": {**facts, "digest": digest}}
        assert alice_api.post("H/runs/job1/events", body).status_code == 200
    assert Run.objects.get().properties["lazuli.imageDigest"] == "sha256:abc"
    client.force_login(alice)
    page = client.get(Run.objects.get().get_absolute_url()).content.decode()
    assert all(text in page for text in facts.values())


def test_the_pages_of_the_machines_name_their_engine(client, alice, cluster, workspace, engine):
    client.force_login(alice)
    address = f"/ws/{workspace.slug}/compute/all/machines/{engine.pk}/"
    assert "podman 4.3.1" in client.get(address).content.decode()
    Host.objects.update(container_engine="", container_problem="podman: not installed")
    assert "podman: not installed" in client.get(address).content.decode()
