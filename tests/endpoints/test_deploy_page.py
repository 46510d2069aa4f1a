"""A model that is deployed from its page with an entry script, written there or uploaded as a zip."""

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from compute.models import Work
from endpoints import entry_scripts
from endpoints.models import Endpoint
from runs.files import artifacts, snapshots
from runs.models import Snapshot
from tests import factories
from tests.html import html_of

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
    counts = {"min_replicas": "1", "max_replicas": "1", "concurrency": "1"}
    data = {"name": "svc", "environment_id": "AzureML-Tutorial:1", "authentication": "key", **counts, **fields}
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
    assert "digits/digits.pkl" in page and "AzureML-" in page and "MLflow models need no entry script" not in page
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


def test_the_form_sets_authentication_insights_and_what_a_replica_reserves(version, as_user, alice):
    client = as_user(alice)
    given = {"authentication": "token", "has_insights": "on", "concurrency": "4", "cores": "1", "memory_gb": "0.5"}
    deploy(client, script=SCRIPT, min_replicas="0", max_replicas="3", **given)
    endpoint = Endpoint.objects.get()
    revision, work = endpoint.newest, Work.objects.get()
    assert (endpoint.auth_enabled, endpoint.token_auth_enabled, endpoint.has_insights) == (False, True, True)
    assert (revision.min_replicas, revision.max_replicas, revision.settings["concurrency"]) == (0, 3, 4)
    assert (work.cores, work.memory_gb) == (1, 0.5)
    page = html_of(client.get(endpoint.get_absolute_url()))
    assert "<dt>Each replica reserves</dt><dd>1 core" in page and "0.5 GB" in page
    deploy(client, name="open", script=SCRIPT, authentication="none")
    endpoint = Endpoint.objects.get(name="open")
    assert (endpoint.auth_enabled, endpoint.token_auth_enabled, endpoint.has_insights) == (False, False, False)
    assert (Work.objects.latest("queued_at").cores, endpoint.newest.settings.get("cores")) == (0, None)
    for number in ("1", "2"):
        deploy(
            client,
            name="many",
            script=SCRIPT,
            version_name=f"version-{number}",
            has_insights="on" if number == "2" else "",
        )
    assert set(Endpoint.objects.filter(name__startswith="many").values_list("has_insights", flat=True)) == {True}


def test_an_endpoint_is_updated_from_its_page_and_keeps_its_keys(version, as_user, alice, bob):
    client, other = as_user(alice), SCRIPT.replace("1", "2")
    deploy(client, script=SCRIPT, cores="1", max_replicas="2")
    endpoint = Endpoint.objects.get()
    address = f"{ADDRESS}?endpoint=svc"
    assert address in html_of(client.get(endpoint.get_absolute_url()))
    assert address not in html_of(as_user(bob).get(endpoint.get_absolute_url()))
    initial = client.get(address).context["form"].initial
    shown = {name: initial[name] for name in ("overwrite", "script", "environment_id", "cores", "max_replicas")}
    assert shown == {
        "overwrite": True,
        "script": SCRIPT.replace("\r\n", "\n"),
        "environment_id": "AzureML-Tutorial:1",
        "cores": 1,
        "max_replicas": 2,
    }
    assert "There is a service svc" in deploy(client, script=other)
    page = deploy(client, script=other, overwrite="on", authentication="none", has_insights="on")
    assert "Revision 2 was created, and takes over when it is ready" in page
    updated = Endpoint.objects.get()
    assert (updated.keys, updated.auth_enabled, updated.has_insights) == (endpoint.keys, True, True)
    assert entry_scripts.read_only_script(updated.newest) == other.replace("\r\n", "\n")
    deploy(client, overwrite="on", archive=zipped(score="", more=""))
    assert "comes with other files" in html_of(client.get(address))
    deploy(client, name="many", script=SCRIPT, version_name="blue")
    assert "many has versions" in deploy(client, name="many", script=SCRIPT, overwrite="on")


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
        ({"script": SCRIPT, "cores": "999"}, "are more than a node of"),
        ({"script": SCRIPT, "memory_gb": "0"}, "write gigabytes from 0.1 to 10,000"),
        ({"script": SCRIPT, "authentication": "password"}, "it may be key or token or none"),
        ({"script": SCRIPT, "min_replicas": "3"}, "minReplicas=3 is more than maxReplicas=1"),
    ]:
        assert words in deploy(as_user(alice), **fields), words
    assert not Endpoint.objects.exists()
