"""From a job's body to a run and queued work."""

import pytest

from accounts.actors import Actor
from compute.models import Work
from runs import submission
from runs.models import Experiment, Run
from studio.errors import Conflict
from tests.runs.conftest import job
from tests.runs.test_snapshots import put


def submit(caller, name="job1", **properties):
    return caller.put(f"W/jobs/{name}", {"properties": job(**properties)})


def test_a_job_becomes_a_run_and_queued_work(alice_api, cluster, workspace):
    code = put(alice_api).json()["id"]
    answer = submit(
        alice_api,
        codeId=code,
        commandArgv=["python", "train.py", "--lr", "0.1"],
        environmentVariables={"A": 1},
        limits={"timeout": "PT1H"},
        tags={"t": "v"},
        properties={"p": "q"},
        unknownField={"kept": True},
    )
    assert answer.status_code == 201
    reply = answer.json()
    assert reply["id"] == f"{workspace.arm_id}/jobs/job1"
    properties = reply["properties"]
    assert (properties["status"], properties["runId"], properties["unknownField"]) == ("Queued", "job1", {"kept": True})
    assert properties["properties"]["ContentSnapshotId"] == code
    work = Work.objects.get()
    assert (work.scope, work.target, work.state) == ("run:job1", cluster, Work.State.QUEUED)
    spec = work.spec
    assert spec["argv"] == ["python", "train.py", "--lr", "0.1"]
    assert (spec["command"], spec["run_id"], spec["experiment"], spec["snapshot_id"]) == (None, "job1", "exp", code)
    assert (spec["timeout_seconds"], spec["environment_variables"]) == (3600, {"A": "1"})
    assert spec["workspace"]["workspace_id"] == str(workspace.workspace_id)
    assert spec["index_url"].endswith("/pypi/simple/")
    run = Run.objects.get()
    assert [event.status for event in run.events.all()] == ["NotStarted", "Queued"]


def test_the_same_job_again_is_the_same_run(alice_api, cluster):
    assert submit(alice_api).status_code == 201
    assert submit(alice_api).status_code == 200
    assert submit(alice_api, command="other").status_code == 409
    assert (Run.objects.count(), Work.objects.count(), Experiment.objects.get().run_count) == (1, 1, 1)


def test_a_local_job_queues_nothing(alice_api, workspace):
    reply = submit(alice_api, computeId="local").json()
    assert reply["properties"]["status"] == "NotStarted"
    assert not Work.objects.exists()


@pytest.mark.parametrize("form", ["cpu-cluster", "CPU-Cluster", "azureml:cpu-cluster", "{W}/computes/cpu-cluster"])
def test_a_compute_is_named_in_many_ways(alice_api, cluster, workspace, form):
    assert submit(alice_api, computeId=form.replace("{W}", workspace.arm_id)).status_code == 201
    assert Run.objects.get().compute == cluster


def test_an_unknown_compute_lists_those_there_are(alice_api, cluster):
    answer = submit(alice_api, computeId="gpu")
    assert answer.status_code == 400
    assert answer.json()["error"]["target"] == "computeId"
    assert "one of cpu-cluster, or local" in answer.json()["error"]["message"]
    assert not Run.objects.exists() and not Experiment.objects.exists()


@pytest.mark.parametrize(
    ("properties", "target"),
    [
        ({"command": None}, "command"),
        ({"command": 5}, "properties/command"),
        ({"jobType": "Sweep"}, "jobType"),
        ({"commandArgv": ["a", 1]}, "properties/commandArgv/1"),
        ({"command": "a\0b"}, "properties/command"),
        ({"codeId": "nope"}, "codeId"),
        ({"codeId": "8a0e2b0e-58b9-4b5c-8a55-0b1f6f1d0d4c"}, "codeId"),
        ({"computeId": None}, "computeId"),
        ({"environmentId": "nope:1"}, "environmentId"),
        ({"environmentVariables": {"A=B": "x"}}, "environmentVariables"),
        ({"environmentVariables": {"LD_PRELOAD": "x"}}, "LD_PRELOAD"),
        ({"environmentVariables": {"AZUREML_RUN_TOKEN": "x"}}, "AZUREML_RUN_TOKEN"),
        ({"limits": {"timeout": "an hour"}}, "limits/timeout"),
        ({"limits": {"timeout": "PT0S"}}, "limits/timeout"),
        ({"resources": {"instanceCount": 101}}, "resources/instanceCount"),
        ({"resources": {"instanceCount": 0}}, "properties/resources/instanceCount"),
        ({"experimentName": "<b>"}, "experiment name"),
        ({"parentRunId": "nobody"}, "parentRunId"),
        ({"tags": {str(n): "" for n in range(51)}}, "tags"),
    ],
)
def test_a_bad_job_is_refused_with_a_message_and_stores_nothing(alice_api, cluster, properties, target):
    answer = submit(alice_api, **properties)
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["target"] == target
    assert answer.json()["error"]["message"]
    assert not Run.objects.exists() and not Work.objects.exists()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"properties": {"command": NaN}}', b'{"properties": {"x": 1e999}}']
)
def test_what_is_no_job_is_refused(alice_api, cluster, body):
    assert alice_api.put("W/jobs/job1", data=body, kind="application/json").status_code == 400


def test_a_bad_name_says_the_rule(alice_api, cluster):
    assert "1 to 256 letters" in submit(alice_api, name="a%20b").json()["error"]["message"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT3600S", 3600), ("PT1H30M", 5400), ("P1DT1S", 86401), ("PT2592000S", 2592000)]
)
def test_durations(text, seconds):
    assert submission.parse_seconds(text) == seconds


def test_a_registered_environment_is_found_by_name(alice_api, cluster, workspace):
    conda = "dependencies:\n- python=3.11\n- pip:\n  - numpy\n"
    alice_api.put("W/environments/env/versions/auto", {"properties": {"condaFile": conda}})
    for number, form in enumerate(
        ["env:1", "env@latest", "azureml:env:1", f"{workspace.arm_id}/environments/env/versions/1"]
    ):
        assert submit(alice_api, name=f"j{number}", environmentId=form).status_code == 201
    packages = Work.objects.first().spec["environment"]["python"]["condaDependencies"]["dependencies"]
    assert packages == ["python=3.11", {"pip": ["numpy"]}]


def test_a_job_carries_an_environment_of_its_own(alice_api, cluster):
    definition = {"name": "mine", "python": {"userManagedDependencies": True}}
    submit(alice_api, environmentDefinition=definition)
    assert Work.objects.get().spec["environment"] == definition


def test_a_run_submits_children_of_itself_only(alice_api, claimed, run_api):
    claimed("parent")
    mine = run_api("parent", 1)
    assert submit(mine, name="free").status_code == 403
    assert submit(mine, name="kid", parentRunId="parent").status_code == 201
    assert submit(run_api("parent", 0), name="late", parentRunId="parent").status_code == 409
    assert Run.objects.get(run_id="kid").root.run_id == "parent"


def test_resubmitting_runs_the_same_job_again(alice, alice_api, submitted, started):
    run = submitted("first", displayName="my name")
    again = submission.resubmit_job(Actor(alice), run)
    assert again.run_id.startswith("exp_") and again.number == 2
    assert again.status == Run.Status.QUEUED
    assert again.job == {key: value for key, value in run.job.items() if key != "displayName"}
    with pytest.raises(Conflict):
        submission.resubmit_job(Actor(alice), started("r1"))


def test_jobs_are_listed_edited_and_deleted(alice_api, submitted):
    submitted("j1")
    submitted("j2")
    assert [row["name"] for row in alice_api.get("W/jobs").json()["value"]] == ["j2", "j1"]
    edited = alice_api.patch("W/jobs/j1", {"properties": {"displayName": "x", "tags": {"a": "b"}}}).json()["properties"]
    assert (edited["displayName"], edited["tags"]) == ("x", {"a": "b"})
    assert alice_api.delete("W/jobs/j1").status_code == 409
    assert alice_api.post("W/jobs/j1/cancel").json()["properties"]["status"] == "Canceled"
    assert alice_api.delete("W/jobs/j1").status_code == 200
    assert alice_api.get("W/jobs/j1").status_code == 404


def test_a_full_name_of_a_cluster_being_deleted_is_a_conflict(alice_api, cluster):
    cluster.state = cluster.State.DELETING
    cluster.save(update_fields=["state"])
    assert submit(alice_api).status_code == 409
    assert not Run.objects.exists()


def test_the_description_of_a_job_is_whole(as_user, alice):
    described = as_user(alice).get("/api/openapi.json").json()
    put = next(path for address, path in described["paths"].items() if address.endswith("/jobs/{name}"))["put"]
    schema = put["requestBody"]["content"]["application/json"]["schema"]
    assert "$ref" not in str(schema)
    assert "computeId" in schema["properties"]["properties"]["properties"]
