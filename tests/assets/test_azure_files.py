"""Azure file shares as datastores, with a file service that checks the signature of each request."""

import os
import sys

import pytest
from django.http import Http404

from accounts.actors import Actor
from assets.data import azure_files, file_batches, share_files
from assets.models import Datastore as Row
from studio.errors import Conflict, Invalid, NotReady, TooLarge
from tests.azure_file_service import ACCOUNT, KEY, SHARE, run_service


@pytest.fixture
def service(tmp_path, settings):
    with run_service(tmp_path / "service") as service:
        settings.DATASTORE_HOSTS = [f"127.0.0.1:{service.server_port}"]
        yield service


@pytest.fixture
def register(service, workspace, alice):
    """Registers the share with other settings or credentials; returns its files."""

    def register(name="team", secrets=None, credentials="AccountKey", **settings):
        settings = {"account_name": ACCOUNT, "container": SHARE, "endpoint": service.endpoint, **settings}
        secrets = secrets or {"account_key": KEY}
        fields = {"kind": "AzureFile", "settings": settings, "credentials": credentials, "secrets": secrets}
        return share_files.open_files(Row.register(Actor(alice), workspace, name, fields, overwrite=True))

    return register


def test_files_are_stored_listed_read_and_deleted(service, register):
    files = register()
    stored = files.write("in/2024/a b#%é.csv", [b"x,y\n", b"1,2\n"])
    assert (stored.size, files.read(stored.path, 2, 3)) == (8, b"y\n1")
    assert files.write("in/empty", []).size == 0 and files.read("in/empty", 0, 9) == b""
    for name in ("in/2024/b.csv", "in/c.csv", "root.csv", "in.csv", "in/a."):
        files.write(name, [name.encode()])
    assert [file.path for file in files.list_folder()] == ["in", "in.csv", "root.csv"]
    assert [file.path for file in files.list_folder("in")] == ["in/2024", "in/a.", "in/c.csv", "in/empty"]
    assert [file.path for file in files.walk("in/")] == [
        "in/2024/a b#%é.csv",
        "in/2024/b.csv",
        "in/a.",
        "in/c.csv",
        "in/empty",
    ]
    assert len(files.walk("in")) == 6 and files.walk("absent/") == files.list_folder("absent") == []
    # A list and a request for one file know it by the same etag, and it changes with the file.
    listed = next(file for file in files.walk("in/2024/a") if file.path == stored.path)
    assert listed == files.find(stored.path) == stored
    with pytest.raises(Conflict, match="exists already") as refused:
        files.write(stored.path, [b"z"])
    assert refused.value.code == "FileExists"
    assert files.write(stored.path, [b"z"], overwrite=True).etag != stored.etag
    files.delete(stored.path)
    for path in (stored.path, "in", "in/2024", "absent/x"):
        assert not files.exists(path)
    with pytest.raises(Http404):
        files.delete(stored.path)
    assert b"".join(files.stream(files.find("root.csv"), 0, 8)) == b"root.csv"


def test_a_large_file_arrives_in_ranges_and_appears_when_it_is_complete(service, register, monkeypatch):
    monkeypatch.setattr(azure_files, "PART", 1000)
    monkeypatch.setattr(azure_files, "STEP", 5000)
    monkeypatch.setattr("studio.storage.WHOLE", 2500)
    files, data = register(), os.urandom(20_700)
    chunks = [data[start : start + 700] for start in range(0, len(data), 700)]
    assert files.write("big.bin", chunks).size == len(data) and files.read("big.bin", 0, 99_999) == data
    ranges = sum(comp == "range" for _, _, comp in service.seen)
    assert 20 < ranges < 26 and 3 < sum(comp == "properties" for _, _, comp in service.seen) < 8

    def break_off():
        yield from chunks[:9]
        assert files.list_folder("half") == [] and any((service.root / SHARE / "half").iterdir())
        raise ConnectionError("the client is gone")

    with pytest.raises(ConnectionError):
        files.write("half/big.bin", break_off())
    assert not any((service.root / SHARE / "half").iterdir())


def test_paths_that_cannot_be_are_refused(service, register, monkeypatch):
    files = register()
    files.write("in/a.csv", [b"x"])
    for path, said in {"in/a:b": "cannot have :", "in/a?.csv": r"cannot have \?", "../x": "x", "x#12": "#"}.items():
        with pytest.raises(Invalid, match=said):
            files.write(path, [b"x"])
    for path in ("in", "in/a.csv/b"):
        with pytest.raises(Conflict, match="is a folder"):
            files.write(path, [b"x"], overwrite=True)
    assert file_batches.check_upload(files, ["in/a.csv", "in/b.csv"], False, False) == {"in/a.csv"}
    for number in range(3):
        files.write(f"many/{number}/x", [b"x"])
    with pytest.raises(TooLarge, match="more than 2 files"):
        files.walk("many/", limit=2)
    monkeypatch.setattr(azure_files, "MAX_FOLDERS", 2)
    with pytest.raises(TooLarge, match="more than 2 folders"):
        files.walk("many/")


def test_a_signature_works_for_all_of_it_and_a_folder_can_be_the_root(service, register):
    service.sas = "sig=a%2Fb%3D"
    secrets = {"sas_token": "?sv=2025&sig=a%2Fb%3D"}
    files = register(secrets=secrets, credentials="Sas", prefix="deep/er")
    files.write("in/a.csv", [b"x"])
    assert (service.root / SHARE / "deep/er/in/a.csv").read_bytes() == b"x"
    assert [file.path for file in files.walk()] == ["in/a.csv"] and files.list_folder()[0].path == "in"


def test_errors_name_the_reason(service, register, workspace, alice, monkeypatch, settings):
    other = register(secrets={"account_key": "AAAA"})
    for act in (other.list_folder, lambda: other.find("a"), lambda: other.write("a", [b"x"])):
        with pytest.raises(Conflict, match="rejects the stored credentials"):
            act()
    for act in (register(container="absent").list_folder, lambda: register(container="absent").find("a")):
        with pytest.raises(Conflict, match="has no file share absent"):
            act()
    monkeypatch.setitem(azure_files.OPTIONS, "retry_total", 0)
    settings.DATASTORE_HOSTS.append("127.0.0.1:9")
    with pytest.raises(NotReady, match="cannot be reached"):
        register(endpoint="http://127.0.0.1:9/account").list_folder()
    for wrong in ({"container": "A b"}, {"container": ""}, {"credentials": "None"}):
        with pytest.raises(Invalid) as refused:
            register(**wrong)
        assert refused.value.target in ("fileShareName", "credentials/credentialsType")
    files = register()
    monkeypatch.delitem(sys.modules, "assets.data.azure_files")
    monkeypatch.delattr("assets.data.azure_files")
    monkeypatch.setitem(sys.modules, "azure.storage.fileshare", None)
    with pytest.raises(Invalid, match=r"deploy/setup.py azure-files"):
        share_files.open_files(files.datastore)
