"""The tab of a version's files shows those of the model, wherever they are, and no others."""

import io
import zipfile

import pytest

from registry.models import WorkspaceFile
from runs.files import archives, artifacts
from studio import storage
from tests import factories


@pytest.fixture
def version(workspace):
    run = factories.make_run(workspace)
    for path in ["outputs/model/MLmodel", "outputs/model/data/weights_10.bin", "outputs/models.txt"]:
        artifacts.store_artifact(run, path, iter([b"flavors: {}\n"]))
    return factories.make_model_version(workspace, "digits", run=run, source=f"runs:/{run.run_id}/outputs/model")


def tab(version, tail="artifacts/"):
    return version.get_absolute_url() + tail


@pytest.mark.parametrize("source", ["runs:/x/outputs/model", "mlflow-artifacts:/e/x/artifacts/outputs/model"])
def test_the_files_of_the_model_are_shown_and_no_others(as_user, bob, version, source):
    type(version).objects.update(source=source)
    page = as_user(bob).get(tab(version)).content.decode()
    assert "weights_10.bin" in page and "models.txt" not in page and '<span class="nt">flavors</span>' in page
    page = as_user(bob).get(tab(version), {"path": "data/weights_10.bin"}).content.decode()
    assert 'aria-label="data/weights_10.bin"' in page
    assert as_user(bob).get(tab(version), {"path": "outputs/models.txt"}).status_code == 400


def test_files_are_downloaded_one_by_one_and_as_an_archive(as_user, bob, mallory, version):
    answer = as_user(bob).get(tab(version, "file/"), {"path": "MLmodel", "download": ""})
    assert b"".join(answer) == b"flavors: {}\n" and "attachment" in answer["Content-Disposition"]
    part = as_user(bob).get(tab(version, "file/"), {"path": "MLmodel"}, headers={"Range": "bytes=0-6"})
    assert (part.status_code, b"".join(part)) == (206, b"flavors")
    packed = zipfile.ZipFile(io.BytesIO(b"".join(as_user(bob).get(tab(version, "zip/")))))
    assert packed.namelist() == ["MLmodel", "data/weights_10.bin"]
    for address in (tab(version), tab(version, "zip/"), tab(version, "file/") + "?path=MLmodel"):
        assert as_user(mallory).get(address).status_code == 404


@pytest.mark.parametrize("limit", [zipfile.ZIP64_LIMIT, 1000])
def test_the_length_of_an_archive_is_known_before_it_is_written(as_user, bob, version, monkeypatch, limit):
    answer = as_user(bob).get(tab(version, "zip/"))
    assert len(answer.getvalue()) == int(answer["Content-Length"])
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    monkeypatch.setattr(archives, "LARGE", limit // 2)
    files = [("a", 3), ("ä/b", 0), ("c", 700), ("d" * 50, 1500), ("e", 5)]
    content = archives.stream_zip(((path, size, iter([bytes(size)])) for path, size in files), zipfile.ZIP_STORED)
    assert sum(map(len, content)) == archives.measure_zip(files)


def test_a_model_of_one_uploaded_file_has_its_name(as_user, bob, workspace):
    storage.put_bytes("k", b"abc")
    WorkspaceFile.objects.create(workspace=workspace, path="LocalUpload/1/model.pkl", size=3, key="k")
    version = factories.make_model_version(workspace, source="mlflow-artifacts:/LocalUpload/1/model.pkl")
    assert "pickle.load" in as_user(bob).get(tab(version)).content.decode()
    assert b"".join(as_user(bob).get(tab(version, "file/"), {"path": "model.pkl"})) == b"abc"


def test_what_is_elsewhere_is_said(as_user, bob, workspace):
    version = factories.make_model_version(workspace)
    assert "The files are not stored here" in as_user(bob).get(tab(version)).content.decode()
    assert as_user(bob).get(tab(version, "zip/")).status_code == 400
