"""Environments over the wire: versions, `auto`, `latest`, names, curated ones."""

import pytest
from lazuli.environments.requirements import requirements_from_conda

from assets import environments
from assets.models import Environment, EnvironmentVersion

CONDA = "name: e\ndependencies:\n- python=3.11\n- pip:\n  - numpy\n"


def put(api, w, name="env", version="auto", **properties):
    return api.put(f"{w}/environments/{name}/versions/{version}", {"properties": {"condaFile": CONDA, **properties}})


@pytest.fixture
def alice_client(api, alice):
    return api(alice)


def test_auto_numbers_versions_and_reuses_unchanged_ones(alice_client, w):
    first = put(alice_client, w)
    assert (first.status_code, first.json()["name"]) == (201, "1")
    again = put(alice_client, w)
    assert (again.status_code, again.json()["name"]) == (200, "1")
    assert put(alice_client, w, image="other").json()["name"] == "2"
    assert [row["name"] for row in alice_client.get(f"{w}/environments/env/versions").json()["value"]] == ["2", "1"]
    assert alice_client.get(f"{w}/environments/env/versions/latest").json()["name"] == "2"


def test_a_whole_definition_goes_in_and_out(alice_client, w):
    definition = {"name": "x", "version": "7", "python": {"userManagedDependencies": True}, "other": [1, None]}
    reply = put(alice_client, w, definition=definition).json()
    kept = reply["properties"]["definition"]
    assert (kept["name"], kept["version"], kept["other"]) == ("env", "1", [1, None])
    assert reply["id"] == f"{w}/environments/env/versions/1"


def test_a_conda_file_becomes_a_definition(alice_client, w):
    properties = put(alice_client, w, image="img", description="d", tags={"a": 1}).json()["properties"]
    conda = properties["definition"]["python"]["condaDependencies"]
    assert conda["dependencies"] == ["python=3.11", {"pip": ["numpy"]}]
    assert (properties["image"], properties["description"], properties["tags"]) == ("img", "d", {"a": "1"})
    assert "numpy" in properties["condaFile"]


def test_a_version_never_changes(alice_client, w):
    assert put(alice_client, w, version="1.0").status_code == 201
    assert put(alice_client, w, version="1.0").status_code == 200
    assert put(alice_client, w, version="1.0", image="x").status_code == 409


def test_auto_goes_on_after_a_version_with_a_number_of_its_own(alice_client, w):
    put(alice_client, w, version="5")
    assert put(alice_client, w, image="x").json()["name"] == "6"


@pytest.mark.parametrize("name", ["%20a", "a%20b", "AzureML-mine", "-a"])
def test_bad_names_are_refused(alice_client, w, name):
    assert put(alice_client, w, name=name).status_code == 400
    assert not Environment.objects.exists()


@pytest.mark.parametrize(
    "properties",
    [
        {"condaFile": "a: [unclosed"},
        {"condaFile": "!!python/object/apply:os.system ['true']"},
        {"condaFile": "- just\n- a list"},
        {"definition": {"python": "text"}},
        {"definition": {"big": "x" * 300_000}},
    ],
)
def test_bad_contents_are_refused_with_a_message(alice_client, w, properties):
    answer = put(alice_client, w, **properties)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
    assert not EnvironmentVersion.objects.exists()


@pytest.mark.parametrize("properties", [{"condaFile": 5}, {"definition": "text"}, {"description": 5}, {"tags": []}])
def test_values_of_the_wrong_kind_are_refused_by_name(alice_client, w, properties):
    error = put(alice_client, w, **properties).json()["error"]
    assert (error["code"], error["target"]) == ("ValidationError", f"properties/{next(iter(properties))}")
    assert not EnvironmentVersion.objects.exists()


@pytest.mark.parametrize("version", ["latest", "a%20b", "x" * 31])
def test_bad_versions_are_refused(alice_client, w, version):
    assert put(alice_client, w, version=version).status_code == 400


def test_a_missing_environment_error_lists_the_existing_ones(alice_client, w):
    put(alice_client, w)
    absent = alice_client.get(f"{w}/environments/env/versions/9")
    assert absent.status_code == 404 and "it has 1" in absent.json()["error"]["message"]
    unknown = alice_client.get(f"{w}/environments/nope/versions/latest")
    assert "env, AzureML-" in unknown.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("AzureML-TensorFlow-2.1-GPU", "AzureML-TensorFlow-2.2-GPU"),
        ("azureml-minimal", "AzureML-Minimal"),
        ("AzureML-Triton", "AzureML-onnxruntime-1.6-ubuntu18.04-py37-cpu-inference"),
        ("AzureML-responsibleai-0.19-ubuntu20.04-py38-cpu", "AzureML-responsibleai-0.20-ubuntu20.04-py38-cpu"),
        ("AzureML-sklearn-1.2-ubuntu20.04-py38-cpu", "AzureML-sklearn-1.1-ubuntu20.04-py38-cpu"),
        ("experiment_enw", "experiment_env"),
    ],
)
def test_an_unknown_name_names_the_nearest(alice_client, w, name, nearest):
    put(alice_client, w, name="experiment_env")
    unknown = alice_client.get(f"{w}/environments/{name}/versions/latest")
    assert unknown.status_code == 404
    assert nearest in unknown.json()["error"]["message"].split("The nearest: ")[1]


@pytest.mark.parametrize(
    "name",
    [
        "AzureML-Minimal",
        "AzureML-Tutorial",
        "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu",
        "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu",
        "AzureML-lightgbm-3.2-ubuntu18.04-py37-cpu",
        "AzureML-minimal-ubuntu20.04-py38-cpu-inference",
        "AzureML-xgboost-0.9-ubuntu18.04-py37-cpu-inference",
        "AzureML-pytorch-1.10-ubuntu18.04-py38-cuda11-gpu",
        "AzureML-ACPT-pytorch-1.12-py39-cuda11.6-gpu",
        "AzureML-acpt-pytorch-2.8-cuda12.6",
        "AzureML-TensorFlow-2.3-GPU",
        "AzureML-tensorflow-2.16-cuda12",
        "AzureML-AutoML",
        "AzureML-AutoML-DNN-Vision-GPU",
        "AzureML-responsibleai-0.20-ubuntu20.04-py38-cpu",
    ],
)
def test_names_that_notebooks_use_are_there(name):
    conda = environments.curated_environments()[name].definition["python"]["condaDependencies"]
    wanted = requirements_from_conda(conda)
    assert not wanted.warnings and {"azureml-defaults", "azureml-mlflow"} <= set(wanted.lines)


@pytest.mark.parametrize(("name", "why"), [("azureml-triton", "NVIDIA"), ("AzureML-PySpark-MmlSpark-0.15", "Spark")])
def test_a_name_that_cannot_be_served_says_why_and_names_one_that_is(alice_client, w, name, why):
    message = alice_client.get(f"{w}/environments/{name}/versions/latest").json()["error"]["message"]
    nearest = message.split("The nearest: ")[1].rstrip(".").split(", ")
    assert why in message and set(nearest) <= set(environments.curated_environments())


def test_curated_environments_are_listed_and_cannot_be_deleted(alice_client, w):
    put(alice_client, w)
    listed = alice_client.get(f"{w}/environments").json()["value"]
    assert [row["name"] for row in listed] == ["env", *environments.curated_environments()]
    name = next(iter(environments.curated_environments()))
    assert (
        alice_client.get(f"{w}/environments/{name}/versions/latest").json()["properties"]["environmentType"]
        == "Curated"
    )
    assert [row["name"] for row in alice_client.get(f"{w}/environments/{name}/versions").json()["value"]] == ["1"]
    assert alice_client.delete(f"{w}/environments/{name}").status_code == 403
    assert alice_client.delete(f"{w}/environments/{name}/versions/1").status_code == 403


def test_deleting_the_last_version_takes_the_environment(alice_client, w):
    put(alice_client, w)
    put(alice_client, w, image="x")
    assert alice_client.delete(f"{w}/environments/env/versions/1").status_code == 200
    assert alice_client.delete(f"{w}/environments/env/versions/latest").status_code == 200
    assert not Environment.objects.exists()
    assert alice_client.delete(f"{w}/environments/env").status_code == 404


def test_bob_reads_and_mallory_finds_nothing(api, alice_client, bob, mallory, w):
    put(alice_client, w)
    assert api(bob).get(f"{w}/environments/env/versions/1").status_code == 200
    assert put(api(bob), w).status_code == 403
    assert api(bob).delete(f"{w}/environments/env").status_code == 403
    for answer in (
        api(mallory).get(f"{w}/environments"),
        api(mallory).get(f"{w}/environments/env/versions/1"),
        put(api(mallory), w),
        api(mallory).delete(f"{w}/environments/env"),
    ):
        assert answer.status_code == 404
    assert api(None).get(f"{w}/environments").status_code == 401


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a:1", ("a", "1")),
        ("a@latest", ("a", "latest")),
        ("a", ("a", "latest")),
        ("azureml:a:2", ("a", "2")),
        ("/subscriptions/s/resourceGroups/g/x/environments/a/versions/3", ("a", "3")),
        ("azureml:/subscriptions/s/environments/a", ("a", "latest")),
    ],
)
def test_the_words_for_an_environment(text, parts):
    assert environments.parse_reference(text) == parts


def test_a_listing_costs_few_queries(alice_client, w, django_assert_max_num_queries):
    for number in range(8):
        put(alice_client, w, name=f"e{number}")
    with django_assert_max_num_queries(8):
        alice_client.get(f"{w}/environments")


def test_a_job_without_an_environment_finds_what_azures_default_has(workspace):
    from lazuli.environments import definitions

    assert environments.DEFAULT_PACKAGES == definitions.DEFAULT_PACKAGES
    found, version = environments.resolve_environment(workspace, None, None)
    assert version is None
    packages = found["python"]["condaDependencies"]["dependencies"][-1]["pip"]
    assert {"matplotlib", "pandas", "scikit-learn", "numpy", "joblib"} <= set(packages)
    assert found["name"] == definitions.DEFAULT_NAME


def test_a_folder_for_building_an_image_is_refused_and_not_left_out(w, api, alice):
    build = {"contextUri": "azureml://datastores/x/paths/y", "dockerfilePath": "Dockerfile"}
    refused = api(alice).put(f"{w}/environments/built/versions/1", {"properties": {"build": build}})
    assert (refused.status_code, refused.json()["error"]["target"]) == (400, "build")
    assert "from_dockerfile" in refused.json()["error"]["message"]


def test_an_environment_without_a_name_has_the_start_of_its_hash_as_version(w, api, alice):
    address = f"{w}/environments/CliV2AnonymousEnvironment/versions/{'0f' * 32}"
    body = {"properties": {"image": "base:1", "condaFile": "dependencies: [python=3.11]", "isAnonymous": True}}
    made = api(alice).put(address, body)
    assert (made.status_code, made.json()["name"]) == (201, "0f" * 15)
    assert api(alice).put(address, body).status_code == 200
    assert api(alice).get(address).json()["id"] == made.json()["id"]
    assert api(alice).put(address.replace("0f", "xy"), body).status_code == 400
