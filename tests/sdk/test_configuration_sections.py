"""Settings that are kept as they were given, and what an offline run and a script without inputs answer."""

from __future__ import annotations

import subprocess

import pytest
from azureml.core import _run_config_sections as sections
from azureml.core import compute_target, databricks
from azureml.core._offline_run import _OfflineRun
from azureml.core._run_inputs import InputDatasets, OutputDatasets
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.environment import DockerImageDetails, Environment
from azureml.exceptions import ComputeTargetException, RunConfigurationException, UserErrorException
from lazuli.errors import NotAvailable

KEPT = [
    (sections.ApplicationEndpointConfiguration("jupyter", 80, {"a": "b"}), {"type": "jupyter", "port": 80, "properties": {"a": "b"}}),
    (sections.Dataset("1", "d", "2"), {"datasetId": "1", "datasetName": "d", "datasetVersion": "2"}),
    (sections.DataReferenceConfiguration("store", "Download", "p"), {
        "dataStoreName": "store", "mode": "download", "pathOnDataStore": "p", "pathOnCompute": None, "overwrite": False,
    }),
    (sections.DatacacheConfiguration("1", "store", "2", "mount", "p", 3, True), {
        "datasetId": "1", "datacacheStore": "store", "datacacheId": "2", "mode": "mount", "pathOnCompute": "p", "replica": 3,
        "failureFallback": True,
    }),
    (databricks.MavenLibrary("a:b:1"), {"coordinates": "a:b:1", "repo": None, "exclusions": []}),
    (databricks.PyPiLibrary("numpy"), {"package": "numpy", "repo": None}),
    (databricks.RCranLibrary("dplyr", "r"), {"package": "dplyr", "repo": "r"}),
    (databricks.EggLibrary("a.egg"), {"library": "a.egg"}),
    (databricks.JarLibrary("a.jar"), {"library": "a.jar"}),
    (sections.KubernetesComputeConfiguration(), {"instanceType": None}),
    (sections.HdiConfiguration(), {"yarnDeployMode": "cluster"}),
    (sections.ParallelTaskConfiguration(), {"maxRetriesPerWorker": 0, "workerCountPerNode": 1, "terminalExitCodes": None}),
    (sections.TensorflowConfiguration(2), {"workerCount": 2, "parameterServerCount": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("section", "written"), KEPT, ids=lambda value: type(value).__name__)
def test_a_section_is_written_with_its_keys_and_read_again(section, written):
    assert section._to_dict() == written
    again = type(section)()._set_values({key[:1].upper() + key[1:]: value for key, value in written.items()})
    assert again._to_dict() == written


def test_sections_within_sections_are_written_whole():
    location = sections.DataLocation(sections.Dataset("1"), sections.DataPath("store", "p"), sections.Uri("u", True))
    data = sections.Data(location, mechanism="Mount", options={"a": "b"})
    written = data._to_dict()
    assert (written["mechanism"], written["dataLocation"]["uri"]) == ("mount", {"path": "u", "isFile": True})
    options = sections.OutputOptions(
        "p",
        sections.RegistrationOptions("n", "d", {"a": "b"}, sections.DatasetRegistrationOptions()),
        sections.UploadOptions(True, sections.GlobsOptions(["*.csv"])),
        sections.MountOptions(True),
    )
    written = sections.OutputData(location, additional_options=options)._to_dict()["additionalOptions"]
    assert written["uploadOptions"] == {"overwrite": True, "sourceGlobs": {"patterns": ["*.csv"]}}
    assert written["registrationOptions"]["datasetRegistrationOptions"] == {"additionalTransformation": None}
    assert written["mountOptions"] == {"disableMetadataCache": True}


def test_a_wrong_way_to_deliver_data_is_refused_with_what_is_allowed():
    with pytest.raises(RunConfigurationException, match=r"mechanism='fax' is not allowed\. Allowed: direct, mount"):
        sections.Data(mechanism="fax")


@pytest.mark.parametrize(
    "act",
    [
        lambda: sections.Data.create(None),
        lambda: sections.DatacacheConfiguration.create(None),
        lambda: Environment.add_private_pip_wheel(None, "a.whl"),
        lambda: Environment.label(None, "e", "1", []),
        lambda: compute_target.prepare_compute_target(None, ".", None),
        lambda: compute_target.is_compute_target_prepared(None, ".", None),
        lambda: compute_target.attach_legacy_compute_target(None, ".", None),
        lambda: compute_target.remove_legacy_compute_target(None, ".", "t"),
    ],
)
def test_what_this_studio_does_not_have_says_so(act):
    with pytest.raises(NotAvailable):
        act()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "Give either existing_cluster_id"),
        ({"spark_version": "3", "node_type": "n"}, "A new cluster needs spark_version"),
        ({"existing_cluster_id": "1", "spark_version": "3"}, "Give either existing_cluster_id"),
    ],
)
def test_a_databricks_cluster_is_an_old_one_or_a_whole_new_one(settings, says):
    environment = databricks.DatabricksEnvironment()
    with pytest.raises(UserErrorException, match=says):
        environment.cluster = databricks.DatabricksCluster(**settings)
    assert environment.cluster is None
    for good in ({"existing_cluster_id": "1"}, {"spark_version": "3", "node_type": "n", "num_workers": 1}):
        environment.cluster = databricks.DatabricksCluster(**good)
        assert environment.cluster._to_dict()["sparkVersion"] == good.get("spark_version")
    with pytest.raises(TypeError, match="no setting nodes, size"):
        databricks.DatabricksCluster(size=1, nodes=2)


def test_an_old_description_of_a_compute_target_is_read():
    read = compute_target.AbstractComputeTarget.deserialize_from_dict
    assert (read("x", {"type": "local"}).name, read("x", {"type": "local"}).type) == ("local", "local")
    assert (read("c", {"type": "amlcompute"}).name, read("c", {"type": "amlcompute"}).type) == ("c", "amlcompute")
    with pytest.raises(ComputeTargetException, match="'x' has no type"):
        read("x", {})


def test_inputs_and_outputs_are_the_paths_in_the_variables(monkeypatch):
    monkeypatch.setenv("AZURE_ML_INPUT_train", "/in")
    monkeypatch.setenv("AZURE_ML_OUTPUT_model", "/out")
    assert (InputDatasets(None)["train"], OutputDatasets(None)["model"]) == ("/in", "/out")
    with pytest.raises(KeyError, match="no input named 'other'"):
        InputDatasets(None)["other"]
    with pytest.raises(KeyError, match="no output named 'other'"):
        OutputDatasets(None)["other"]


def test_channels_options_and_packages_are_added_and_taken_away(tmp_path):
    packages = CondaDependencies.create(pip_indexurl="https://one.example/simple")
    packages.set_pip_index_url("https://two.example/simple")
    assert list(packages.pip_options) == ["--index-url https://two.example/simple"]
    packages.set_pip_requirements(["a==1", "b"])
    assert (list(packages.pip_packages), len(list(packages.pip_options))) == (["a==1", "b"], 1)
    packages.add_channel("conda-forge")
    packages.remove_channel("conda-forge")
    assert "conda-forge" not in list(packages.conda_channels)
    packages.add_tensorflow_conda_package("gpu", "2.4")
    packages.add_cntk_package()
    assert "tensorflow-gpu=2.4" in list(packages.conda_packages) and "cntk" in repr(packages)
    assert packages.save_to_file(str(tmp_path), "sub/conda.yml") == "sub/conda.yml"
    assert CondaDependencies(packages.save(str(tmp_path))).as_dict() == packages.as_dict()
    with pytest.raises(UserErrorException, match="core_type='tpu' is not known"):
        packages.add_cntk_package("tpu")
    with pytest.raises(UserErrorException, match="not both"):
        CondaDependencies("a.yml", {"dependencies": []})


def test_an_environment_of_conda_is_exported(monkeypatch):
    exported = "name: old\nprefix: /opt/old\ndependencies:\n  - python=3.10\n  - pip:\n    - pandas\n"
    results = [
        subprocess.CompletedProcess([], 0, exported, ""),
        subprocess.CompletedProcess([], 1, "", "no such one\n"),
    ]
    monkeypatch.setattr("shutil.which", lambda name: "/opt/conda" if name == "conda" else None)
    monkeypatch.setattr("subprocess.run", lambda command, **options: results.pop(0))
    found = Environment.from_existing_conda_environment("new", "old")
    assert list(found.python.conda_dependencies.pip_packages) == ["pandas"]
    assert "prefix" not in found.python.conda_dependencies.as_dict()
    with pytest.raises(UserErrorException, match="could not export 'gone': no such one"):
        Environment.from_existing_conda_environment("new", "gone")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UserErrorException, match="conda is not on the PATH"):
        Environment.from_existing_conda_environment("new", "old")


def test_details_of_an_image_have_names():
    environment = Environment("e")
    environment.docker.base_image = "ubuntu:22.04"
    details = environment.get_image_details(None)
    assert (details.repository, details.image_exist, details.dockerfile) == ("ubuntu:22.04", False, None)
    assert details.interpreter_path == environment.python.interpreter_path and details.registry
    empty = DockerImageDetails(pythonEnvironmentPath="/p")
    assert (empty.image, empty.repository, empty.environment_path) == (None, None, "/p")


def test_an_offline_run_says_what_it_does_not_send(capsys):
    with _OfflineRun("OfflineRun_1") as run:
        run.log_table("t", {"a": [1]})
        run.log_image("i", path="a.png")
        run.log_confusion_matrix("c", {"a": 1})
        run.log_residuals("r", {})
        run.log_predictions("p", {})
        run.log_accuracy_table("a", {})
        run.tag("k", "v")
        run.upload_files(["a", "b"], ["a", "b"])
        run.upload_folder("name", "folder")
        run.fail("why", "code")
    assert run.child_run("fold").id == "OfflineRun_1.fold"
    said = capsys.readouterr().out
    for words in ("tag k: v", "upload a, b", "folder folder as name", "Run failed: why, code: code", "Starting run"):
        assert words in said
    assert (run.complete(), run.cancel(), run.set_tags({}), run.add_properties({})) == (None,) * 4
