"""Every setting of SDK v1's run configuration and environment, and of a job's body: honoured, warned of or refused."""

import pathlib

import pytest
from azureml.core import Environment, RunConfiguration
from azureml.core.environment import RSection

from compute.models import Work
from runs import job_settings
from runs.job_settings import ENVIRONMENT, JOB, RUN_DEFINITION, Verdict
from runs.models import Run
from studio.errors import Invalid
from tests.runs.conftest import job

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "settings.md"
# Dicts whose keys are the user's own.
OPEN = {"environmentVariables", "spark.configuration", "python.condaDependencies"}


def leaves(content: dict, path: str = ""):
    for name, value in content.items():
        key = f"{path}{name}"
        if isinstance(value, dict) and value and key not in OPEN:
            yield from leaves(value, key + ".")
        else:
            yield key


def sdk_settings() -> set[str]:
    return set(leaves({**RunConfiguration()._to_dict(), "environment": "", "environmentVariables": {}}))


def environment_settings() -> set[str]:
    environment = Environment("e")
    environment.r = RSection()
    content = {**environment._to_dict(), "r": "", "environmentVariables": {}}
    return set(leaves(content))


def test_each_setting_of_the_sdk_has_its_rule_and_each_rule_its_setting():
    assert set(RUN_DEFINITION) == sdk_settings()
    assert set(ENVIRONMENT) == environment_settings()


def body_with(path: str, value) -> dict:
    *above, name = path.split(".")
    body = {name: value}
    for part in reversed(above):
        body = {part: body}
    return body


def check(rules: dict, path: str, value) -> list[str]:
    if rules is JOB:
        return job_settings.check_settings(body_with(path, value), {})
    if rules is ENVIRONMENT:
        return job_settings.check_settings({}, body_with(path, value))
    return job_settings.check_settings({"runDefinition": body_with(path, value)}, {})


# The run definition's own settings have their own rules.
RULES = [(rules, path) for rules in (JOB, RUN_DEFINITION, ENVIRONMENT) for path in rules if path != "runDefinition"]


@pytest.mark.parametrize(("rules", "path"), RULES, ids=[path for _, path in RULES])
def test_a_setting_that_has_no_effect_is_never_passed_over(rules, path):
    rule = rules[path]
    harmless = rule.harmless if isinstance(rule.harmless, tuple) else ()
    value = False if any(one is True for one in harmless) else {"identityType": "Managed"}
    if rule.verdict is Verdict.REFUSED:
        with pytest.raises(Invalid) as refused:
            check(rules, path, 7)
        assert path.split(".")[-1] in refused.value.target and len(refused.value.message) > 30
    else:
        found = check(rules, path, value)
        assert len(found) == (rule.verdict is Verdict.WARNED)
    for nothing in (None, "", [], {}, *harmless):
        assert check(rules, path, nothing) == []


def test_the_defaults_of_the_sdk_bring_no_warning():
    content = RunConfiguration()._to_dict()
    assert job_settings.check_settings({"runDefinition": content}, content["environment"]) == []


def test_an_unknown_word_is_reported():
    found = job_settings.check_settings({"comand": "x", "resources": {"cpus": 2}}, {"docker": {"tag": "1"}})
    assert [text.split(" is not")[0] for text in found] == ["comand", "resources/cpus", "environment/docker/tag"]


def test_the_warnings_are_on_the_run_on_its_page_and_in_its_log(alice_api, cluster, client, alice, workspace):
    definition = {"docker": {"useDocker": True}}
    answer = alice_api.put("W/jobs/job1", {"properties": job(runDefinition=definition)})
    assert answer.status_code == 201
    said = "docker.use_docker: a node runs the script as a process of its own, not in a container."
    assert alice_api.get("H/runs/job1/details").json()["warnings"] == [{"source": "settings", "message": said}]
    assert Work.objects.get().spec["warnings"] == [said]
    client.force_login(alice)
    assert said in client.get(Run.objects.get().get_absolute_url()).content.decode()


def test_an_unknown_kind_of_distributed_job_is_refused_in_words(alice_api, cluster):
    answer = alice_api.put("W/jobs/job1", {"properties": job(distribution={"distributionType": "Ray"})})
    assert (answer.status_code, answer.json()["error"]["target"]) == (400, "distribution/distributionType")
    assert "PyTorch, Mpi or TensorFlow" in answer.json()["error"]["message"]
    assert not Run.objects.exists()


def test_the_page_of_the_documentation_says_of_each_setting_what_becomes_of_it():
    lines = PAGE.read_text().splitlines()
    wrong = []
    for rules, path in RULES:
        rule = rules[path]
        words = ["honoured", "used"] if rule.verdict is Verdict.HONOURED else [f"{rule.verdict.value}: {rule.reason}"]
        if not any(f"`{path}`" in line and any(word in line for word in words) for line in lines):
            wrong.append((path, words))
    assert wrong == []
