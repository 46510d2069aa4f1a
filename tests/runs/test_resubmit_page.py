"""Edit and submit: the form that begins with a run's job, and what it submits."""

import pytest
from django.urls import reverse

from runs.models import Run, Snapshot
from tests import factories

CONDA = {"name": "c", "dependencies": ["python=3.11", {"pip": ["numpy==2.0"]}]}
DEFINITION = {
    "name": "mine",
    "version": "4",
    "python": {"condaDependencies": CONDA},
    "environmentVariables": {"A": "1"},
}
# As the SDK sends a script with arguments.
SCRIPT_JOB = {
    "command": "python train.py --name 'two words' '$HOME'",
    "commandArgv": ["python", "train.py", "--name", "two words", "$HOME"],
    "environmentDefinition": DEFINITION,
    "environmentVariables": {"THREADS": 4, "TEXT": "a\nb", "QUOTED": '"x"'},
    "limits": {"timeout": "PT2H"},
    "tags": {"team": "vision"},
    "properties": {"_azureml.ComputeTargetType": "amlctrain", "ContentSnapshotId": "x"},
    "runDefinition": {
        "script": "train.py",
        "arguments": ["--name", "two words", "$HOME"],
        "command": "",
        "target": "cpu-cluster",
        "environment": DEFINITION,
    },
}


def url_of(run) -> str:
    return reverse("runs:run_resubmit", args=[run.workspace.slug, run.run_id])


def fill_in(client, run, **entered) -> dict:
    """What a browser sends of the form as it stands, with what a person enters."""
    form = client.get(url_of(run)).context["form"]
    values = {name: form[name].value() for name in form.fields}
    shown = {name: form.fields[name].prepare_value(value) for name, value in values.items()}
    # Browsers end the lines of a text by two characters.
    texts = {name: str("" if value is None else value).replace("\n", "\r\n") for name, value in shown.items()}
    return {**texts, **entered}


@pytest.fixture
def send(as_user, alice):
    """Alice submits the run again with what she enters; gives the new run."""

    def act(run, **entered) -> Run:
        client = as_user(alice)
        answer = client.post(url_of(run), fill_in(client, run, **entered))
        assert answer.status_code == 302, answer.context["form"].errors
        return Run.objects.get(run_id=answer.url.rstrip("/").rpartition("/")[2])

    return act


def test_the_form_as_it_stands_submits_the_same_job(submitted, send):
    for name, body in {
        "a": {},
        "b": SCRIPT_JOB,
        "c": {"command": "cd x\npython a.py  # b\n", "displayName": ""},
    }.items():
        first = submitted(name, **body)
        again = send(first)
        assert again.job == {key: value for key, value in first.job.items() if key != "displayName"}
        assert (again.work.spec["argv"], again.work.spec["command"]) == (
            first.work.spec["argv"],
            first.work.spec["command"],
        )
        assert again.display_name == again.run_id


def test_the_form_offers_the_next_free_name(submitted, send):
    first = submitted("first", displayName="baseline")
    assert send(first).display_name == "baseline (2)"
    again = send(first)
    assert again.display_name == "baseline (3)" and send(again).display_name == "baseline (4)"
    assert send(first, display_name="other").display_name == "other"


def test_what_is_changed_is_changed_everywhere_in_the_job(submitted, send, workspace):
    factories.make_target(workspace, "big")
    again = send(
        submitted("first", **SCRIPT_JOB),
        arguments="--lr 0.1 'a b'",
        compute_id="big",
        environment_variables='THREADS=8\r\nTEXT="x\\ny"',
        tags="team: speech",
        timeout="0.5",
        experiment_name="another",
    )
    job, definition = again.job, again.job["runDefinition"]
    assert job["commandArgv"] == again.work.spec["argv"] == ["python", "train.py", "--lr", "0.1", "a b"]
    assert job["command"] == "python train.py --lr 0.1 'a b'"
    assert definition["script"] == "train.py" and definition["arguments"] == ["--lr", "0.1", "a b"]
    assert again.compute.name == job["computeId"] == definition["target"] == "big"
    assert job["environmentVariables"] == definition["environmentVariables"] == {"THREADS": "8", "TEXT": "x\ny"}
    assert again.tags == {"team": "speech"} and again.experiment.name == "another"
    assert again.work.spec["timeout_seconds"] == 1800 and definition["maxRunDurationSeconds"] == 1800
    assert job["environmentDefinition"] == DEFINITION


def test_a_command_has_the_lines_of_a_shell(submitted, send):
    again = send(submitted("first"), command="cd x\r\npython a.py")
    assert again.job["command"] == again.work.spec["command"] == "cd x\npython a.py"


def test_a_registered_environment_is_taken_in_its_version(submitted, send, workspace):
    factories.make_environment(workspace, "sklearn", {**DEFINITION, "name": "sklearn"}, version="7")
    again = send(submitted("first", **SCRIPT_JOB), environment="registered", environment_id="sklearn@latest")
    assert again.job["environmentId"] == "sklearn:7" and "environmentDefinition" not in again.job
    assert again.work.spec["environment"]["name"] == "sklearn"
    assert "environment" not in again.job["runDefinition"], "it would tell of the old one"


def test_edited_packages_keep_the_rest_of_the_environment(submitted, send):
    conda = "dependencies:\r\n- python=3.12\r\n"
    again = send(submitted("first", **SCRIPT_JOB), environment="packages", conda_file=conda)
    found = again.work.spec["environment"]
    assert found["python"]["condaDependencies"] == {"dependencies": ["python=3.12"]}
    assert found["name"] == "mine-edited" and found["environmentVariables"] == {"A": "1"}
    assert again.job["runDefinition"]["environment"] == again.job["environmentDefinition"] == found


def test_packages_that_were_only_looked_at_are_no_change(submitted, send):
    first = submitted("first", **SCRIPT_JOB)
    assert send(first, environment="packages").job == first.job


WRONG = [
    ({"experiment_name": "a?b"}, "experiment_name", "is not a experiment name"),
    ({"command": ""}, "command", "required"),
    ({"command": "x" * 100_001}, "command", "100000"),
    ({"compute_id": "gone"}, "compute_id", "not one of the available choices"),
    ({"compute_id": ""}, "compute_id", "Choose a compute target"),
    ({"environment": "registered", "environment_id": "sklern:1"}, "environment_id", "no environment"),
    ({"environment": "registered", "environment_id": ""}, "environment_id", "Choose an environment"),
    ({"environment": "packages", "conda_file": "a: [\n"}, "conda_file", "cannot be read"),
    ({"environment": "packages", "conda_file": "dependencies: 4"}, "conda_file", "must be a list"),
    ({"environment_variables": "A"}, "environment_variables", "NAME=value"),
    ({"environment_variables": "LD_PRELOAD=x"}, "environment_variables", "set by the studio"),
    ({"environment_variables": 'A="x'}, "environment_variables", "JSON text"),
    ({"timeout": "721"}, "timeout", "30 days"),
    ({"tags": ": x"}, "tags", "no name"),
    ({"display_name": "x" * 257}, "display_name", "256"),
]


@pytest.mark.parametrize(("entered", "field", "says"), WRONG, ids=lambda value: str(value)[:30])
def test_an_error_stands_at_its_field_and_nothing_is_submitted(as_user, alice, submitted, entered, field, says):
    run, client = submitted("first"), as_user(alice)
    answer = client.post(url_of(run), fill_in(client, run, **entered))
    assert answer.status_code == 400 and says in str(answer.context["form"].errors[field])
    assert Run.objects.count() == 1


def test_the_script_must_be_in_the_code_and_quotes_must_close(as_user, alice, submitted, workspace):
    run, client = submitted("first", **SCRIPT_JOB), as_user(alice)
    code = Snapshot.objects.create(
        workspace=workspace, digest="d", key="k", size=1, files=[{"path": "train.py", "size": 1}]
    )
    Run.objects.filter(pk=run.pk).update(snapshot=code)
    entered = fill_in(client, run, script="other.py", arguments="'a")
    errors = client.post(url_of(run), entered).context["form"].errors
    assert "no file" in str(errors["script"]) and "Close every quote" in str(errors["arguments"])


def test_what_is_gone_is_said_before_and_at_its_field(as_user, alice, submitted, workspace, cluster):
    factories.make_environment(workspace, "sklearn", DEFINITION, version="7")
    run, client = submitted("first", environmentId="sklearn:7"), as_user(alice)
    Run.objects.filter(pk=run.pk).update(job={**run.job, "codeId": "5f9c0000-0000-0000-0000-000000000000"})
    workspace.environments.all().delete()
    cluster.deleted_at = run.created_at
    cluster.save(update_fields=["deleted_at"])
    page = client.get(url_of(run)).content.decode()
    assert "cpu-cluster was deleted" in page and "no environment &#x27;sklearn&#x27;" in page
    assert "code of this job was deleted" in page
    factories.make_target(workspace, "new-cluster")
    errors = client.post(url_of(run), fill_in(client, run)).context["form"].errors
    assert set(errors) == {"environment_id", "compute_id"}


def test_a_local_job_goes_to_a_cluster_that_is_chosen(submitted, send, as_user, alice):
    run = submitted("mine", computeId="local", properties={"_azureml.ComputeTargetType": "local"})
    assert "submitter&#x27;s machine" in as_user(alice).get(url_of(run)).content.decode()
    factories.make_target(run.workspace, "big")
    again = send(run, compute_id="big")
    assert again.status == Run.Status.QUEUED and again.properties["_azureml.ComputeTargetType"] == "amlctrain"


def test_the_message_names_what_is_other(as_user, alice, submitted):
    run, client = submitted("first"), as_user(alice)
    answer = client.post(url_of(run), fill_in(client, run, command="true", tags="a"), follow=True)
    assert "Changed: command, tags." in answer.content.decode()


@pytest.mark.parametrize("value", ['A="\\ud800"', 'A="a\\u0000b"', 'A="a" b'])
def test_variables_that_cannot_be_kept_are_refused_in_words(submitted, as_user, alice, value):
    run, client = submitted("first"), as_user(alice)
    answer = client.post(url_of(run), fill_in(client, run, environment_variables=value))
    assert answer.status_code in (200, 400) and answer.context["form"].errors
