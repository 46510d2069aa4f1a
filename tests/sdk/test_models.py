"""SDK v1's models: registered from files and from a run, found, changed, downloaded and deleted; MLflow's client reads the same."""

import os

import pytest
from azureml.core import Dataset, Experiment, Model, Run, Workspace
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.core.webservice import AciWebservice, AksWebservice
from azureml.exceptions import (
    ModelNotFoundException,
    ModelPathNotFoundException,
    ServiceException,
    UserErrorException,
    WebserviceException,
)
from lazuli import errors
from lazuli.cli import main

from registry.models import ModelVersion, WorkspaceFile


class InThisThread:
    """In place of the pool: another thread would not see the rows of a test, which are in a transaction."""

    def __init__(self, *_, **__):
        self.map = map

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Nothing is left to wait for."""


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setattr("lazuli.models.ThreadPoolExecutor", InThisThread)


@pytest.fixture
def model_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AML_APP_ROOT", raising=False)
    (tmp_path / "model.pkl").write_bytes(b"weights")
    return "model.pkl"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "saved"
    (path / "data").mkdir(parents=True)
    (path / "MLmodel").write_text("flavors: {}\n")
    (path / "data" / "a b.bin").write_bytes(b"1234")
    return path


@pytest.fixture
def run(ws):
    run = Experiment(ws, "training").start_logging(snapshot_directory=None)
    run.upload_file("outputs/model.pkl", b"from the run")
    return run


def test_a_file_is_registered_and_counted_up(ws, model_file, capsys):
    first = Model.register(ws, model_file, "digits", tags={"area": "x"}, properties={"AUC": 0.5}, description="d")
    assert capsys.readouterr().out == "Registering model digits\n"
    assert (first.id, first.version, first.tags, first.properties) == ("digits:1", 1, {"area": "x"}, {"AUC": "0.5"})
    assert first.description == "d" and first.run_id is None and first.run is None
    assert first.created_time.tzinfo and first.created_by["userName"] == "sdk-owner"
    second = Model.register(ws, model_file, "digits", model_framework=Model.Framework.SCIKITLEARN)
    assert (second.version, second.model_framework) == (2, "ScikitLearn")
    assert repr(second).startswith("Model(workspace=Workspace.create(name='aml-workspace'")
    assert repr(second).endswith("name=digits, id=digits:2, version=2, tags={}, properties={})")


def test_a_folder_keeps_its_files_and_a_part_of_it_can_be_chosen(ws, folder, tmp_path):
    whole = Model.register(ws, str(folder), "whole")
    assert ModelVersion.objects.get().model_type == "mlflow_model"
    path = whole.download(str(tmp_path / "down"))
    assert path == str(tmp_path / "down" / "saved")
    assert (tmp_path / "down" / "saved" / "data" / "a b.bin").read_bytes() == b"1234"
    part = Model.register(ws, str(folder), "part", child_paths=["data"])
    assert os.listdir(part.download(str(tmp_path / "part"))) == ["data"]
    with pytest.raises(WebserviceException, match=r"child path .* cannot be found"):
        Model.register(ws, str(folder), "part", child_paths=["none"])


def test_small_files_share_requests_if_the_studio_has_them(ws, folder, tmp_path, monkeypatch):
    sent, request, is_older = [], type(ws._client).request, False

    def note(client, method, path, **words):
        if is_older and path.endswith(("/files", "/files/download")) and method != "GET":
            raise ServiceException("There is no such route.", status_code=404)
        sent.append(f"{method} {path.rpartition('/')[2]}")
        return request(client, method, path, **words)

    monkeypatch.setattr(type(ws._client), "request", note)
    model = Model.register(ws, str(folder), "m")
    model.download(str(tmp_path / "new"))
    assert sent == ["PUT files", "PUT auto", "GET files", "POST download"]
    is_older = True
    del sent[:]
    Model.register(ws, str(folder), "m").download(str(tmp_path / "old"))
    assert sent == ["PUT MLmodel", "PUT a%20b.bin", "PUT auto", "GET files", "GET content", "GET content"]
    for name in ("new", "old"):
        assert (tmp_path / name / "saved" / "data" / "a b.bin").read_bytes() == b"1234"


def test_a_run_registers_what_it_has_uploaded(ws, run, tmp_path):
    model = run.register_model("digits", "outputs/model.pkl", tags={"a": "b"}, properties={"AUC": 0.9})
    assert (model.run_id, model.experiment_name) == (run.id, "training") and isinstance(model.run, Run)
    assert model.properties == {"AUC": "0.9"}
    with open(model.download(str(tmp_path)), "rb") as file:
        assert file.read() == b"from the run"
    with pytest.raises(ModelPathNotFoundException, match=r"no file or folder 'digits'. It has: outputs/model.pkl"):
        run.register_model("digits")
    run.complete()
    assert run.register_model("digits", "./outputs").version == 2


def test_models_are_found_by_name_version_tags_and_run(ws, run, model_file):
    for number, tags in enumerate([{"area": "x"}, {"area": "y", "b": ""}]):
        Model.register(ws, model_file, f"m{number}", tags=tags)
    from_run = run.register_model("m0", "outputs/model.pkl", properties={"p": "1"}, model_framework="Onnx")
    ids = lambda models: [model.id for model in models]  # noqa: E731
    assert ids(Model.list(ws)) == ["m0:2", "m1:1", "m0:1"]
    assert ids(Model.list(ws, latest=True)) == ["m0:2", "m1:1"] == ids(ws.models.values())
    assert ids(Model.list(ws, tags=["b", ["area", "y"]])) == ["m1:1"] and Model.list(ws, tags=[["area", "z"]]) == []
    assert ids(Model.list(ws, "m0", run_id=run.id)) == ids(Model.list(ws, properties=[["p", "1"]])) == ["m0:2"]
    assert ids(Model.list(ws, page_count=1, model_framework="Onnx")) == [from_run.id]
    assert Model(ws, "m0").version == 2 and Model(ws, id="m0:1").tags == {"area": "x"}
    assert Model(ws, "m0", tags=["area"]).version == 1 and Model(ws, "m0", version=1).version == 1
    for words in ({"name": "none"}, {"id": "m0:9"}, {"name": "m0", "tags": ["none"]}):
        with pytest.raises(WebserviceException, match="ModelNotFound"):
            Model(ws, **words)
    with pytest.raises(WebserviceException, match="one of id or name"):
        Model(ws)


def test_tags_change_and_properties_do_not(ws, model_file):
    model = Model.register(ws, model_file, "m", tags={"a": "1"}, properties={"p": "1"})
    model.add_tags({"b": 2})
    model.remove_tags(["a"])
    model.add_properties({"q": "2"})
    assert Model(ws, "m").tags == {"b": "2"} == model.tags and model.properties == {"p": "1", "q": "2"}
    with pytest.raises(UserErrorException, match="Properties of a model never change: p"):
        model.add_properties({"p": "2"})
    model.update(tags={"c": "3"}, description="new", resource_configuration=ResourceConfiguration(1, 0.5))
    again = Model.deserialize(ws, Model(ws, "m").serialize())
    assert (again.tags, again.description, again.resource_configuration.memory_in_gb) == ({"c": "3"}, "new", 0.5)
    model.delete()
    with pytest.raises(WebserviceException, match="ModelNotFound"):
        model.delete()
    assert Model.register(ws, model_file, "m").version == 2


def test_datasets_are_named_with_the_model(ws, model_file):
    model = Model.register(ws, model_file, "m", datasets=[("training data", "id-1")], sample_input_dataset="id-2")
    model.add_dataset_references([("test data", "id-3")])
    assert [one["id"] for one in model.serialize()["datasets"]] == ["id-1", "id-3"]
    assert [found.id for found in Model.list(ws, dataset_id="id-3")] == ["m:1"] and not Model.list(ws, dataset_id="id")
    with pytest.raises(UserErrorException, match="list of pairs"):
        Model.register(ws, model_file, "m", datasets=["x"])
    assert Dataset is not None


def test_the_path_of_a_model_is_in_the_service_the_cache_or_a_download(ws, model_file, tmp_path, monkeypatch):
    Model.register(ws, model_file, "digits")
    assert Model.get_model_path("model.pkl") == str(tmp_path / "model.pkl")
    with pytest.raises(ModelNotFoundException, match="not found in the local cache or in the root folder"):
        Model.get_model_path("digits")
    path = Model.get_model_path("digits", _workspace=ws)
    assert path == str(tmp_path / "azureml-models" / "digits" / "1" / "model.pkl")
    assert Model.get_model_path("digits") == Model.get_model_path("digits", 1) == path
    monkeypatch.setattr("lazuli.models.download", lambda *_, **__: pytest.fail("it is here already"))
    assert Model.get_model_path("digits", 1, ws) == path
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path / "azureml-models" / "digits" / "1"))
    monkeypatch.chdir("/")
    assert Model.get_model_path("digits") == path


def test_a_script_registers_and_loads_with_its_own_token(ws, run, model_file, monkeypatch, tmp_path):
    token = run._remote.create_token()["token"]
    monkeypatch.setenv("LAZULI_TOKEN", token)
    ours = Workspace(ws.subscription_id, ws.resource_group, ws.name)
    mine = Model.register(ours, model_file, "from-script", tags={"a": "b"})
    assert mine.run_id == run.id and mine.experiment_name == "training"
    mine.add_tags({"c": "d"})
    with open(Model(ours, "from-script").download(str(tmp_path / "x")), "rb") as file:
        assert file.read() == b"weights"
    with pytest.raises(errors.Forbidden):
        mine.delete()


def test_the_command_line_registers_shows_changes_and_deletes(ws, run, model_file, capsys, tmp_path):
    where = ["-w", ws.name, "-g", ws.resource_group]
    assert main(["model", "register", "-n", "digits", "-p", model_file, "--tag", "area=x", *where]) == 0
    from_run = ["--run-id", run.id, "--asset-path", "outputs/model.pkl"]
    assert main(["model", "create", "-n", "digits", *from_run, *where]) == 0
    capsys.readouterr()
    assert main(["model", "update", "-i", "digits:2", "--alias", "champion", "--add-tag", "a=b", *where]) == 0
    assert main(["model", "list", "-n", "digits", "-o", "json", *where]) == 0
    assert '"aliases": [\n      "champion"\n    ]' in capsys.readouterr().out
    assert main(["model", "download", "-n", "digits", "-v", "1", "-t", str(tmp_path / "t"), *where]) == 0
    assert (tmp_path / "t" / "model.pkl").read_bytes() == b"weights"
    assert main(["model", "delete", "-n", "digits", "-v", "2", "--yes", *where]) == 0
    assert main(["model", "show", "-i", "digits:2", *where]) == 3
    with pytest.raises(SystemExit):
        main(["model", "show", *where])


def test_a_download_does_not_overwrite_unless_it_is_said(ws, model_file, tmp_path):
    model = Model.register(ws, model_file, "m")
    model.download(str(tmp_path / "d"))
    with pytest.raises(WebserviceException, match="exist_ok=True"):
        model.download(str(tmp_path / "d"))
    assert model.download(str(tmp_path / "d"), exist_ok=True) == model.download(str(tmp_path / "d"), exists_ok=True)


def test_what_is_wrong_is_said_before_anything_is_registered(ws, model_file):
    with pytest.raises(WebserviceException, match="provided model path 'none' cannot be found"):
        Model.register(ws, "none", "m")
    with pytest.raises(UserErrorException, match="'a b' is not a model name"):
        Model.register(ws, model_file, "a b")
    assert not ModelVersion.objects.exists() and not WorkspaceFile.objects.exists()
    with pytest.raises(errors.NotAvailable, match=r"Model\.package needs the"):
        Model.package(ws, "s", [])
    with pytest.raises(WebserviceException, match="exactly one MLflow model; this one has 0"):
        Model.deploy(ws, "svc", [])


def test_an_mlflow_model_is_deployed_and_updated_without_an_inference_config(ws, folder, cluster):
    (folder / "MLmodel").write_text("flavors: {python_function: {loader_module: mlflow.sklearn}}")
    (folder / "conda.yaml").write_text("dependencies: [python=3.11, {pip: [mlflow]}]")
    model = Model.register(ws, str(folder), "digits")
    service = Model.deploy(ws, "svc", [model], deployment_config=AciWebservice.deploy_configuration())
    assert (service.models, service.environment, service.state) == (["digits:1"], "digits-1", "Transitioning")
    service.update(models=[Model.register(ws, str(folder), "digits")])
    assert (service.models, service.environment) == (["digits:2"], "digits-2")
    aks = Model.deploy(ws, "two", [model], deployment_config=AksWebservice.deploy_configuration())
    aks.update(models=["digits:2"])
    assert (aks.models, aks.serialize()["autoScaler"]) == (["digits:2"], {"minReplicas": 1, "maxReplicas": 10})
    with pytest.raises(WebserviceException, match="exactly one MLflow model; this one has 2"):
        service.update(models=["digits:1", "digits:2"])
