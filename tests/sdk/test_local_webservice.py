"""SDK v1's services on the user's own machine: a real process, and what is refused."""

import json

import pytest
from azureml.core import Environment, Model
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AciWebservice, LocalWebservice
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


@pytest.mark.parametrize("name", ["ssl_enabled", "enable_app_insights", "dns_name_label", "vnet_name"])
def test_what_is_not_there_is_refused_by_its_name(name):
    with pytest.raises(NotAvailable, match=name):
        AciWebservice.deploy_configuration(**{name: True})


def test_an_inference_config_checks_what_it_is_given(script):
    with pytest.raises(UserErrorException, match=r"other\.py"):
        InferenceConfig("other.py")
    with pytest.raises(NotAvailable, match="base_image"):
        InferenceConfig("score.py", base_image="image")
    script.write_text("def init(:")
    with pytest.raises(UserErrorException, match="not valid Python"):
        InferenceConfig("score.py").validation_script_content()
