"""A model behind an address on a real studio: deployed, called through the gateway, updated, and what fails in init()."""

import contextlib
import http.client
import json
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest
from azureml.core import Environment, Model, Workspace
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AciWebservice, Webservice
from azureml.exceptions import WebserviceException

from tests.up.running import Studio

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

SCORE = """
import json, os
def init():
    global factor
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "factor.txt")) as file:
        factor = float(file.read())
    print("the factor is", factor)
def run(raw_data):
    return {"version": VERSION, "result": [factor * number for number in json.loads(raw_data)["data"]]}
"""


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    studio = Studio(tmp_path_factory.mktemp("studio")).with_tables()
    studio.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAZULI_URL", studio.url)
        patch.setenv("LAZULI_TOKEN", studio.manage("token", "stack"))
        yield Workspace.from_config(str(studio.data / "config.json"))
    studio.end()


@pytest.fixture
def config(tmp_path):
    environment = Environment("present-python")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable

    def make(version=1, code=SCORE):
        (tmp_path / "score.py").write_text(f"VERSION = {version}\n{code}")
        return InferenceConfig("score.py", source_directory=str(tmp_path), environment=environment)

    return make


def call(uri, key="", body=b'{"data": [1, 2]}'):
    parts = urlsplit(uri)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    connection.request("POST", parts.path, body, {"Authorization": f"Bearer {key}"} if key else {})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


@contextlib.contextmanager
def called_meanwhile(uri, key):
    """The answers to two clients that call again and again until the block ends."""
    answers, ended = [], threading.Event()

    def call_again_and_again():
        while not ended.is_set():
            answers.append(call(uri, key))

    threads = [threading.Thread(target=call_again_and_again) for _ in range(2)]
    for thread in threads:
        thread.start()
    yield answers
    ended.set()
    for thread in threads:
        thread.join()


def test_a_model_is_served_updated_without_a_failed_request_and_deleted(ws, config, tmp_path, capsys):
    (tmp_path / "factor.txt").write_text("3")
    model = Model.register(ws, str(tmp_path / "factor.txt"), "factor")
    settings = AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1, auth_enabled=True, tags={"area": "tests"})
    began = time.monotonic()
    with pytest.warns(UserWarning, match="cpu_cores, memory_gb: nothing is reserved here"):
        service = Model.deploy(ws, "tripler", [model], config(), settings)
    service.wait_for_deployment(show_output=True)
    cold = time.monotonic() - began
    assert 'ACI service creation operation finished, operation "Succeeded"' in capsys.readouterr().out
    assert (service.state, service.models) == ("Healthy", ["factor:1"])
    assert service.run(json.dumps({"data": [1, 2]})) == {"version": 1, "result": [3, 6]}
    assert "the factor is 3.0" in service.get_logs()

    uri, key = service.scoring_uri, service.get_keys()[0]
    assert call(uri)[0] == 401 and call(uri, "wrong")[0] == 401
    assert call(uri.replace("tripler", "nothing"), key)[0] == 404
    assert call(uri, key, b"no json")[0] == 500
    assert json.loads(call(service.swagger_uri.replace("/swagger.json", "/nothing"), key)[1])["message"]

    broken = config(2, "def init():\n    raise ValueError('no weights')\ndef run(data): return 1\n")
    began = time.monotonic()
    service.update(models=[model], inference_config=broken)
    with pytest.raises(WebserviceException, match="no weights"):
        service.wait_for_deployment()
    failed = time.monotonic() - began
    assert json.loads(call(uri, key)[1])["version"] == 1

    with called_meanwhile(uri, key) as answers:
        service.update(models=[model], inference_config=config(3))
        service.wait_for_deployment()
        until = time.monotonic() + 20
        while json.loads(call(uri, key)[1])["version"] != 3 and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(0.2)
    assert {status for status, _ in answers} == {200}
    assert {json.loads(content)["version"] for _, content in answers} == {1, 3}

    service.regen_key("Primary")
    while call(uri, key)[0] != 401:
        assert time.monotonic() < until + 20
        time.sleep(0.1)
    assert service.run(b'{"data": [1]}')["result"] == [3]
    with capsys.disabled():
        print(f"\ncold {cold:.2f} s, failed init {failed:.2f} s, {len(answers)} answers during the update")
    service.delete()
    with pytest.raises(WebserviceException, match="not found"):
        Webservice(ws, "tripler")
