"""A model that is deployed from its page with an entry script, written there or uploaded as a zip."""

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from endpoints.models import Endpoint
from runs.files import artifacts, snapshots
from runs.models import Snapshot
from tests import factories

ADDRESS = "/ws/aml-workspace/deploy/digits/1/"
SCRIPT = "def init():\r\n    pass\r\ndef run(data):\r\n    return 1\r\n"


@pytest.fixture
def version(workspace, alice, size):
    run = factories.make_run(workspace)
    for name in ("about.txt", "digits.pkl"):
        artifacts.store_artifact(run, f"outputs/digits/{name}", iter([b"data"]))
    source = {"source": f"runs:/{run.run_id}/outputs/digits", "source_run_id": run.run_id}
    return factories.make_model_version(workspace, "digits", run=run, created_by=alice, **source)


def deploy(client, **fields):
    data = {"name": "svc", "environment_id": "AzureML-Tutorial:1", "min_replicas": "1", "max_replicas": "1", **fields}
    return client.post(ADDRESS, data, follow=True).content.decode()


def zipped(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"service/{name}.py", text)
    return SimpleUploadedFile("service.zip", packed.getvalue())


def test_the_page_begins_with_a_script_that_loads_the_model(version, as_user, alice, bob, mallory):
    client = as_user(alice)
    assert ADDRESS in client.get(version.get_absolute_url()).content.decode()
    assert ADDRESS in client.get(version.run.get_absolute_url()).content.decode()
    page = client.get(ADDRESS).content.decode()
    assert "digits/digits.pkl" in page and "AzureML-" in page and "No entry script" not in page
    assert ADDRESS not in as_user(bob).get(version.run.get_absolute_url()).content.decode()
    assert as_user(bob).get(ADDRESS).status_code == 403
    assert as_user(mallory).get(ADDRESS).status_code == 404


def test_a_written_script_is_deployed(version, as_user, alice):
    page = deploy(as_user(alice), script=SCRIPT)
    assert "The endpoint svc was created" in page
    revision = Endpoint.objects.get(name="svc").newest
    assert (revision.entry_script, revision.environment_name) == ("score.py", "AzureML-Tutorial")
    assert list(revision.model_versions.all()) == [version]
    assert snapshots.read_file(Snapshot.objects.get(), "score.py") == SCRIPT.replace("\r\n", "\n").encode()
    deploy(as_user(alice), name="again", script=SCRIPT)
    assert Snapshot.objects.count() == 1 and Endpoint.objects.count() == 2


def test_a_zip_is_deployed_instead_of_the_text(version, as_user, alice):
    deploy(as_user(alice), script=SCRIPT, entry_script="main.py", archive=zipped(main="import more", more=""))
    assert Endpoint.objects.get().newest.entry_script == "main.py"
    assert {file["path"] for file in Snapshot.objects.get().files} == {"main.py", "more.py"}


def test_what_cannot_be_deployed_says_why_and_leaves_no_endpoint(version, as_user, alice):
    for fields, words in [
        ({"script": " \n"}, "This model needs an entry script"),
        ({"script": SCRIPT, "environment_id": ""}, "This field is required"),
        ({"script": SCRIPT, "environment_id": "none:1"}, "There is no"),
        ({"script": SCRIPT, "entry_script": "../score.py"}, "../score.py"),
        ({"archive": zipped(main="")}, "The folder has no score.py; it has main.py"),
        ({"archive": SimpleUploadedFile("a.zip", b"text")}, "not a readable zip"),
    ]:
        assert words in deploy(as_user(alice), **fields), words
    assert not Endpoint.objects.exists()
