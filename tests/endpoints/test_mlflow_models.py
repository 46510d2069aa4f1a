"""MLflow models that are deployed without an entry script: what is refused, their environment, and the pages."""

import json

import pytest

from accounts.actors import Actor
from endpoints import deployment, mlflow_models
from endpoints.models import Endpoint
from registry import signature_edits
from registry.signatures import SignatureColumn
from runs.files import artifacts
from studio.errors import Invalid
from tests import factories

MLMODEL = b"""
flavors: {python_function: {loader_module: mlflow.pyfunc.model, env: {conda: conda.yaml}}}
signature: {inputs: '[{"type": "double", "name": "a"}, {"type": "string", "name": "b", "required": false}]'}
"""
CONDA = b"dependencies: [python=3.11, {pip: [mlflow-skinny==3.1, pandas]}]\n"


@pytest.fixture
def register(workspace, alice):
    def register(**files):
        run = factories.make_run(workspace)
        for name, content in ({"MLmodel": MLMODEL} | files).items():
            artifacts.store_artifact(
                run, f"m/{name.replace('_yaml', '.yaml').replace('_txt', '.txt')}", iter([content])
            )
        source = {"source": f"runs:/{run.run_id}/m", "source_run_id": run.run_id}
        return factories.make_model_version(
            workspace, "doubler", run=run, model_type="mlflow_model", created_by=alice, **source
        )

    return register


def deploy(client, version, **fields):
    counts = {"min_replicas": "1", "max_replicas": "2", "concurrency": "1"}
    data = {"name": "svc", "authentication": "key", **counts, **fields}
    return client.post(f"/ws/aml-workspace/deploy/{version.model.name}/{version.number}/", data, follow=True)


def test_the_form_and_the_example_of_an_endpoint_are_those_of_an_edited_signature(register, alice):
    version = register()
    signature_edits.edit_signature(Actor(alice), version, {"inputs": [{"type": "long", "name": "c", "required": True}]})
    assert [column.name for column in mlflow_models.list_inputs(version)] == ["c"]
    assert json.loads(mlflow_models.write_example(version))["dataframe_split"]["columns"] == ["c"]
    signature_edits.edit_example(Actor(alice), version, {"columns": ["c"], "data": [[7]]})
    assert json.loads(mlflow_models.write_example(version))["dataframe_split"]["data"] == [[7]]


def test_a_model_is_deployed_from_its_page_with_the_packages_of_its_conda_file(register, size, as_user, alice, bob):
    version, client = register(conda_yaml=CONDA), as_user(alice)
    address = f"/ws/aml-workspace/deploy/doubler/{version.number}/"
    assert address in client.get(version.get_absolute_url()).content.decode()
    assert address not in as_user(bob).get(version.get_absolute_url()).content.decode()
    assert "MLflow models need no entry script" in client.get(address).content.decode()
    page = deploy(client, version).content.decode()
    assert "The endpoint svc was created" in page and "none (MLflow model)" in page
    revision = Endpoint.objects.get(name="svc").newest
    assert (revision.entry_script, revision.code_key, revision.max_replicas) == ("", "", 2)
    packages = revision.environment["python"]["condaDependencies"]["dependencies"]
    assert packages == ["python=3.11", {"pip": ["mlflow-skinny==3.1", "pandas"]}]
    example = {"dataframe_split": {"columns": ["a", "b"], "data": [[0.0, "text"]]}}
    test_page = client.get("/ws/aml-workspace/endpoints/svc/test/").content.decode()
    assert "dataframe_split" in test_page and "<td>no</td>" in test_page.replace("\n", "")
    assert json.dumps(example) in client.get("/ws/aml-workspace/endpoints/svc/consume/").content.decode().replace(
        "&quot;", '"'
    )
    assert "There is a service svc" in deploy(client, version).content.decode()
    assert "There is no" in deploy(client, version, name="other", environment_id="none:1").content.decode()
    assert not Endpoint.objects.filter(name="other").exists()


def test_a_model_is_deployed_as_a_version_of_a_new_or_present_endpoint(register, size, as_user, alice):
    version, client = register(conda_yaml=CONDA), as_user(alice)
    for name, words in [("blue", "It gets all requests"), ("green", "until you give it traffic")]:
        page = deploy(client, version, version_name=name).content.decode()
        assert f"The version {name} of svc was created" in page and words in page
    assert Endpoint.objects.get(name="svc").shares == {"blue": 100, "green": 0}
    assert Endpoint.objects.get(name="svc.green").newest.model_versions.get() == version
    for fields, words in [
        ({"version_name": "green"}, "There is a service svc.green"),
        ({"version_name": "B"}, "write 3 to 32 lower-case letters"),
        ({"name": "new", "version_name": "blue", "environment_id": "none:1"}, "There is no"),
    ]:
        assert words in deploy(client, version, **fields).content.decode()
    deploy(client, version, name="plain")
    assert "plain has no versions" in deploy(client, version, name="plain", version_name="blue").content.decode()
    assert set(Endpoint.objects.values_list("name", flat=True)) == {"plain", "svc", "svc.blue", "svc.green"}


@pytest.mark.django_db(transaction=True)
def test_a_process_without_mlflow_fails_the_deployment_with_the_reason(register, size, alice, workspace, start):
    endpoint = Endpoint.create(workspace, alice, "svc")
    wanted = deployment.Deployment(models=[register(conda_yaml=CONDA)])
    revision = start(deployment.deploy_revision(Actor(alice), endpoint, wanted), "Failed")
    assert "Add mlflow, or mlflow-skinny, pandas and numpy" in revision.reason and "m/MLmodel" in revision.reason


def test_packages_come_from_requirements_if_there_is_no_conda_file_and_are_missed_without_both(register):
    version = register(requirements_txt=b"# made by mlflow\nmlflow==3.1\n\npandas\n")
    found = mlflow_models.make_environment(version)["python"]["condaDependencies"]
    assert found == {"dependencies": ["python", {"pip": ["mlflow==3.1", "pandas"]}]}
    with pytest.raises(Invalid, match=r"has neither conda\.yaml nor requirements\.txt"):
        mlflow_models.make_environment(register())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"flavors: {sklearn: {}}", "its flavors are sklearn"),
        (b"{}", "is not an MLflow model"),
        (b"a: [", "The file MLmodel cannot be read"),
    ],
)
def test_other_models_need_an_entry_script(register, content, words):
    version = register(MLmodel=content)
    with pytest.raises(Invalid, match=words):
        mlflow_models.check_models([version])


def test_an_example_is_the_models_own_or_made_from_its_signature(register):
    own = register(**{"serving_input_example.json": b'{"inputs": [1]}'})
    assert json.loads(mlflow_models.write_example(own)) == {"inputs": [1]}
    tensors = [SignatureColumn("", "float64 (-1, 2)", True, (-1, 2))]
    assert mlflow_models.make_example(tensors) == {"inputs": [[0, 0]]}
    assert mlflow_models.make_example([SignatureColumn("x", "", True, (5000, 5000))]) == {"inputs": [[0]]}
