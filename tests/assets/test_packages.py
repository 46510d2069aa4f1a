"""The package index: valid wheels, pins of old versions, and forwarding of other names."""

import base64
import hashlib
import io
import zipfile

import pytest
from packaging.version import Version

from assets import packages

JSON = "application/vnd.pypi.simple.v1+json"


def get_wheel(client, filename):
    response = client.get(f"/pypi/files/{filename}")
    assert response.status_code == 200
    return zipfile.ZipFile(io.BytesIO(response.content))


@pytest.mark.parametrize(
    "pin",
    [
        "azureml_core-1.62.0",
        "azureml_core-1.0.85",
        "azureml_core-1.20.0.post1",
        "azureml_defaults-1.34.0",
        "azureml_dataset_runtime-1.54.0",
        "azureml_dataprep-4.12.1",
        "azureml_dataprep_native-38.0.0",
        "azureml_inference_server_http-0.8.4",
        "azureml_something_nobody_knows-1.2.0",
        "azureml_core-1.1.5.7",
        "azureml_core-1.1.1.2rc0",
        "azureml_core-1.0rc85",
        "azureml_core-1.0.85.6",
        "azureml_core-0.1.80",
        "azureml_sdk-1.34.0rc1",
        "azureml_mlflow-1.62.0.post6",
        "azureml_inference_server_http-0.8.4.2",
        "azureml_dataprep-1.1.38",
        "azureml_dataprep_native-43.0.0",
        "azureml_designer_classic_modules-0.0.118",
        "azureml_evaluate_mlflow-0.0.14.post1",
        "azureml_featurestore-0.1.0b3",
        "azureml_model_management_sdk-1.0.1b6.post1",
        "azureml_monitoring-0.1.0a21",
        "azureml_rag-0.2.37.1",
    ],
)
def test_old_pins_are_there(client, pin):
    name = packages.normalize_name(pin.split("-")[0])
    assert f">{pin}-py3-none-any.whl<" in client.get(f"/pypi/simple/{name}/").content.decode()
    assert client.get(f"/pypi/files/{pin}-py3-none-any.whl").status_code == 200


def test_the_newest_of_the_series_is_1_62_0():
    assert packages.list_versions("azureml-core")[-1] == "1.62.0"


@pytest.mark.parametrize(
    "name", ["azureml-core", "azureml-mlflow", "azureml-dataprep", "azureml-dataprep-native", "azureml-rag"]
)
def test_versions_stand_once_and_in_their_order(name):
    versions = [Version(text) for text in packages.list_versions(name)]
    assert versions == sorted(set(versions))


@pytest.mark.parametrize(
    ("version", "need"),
    [
        ("1.0.85", "mlflow>=1,<2"),
        ("1.20.0.post1", "mlflow>=1,<2"),
        ("1.34.0", "mlflow-skinny<2"),
        ("1.47.0", "mlflow-skinny<2"),
        ("1.52.0", "mlflow-skinny<3"),
        ("1.59.0", "mlflow-skinny<=2.15.1"),
        ("1.62.0", "mlflow-skinny<=3.9.0"),
        ("0.1.80", "mlflow>=1,<2"),
    ],
)
def test_a_version_of_azureml_mlflow_brings_the_mlflow_of_its_time(version, need):
    metadata = packages.build_metadata(f"azureml_mlflow-{version}-py3-none-any.whl")
    assert [line for line in metadata.splitlines() if "mlflow" in line and "Dist" in line] == [f"Requires-Dist: {need}"]


def test_a_distribution_brings_those_that_people_look_for_beside_it():
    metadata = packages.build_metadata("azureml_sdk-1.34.0-py3-none-any.whl")
    for name in ("azureml-core", "azureml-dataset-runtime", "azureml-pipeline"):
        assert f"Requires-Dist: {name}\n" in metadata
    assert "Requires-Dist: azureml-core" not in packages.build_metadata("azureml_core-1.34.0-py3-none-any.whl")
    assert "interpret-community ; python_version < '3.12'" in packages.build_metadata(
        "azureml_interpret-1.62.0-py3-none-any.whl"
    )


def test_the_oldest_python_is_said_on_the_page_in_json_and_in_the_wheel(client):
    page = client.get("/pypi/simple/azureml-core/").content.decode()
    listed = client.get("/pypi/simple/azureml-core/", headers={"accept": JSON}).json()
    assert page.count('data-requires-python="&gt;=3.8"') == len(listed["files"])
    assert {file["requires-python"] for file in listed["files"]} == {">=3.8"}
    for filename in (packages.list_files("lazuli-sdk")[0], "azureml_core-1.34.0-py3-none-any.whl"):
        assert "Requires-Python: >=3.8\n" in packages.build_metadata(filename)


def test_a_record_names_each_file_and_its_hash(client):
    wheel = get_wheel(client, packages.list_files("lazuli-sdk")[0])
    info = next(name for name in wheel.namelist() if name.endswith("/RECORD"))
    rows = [line.rsplit(",", 2) for line in wheel.read(info).decode().splitlines()]
    assert {row[0] for row in rows} == set(wheel.namelist())
    for path, digest, size in rows:
        data = wheel.read(path)
        if path != info:
            wanted = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={wanted}", str(len(data)))


def test_the_sdk_wheel_holds_the_sdk_and_its_command(client):
    wheel = get_wheel(client, packages.list_files("lazuli-sdk")[0])
    assert "azureml/core/run.py" in wheel.namelist() and "lazuli/client.py" in wheel.namelist()
    scripts = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "lazuli = lazuli.cli:main" in wheel.read(scripts).decode()


def test_a_wheel_is_the_same_bytes_each_time():
    filename = "azureml_core-1.34.0-py3-none-any.whl"
    first = packages.build_wheel(filename)
    packages.build_wheel.cache_clear()
    assert packages.build_wheel(filename) == first


def test_metadata_alone_is_the_metadata_of_the_wheel(client):
    filename = "azureml_sdk-1.34.0-py3-none-any.whl"
    alone = client.get(f"/pypi/files/{filename}.metadata").content
    assert get_wheel(client, filename).read("azureml_sdk-1.34.0.dist-info/METADATA") == alone
    assert b"Requires-Dist: lazuli-sdk\n" in alone
    assert b'Requires-Dist: lazuli-sdk[notebooks] ; extra == "notebooks"' in alone


def test_json_and_html_list_the_same_files(client):
    listed = client.get("/pypi/simple/azureml-sdk/", headers={"accept": JSON})
    assert listed.headers["Content-Type"] == JSON
    page = client.get("/pypi/simple/azureml-sdk/").content.decode()
    assert all(f'href="{file["url"]}"' in page for file in listed.json()["files"])


def test_other_names_are_passed_on(client, monkeypatch):
    monkeypatch.setenv("INDEX_URL", "https://user:secret@mirror.example/simple/")
    response = client.get("/pypi/simple/Scikit_Learn/")
    assert (response.status_code, response["Location"]) == (302, "https://mirror.example/simple/scikit-learn/")


def test_our_own_address_is_not_passed_on_to(monkeypatch, settings):
    monkeypatch.setattr(packages, "_pip_config", lambda: [])
    for name in ("INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_INDEX_URL", f"{settings.PUBLIC_URL}/pypi/simple/")
    assert packages.upstream_index() == packages.PYPI


def test_one_spelling_of_a_name(client):
    response = client.get("/pypi/simple/AzureML_Core/")
    assert response["Location"] == "/pypi/simple/azureml-core/"


@pytest.mark.parametrize(
    "filename", ["azureml_core-99.0-py3-none-any.whl", "requests-2.0-py3-none-any.whl", "x", "..%2f"]
)
def test_a_file_that_is_not_offered_is_not_found(client, filename):
    assert client.get(f"/pypi/files/{filename}").status_code == 404


def test_an_unchanged_file_is_not_sent_again(client):
    address = "/pypi/files/azureml_core-1.34.0-py3-none-any.whl"
    tag = client.get(address).headers["ETag"]
    assert client.get(address, headers={"if-none-match": tag}).status_code == 304


def test_nothing_is_stored_by_post(client):
    assert client.post("/pypi/simple/azureml-core/").status_code == 405


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("lazuli-az", "az = lazuli.cli:az_main"),
        ("azureml-inference-server-http", "azmlinfsrv = lazuli.scoring.__main__:main"),
    ],
)
def test_the_wheel_of_a_command_has_nothing_else(client, name, command):
    wheel = get_wheel(client, packages.list_files(name)[-1])
    scripts = next(path for path in wheel.namelist() if path.endswith("entry_points.txt"))
    assert wheel.read(scripts).decode() == f"[console_scripts]\n{command}\n"
    assert all(".dist-info/" in name for name in wheel.namelist())


@pytest.fixture
def wheels(settings, tmp_path):
    settings.WHEELS_DIR = tmp_path / "wheels"
    settings.WHEELS_DIR.mkdir()
    for name in (
        "Our_Models-1.0-py3-none-any.whl",
        "our-models-0.9.tar.gz",
        "azureml_core-9.0-py3-none-any.whl",
        "notes.txt",
    ):
        (settings.WHEELS_DIR / name).write_text(name)
    return settings.WHEELS_DIR


def test_a_folder_of_packages_is_offered(client, wheels, monkeypatch):
    page = client.get("/pypi/simple/our.models/").content.decode()
    assert "Our_Models-1.0-py3-none-any.whl" in page and "our-models-0.9.tar.gz" in page and "metadata=" not in page
    listed = client.get("/pypi/simple/our-models/", headers={"accept": JSON}).json()
    assert [file["filename"] for file in listed["files"]] == [
        "Our_Models-1.0-py3-none-any.whl",
        "our-models-0.9.tar.gz",
    ]
    file = client.get(listed["files"][1]["url"])
    assert b"".join(file.streaming_content) == b"our-models-0.9.tar.gz"
    head = client.head(listed["files"][1]["url"])
    assert (head.headers["Content-Length"], b"".join(head.streaming_content)) == ("21", b"")
    assert "our-models" in client.get("/pypi/simple/").content.decode()
    # Our own names are never taken from there.
    assert "azureml_core-9.0" not in client.get("/pypi/simple/azureml-core/").content.decode()
    for name in ("azureml_core-9.0-py3-none-any.whl", "notes.txt", "..%2f..%2fvault.keys", "other-1.0.tar.gz"):
        assert client.get(f"/pypi/wheels/{name}").status_code == 404
    assert client.get("/pypi/simple/numpy/").status_code == 302
    monkeypatch.setenv("INDEX_URL", "none")
    assert client.get("/pypi/simple/numpy/").status_code == 404


def test_without_a_folder_of_packages_nothing_is_offered_from_it(client, settings, tmp_path):
    settings.WHEELS_DIR = tmp_path / "nowhere"
    assert client.get("/pypi/simple/our-models/").status_code == 302
