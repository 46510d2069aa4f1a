"""MLflow models without an entry script, served by a real process with the real mlflow."""

from __future__ import annotations

import array
import contextlib
import datetime
import http.client
import json
import os
import subprocess
import sys
import types

import pytest
from azureml.core import Model
from azureml.core.webservice import LocalWebservice
from azureml.exceptions import WebserviceException
from lazuli.scoring.mlflow_model import make_plain, recognize_format

from tests.mlflow_api.test_clients import interpreter

MLMODEL = """
flavors: {python_function: {loader_module: doubler, code: code, data: data}}
signature:
  inputs: '[{"type": "double", "name": "a"}, {"type": "long", "name": "b"}]'
  outputs: '[{"type": "double"}]'
"""
CODE = """
class Doubler:
    def predict(self, table):
        if (table["b"] < 0).any():
            raise ValueError("b is negative")
        return table["a"] * 2 + table["b"]
def _load_pyfunc(path):
    return Doubler()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model as MLflow saves one, below the folder of its version."""
    folder = tmp_path_factory.mktemp("version") / "doubler"
    (folder / "code").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "MLmodel").write_text(MLMODEL)
    (folder / "code" / "doubler.py").write_text(CODE)
    return folder.parent


@pytest.fixture(scope="module")
def send(folder):
    """Sends requests to the served model."""
    python = interpreter("mlflow-3")
    command = [python, "-m", "lazuli.scoring", "--mlflow", "--port", "0", "--model_dir", folder]
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        stack.callback(process.kill)
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.decode())
            if line.startswith(b'{"listening":'):
                break
        assert process.poll() is None, "".join(lines)
        port = json.loads(lines[-1])["listening"]

        def send(body, method="POST", path="/score"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request(method, path, body if isinstance(body, str) else json.dumps(body))
            answer = connection.getresponse()
            found = answer.status, json.loads(answer.read())
            connection.close()
            return found

        yield send


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["b", "a"], "data": [[1, 2.5]]}},
        {"dataframe_records": [{"a": 2.5, "b": 1}]},
        {"instances": [{"a": 2.5, "b": 1}]},
        {"inputs": {"a": [2.5], "b": [1]}},
        {"input_data": {"columns": ["a", "b"], "index": [0], "data": [[2.5, 1]]}},
        {"input_data": [[2.5, 1]]},
        {"data": [{"a": 2.5, "b": 1}]},
        {"data": {"a": [2.5], "b": [1]}},
    ],
)
def test_each_format_of_the_input_gets_the_same_predictions(send, body):
    assert send(body) == (200, {"predictions": [6.0]})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"dataframe_split": {"columns": ["a"], "data": [[1]]}}, "missing inputs ['b']"),
        ({"dataframe_records": [{"a": "x", "b": 1}]}, "Failed to convert column a"),
        ({"dataframe_records": 5}, "must be a list of records"),
        ({"input_data": [[1, 2, 3]]}, "2 columns passed"),
        ({"wrong": 1}, "Send exactly one of dataframe_split"),
        ({"data": [[1, 2]], "inputs": []}, "Send exactly one of dataframe_split"),
        ([1], "must be a JSON object"),
        ("no json", "The body is not JSON"),
    ],
)
def test_input_that_does_not_fit_is_refused_with_the_reason(send, body, words):
    status, answer = send(body)
    assert (status, words in answer["message"]) == (400, True), answer


def test_an_error_of_the_model_is_a_500_and_get_is_refused(send):
    assert send({"data": [[1, -1]]})[0] == 500
    assert send("{}", "GET")[0] == 405


def test_the_swagger_describes_the_signature(send):
    _, described = send("", "GET", "/swagger.json")
    post = described["paths"]["/score"]["post"]
    rows = post["parameters"][0]["schema"]["properties"]["dataframe_records"]["items"]
    assert rows["properties"] == {"a": {"type": "number"}, "b": {"type": "integer"}} and rows["required"] == ["a", "b"]
    assert post["responses"]["200"]["schema"]["required"] == ["predictions"]


def test_an_environment_without_mlflow_is_a_failed_start_that_says_what_to_add(folder, monkeypatch):
    model = types.SimpleNamespace(name="doubler", id="doubler:1", version=1)

    def download(target):
        os.makedirs(target)
        os.symlink(folder / "doubler", os.path.join(target, "doubler"))

    model.download = download
    service = Model.deploy(None, "local", [model], deployment_config=LocalWebservice.deploy_configuration())
    try:
        with pytest.raises(WebserviceException, match=r"Add mlflow, or mlflow-skinny, pandas and numpy, to the model"):
            service.wait_for_deployment()
    finally:
        service.delete()


def test_a_folder_without_a_model_is_a_failed_start(tmp_path):
    command = [sys.executable, "-m", "lazuli.scoring", "--mlflow", "--model_dir", tmp_path]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 3 and "There is no MLflow model in" in ended.stderr


def test_values_without_columns_need_a_signature_to_be_a_table():
    assert recognize_format([[1, 2]], []) == ("inputs", [[1, 2]])
    assert recognize_format({"data": [[1]]}, ["a"]) == ("dataframe_split", {"columns": ["a"], "data": [[1]]})


def test_predictions_of_pandas_and_numpy_are_plain_json():
    rows = [{"a": array.array("d", [1.5]), "at": datetime.date(2026, 1, 2), "raw": b"x"}]
    table = types.SimpleNamespace(columns=["a", "at", "raw"], to_dict=lambda orient: rows)
    assert make_plain(table) == [{"a": [1.5], "at": "2026-01-02", "raw": "eA=="}]
    assert make_plain({"s": table, 1: (2, None)}) == {"s": make_plain(table), "1": [2, None]}
