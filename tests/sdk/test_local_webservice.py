"""SDK v1's services on the user's own machine: a real process, and what is refused."""

import json

import pytest
from azureml.core import Environment, Model
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AciWebservice, AksWebservice, LocalWebservice
from azureml.exceptions import UserErrorException, WebserviceException
from lazuli.errors import NotAvailable

SCORE = "import json\ndef init(): print('ready')\ndef run(data): return [FACTOR * n for n in json.loads(data)]\n"


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "score.py"
    path.write_text(f"FACTOR = 2\n{SCORE}")
    return path


@pytest.fixture
def deploy(script):
    started = []

    def deploy(**fields):
        config = InferenceConfig("score.py", **fields)
        started.append(Model.deploy(None, "local", [], config, LocalWebservice.deploy_configuration()))
        return started[-1]

    yield deploy
    for service in started:
        service.delete()


def test_a_local_service_is_called_and_reloaded(deploy, script, capsys):
    service = deploy(environment=Environment("any"))
    service.wait_for_deployment(show_output=True)
    assert f"running at http://localhost:{service.port}" in capsys.readouterr().out
    assert (service.state, service.run(json.dumps([1, 2]))) == ("running", [2, 4])
    assert LocalWebservice(None, "local").scoring_uri == service.scoring_uri
    script.write_text(f"FACTOR = 3\n{SCORE}")
    service.reload(wait=True)
    assert service.run("[1]") == [3] and "ready" in service.get_logs()
    with pytest.raises(WebserviceException, match="Response Code: 500"):
        service.run("no json")
    service.delete()
    assert (service.state, LocalWebservice.list(None)) == ("deleted", [])


def test_a_failed_init_is_raised_with_its_traceback(deploy, script):
    script.write_text("def init(): raise OSError('no weights')\ndef run(data): return 1\n")
    service = deploy()
    with pytest.raises(WebserviceException, match="no weights"):
        service.wait_for_deployment()
    assert service.state == "failed"


@pytest.mark.parametrize("name", ["ssl_enabled", "dns_name_label", "vnet_name"])
def test_what_is_not_there_is_refused_by_its_name(name):
    with pytest.raises(NotAvailable, match=name):
        AciWebservice.deploy_configuration(**{name: True})


@pytest.mark.parametrize(
    ("given", "lowest", "highest"),
    [
        ({}, 1, 10),
        ({"num_replicas": 3}, 3, 3),
        ({"autoscale_enabled": False}, 1, 1),
        ({"autoscale_min_replicas": 0, "autoscale_max_replicas": 4}, 0, 4),
        ({"autoscale_min_replicas": 12}, 12, 12),
    ],
)
def test_replicas_are_a_number_or_between_two(given, lowest, highest):
    described = AksWebservice.deploy_configuration(**given, scoring_timeout_ms=1500)._describe_deployment()
    assert described == {"computeType": "AKS", "timeoutSeconds": 1.5, "minReplicas": lowest, "maxReplicas": highest}
    assert AksWebservice.deploy_configuration(**given).auth_enabled


@pytest.mark.parametrize(
    "given",
    [
        {"num_replicas": 2, "autoscale_enabled": True},
        {"num_replicas": 2, "autoscale_max_replicas": 3},
        {"autoscale_min_replicas": 3, "autoscale_max_replicas": 2},
        {"num_replicas": 0},
    ],
)
def test_numbers_of_replicas_that_contradict_each_other_are_refused(given):
    with pytest.raises(WebserviceException, match="Invalid configuration"):
        AksWebservice.deploy_configuration(**given)


@pytest.mark.parametrize("name", ["max_request_wait_time", "gpu_cores", "period_seconds"])
def test_settings_of_kubernetes_that_mean_nothing_here_are_refused_by_their_name(name):
    with pytest.raises(NotAvailable, match=name):
        AksWebservice.deploy_configuration(**{name: 1})


def test_an_inference_config_checks_what_it_is_given(script):
    with pytest.raises(UserErrorException, match=r"other\.py"):
        InferenceConfig("other.py")
    with pytest.raises(NotAvailable, match="base_image"):
        InferenceConfig("score.py", base_image="image")
    script.write_text("def init(:")
    with pytest.raises(UserErrorException, match="not valid Python"):
        InferenceConfig("score.py").validation_script_content()
