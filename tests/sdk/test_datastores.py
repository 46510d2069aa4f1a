"""SDK v1's datastores: default ones, registering, uploading and downloading, and what is refused."""

import warnings

import pytest
from azureml.core import Dataset, Datastore
from azureml.data.azure_storage_datastore import AzureBlobDatastore, AzureFileDatastore
from azureml.data.data_reference import DataReference
from azureml.exceptions import UserErrorException
from lazuli import file_batches
from lazuli.data import datastores, transfer
from lazuli.errors import NotFound, ServiceException

from tests.azure_file_service import ACCOUNT, KEY, SHARE, run_service


@pytest.fixture(autouse=True)
def quietly(monkeypatch, settings, tmp_path):
    # In this process alone: another thread would have another connection to the test's database.
    monkeypatch.setattr(transfer, "THREADS", 1)
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    warnings.simplefilter("ignore", DeprecationWarning)


@pytest.fixture
def csv_files(tmp_path):
    folder = tmp_path / "source"
    (folder / "more").mkdir(parents=True)
    (folder / "a.csv").write_text("x,y\n1,2\n")
    (folder / "more" / "b #1%2F.csv").write_text("x,y\n3,4\n")
    return folder


def test_every_workspace_has_four_datastores_and_a_default(ws):
    assert list(ws.datastores) == sorted(
        ["workspaceblobstore", "workspacefilestore", "workspaceworkingdirectory", "workspaceartifactstore"]
    )
    default = ws.get_default_datastore()
    assert default.name == "workspaceblobstore" and isinstance(default, AzureBlobDatastore)
    assert isinstance(Datastore.get(ws, "WorkspaceFileStore"), AzureFileDatastore)
    assert isinstance(Datastore(ws), AzureBlobDatastore) and Datastore(ws, "workspacefilestore").name[9] == "f"
    ws.set_default_datastore("workspacefilestore")
    assert ws.get_default_datastore().name == "workspacefilestore"
    with pytest.raises(UserErrorException, match="Could not find datastore 'other'"):
        Datastore.get(ws, "other")
    with pytest.raises(UserErrorException, match="cannot be removed"):
        default.unregister()


def test_files_are_uploaded_skipped_replaced_and_downloaded(ws, csv_files, tmp_path, capsys):
    store = ws.get_default_datastore()
    reference = store.upload(str(csv_files), target_path="data/in/", show_progress=True)
    assert isinstance(reference, DataReference) and str(reference).startswith("$AZUREML_DATAREFERENCE_")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Uploading an estimated of 2 files" and lines[-1] == "Uploaded 2 files"
    assert f"Uploaded {csv_files}/a.csv, 1 files out of an estimated total of 2" in lines
    (csv_files / "a.csv").write_text("changed")
    store.upload_files([str(csv_files / "a.csv")], target_path="data/in")
    assert "Target already exists. Skipping upload for data/in/a.csv" in capsys.readouterr().out
    target = tmp_path / "target"
    assert store.download(str(target), prefix="data", show_progress=False) == 2
    assert (target / "data/in/a.csv").read_text() == "x,y\n1,2\n"
    assert (target / "data/in/more/b #1%2F.csv").read_text() == "x,y\n3,4\n"
    store.upload_files([str(csv_files / "a.csv")], target_path="data/in", overwrite=True, show_progress=False)
    assert store.download(str(target), prefix="data/in/a", overwrite=True, show_progress=False) == 1
    assert (target / "data/in/a.csv").read_text() == "changed"


def test_small_files_share_requests_and_large_ones_do_not(ws, tmp_path, monkeypatch):
    monkeypatch.setattr(file_batches, "SMALL", 100)
    monkeypatch.setattr(file_batches, "MAX_FILES", 3)
    folder, sent = tmp_path / "many", []
    folder.mkdir()
    for number in range(7):
        (folder / f"{number}.bin").write_bytes(bytes([number]) * (500 if number == 4 else number))
    request = type(ws._client).request
    monkeypatch.setattr(type(ws._client), "request", lambda *a, **k: sent.append(a[1]) or request(*a, **k))
    store = ws.get_default_datastore()
    del sent[:]
    store.upload(str(folder), "in", show_progress=False)
    assert sent == ["PUT"] * 3
    del sent[:]
    assert store.download(str(tmp_path / "t"), "in", show_progress=False) == 7 and sent == [
        "GET",
        "POST",
        "GET",
        "POST",
    ]
    for file in folder.iterdir():
        assert (tmp_path / "t" / "in" / file.name).read_bytes() == file.read_bytes()
    remote, files = ws._remote, list(datastores.list_files(ws._remote, store.name, "in"))
    gone = [files[0], files[1]._replace(path="in/gone"), files[2]]
    pairs = [(file, str(tmp_path / "u" / file.path)) for file in gone]
    with pytest.raises(NotFound, match="has no file 'in/gone'"):
        transfer.download_files(remote, pairs)
    with pytest.warns(UserWarning, match="in/gone is left out"):
        found = transfer.download_files(remote, pairs, overwrite=True, ignore_not_found=True)
    assert found == [pairs[0][1], pairs[2][1]]


def test_an_older_studio_gets_a_request_for_each_file(ws, csv_files, tmp_path, monkeypatch):
    request = type(ws._client).request

    def refuse_batches(client, method, path, **words):
        if (method == "PUT" and path.endswith("/files")) or path.endswith("/files/download"):
            raise ServiceException("There is no such route.", status_code=405 if method == "PUT" else 404)
        return request(client, method, path, **words)

    monkeypatch.setattr(type(ws._client), "request", refuse_batches)
    store = ws.get_default_datastore()
    for _ in range(2):
        store.upload(str(csv_files), "in", show_progress=False)
    assert store.download(str(tmp_path / "t"), "in", show_progress=False) == 2
    assert (tmp_path / "t" / "in" / "a.csv").read_text() == "x,y\n1,2\n"


def test_a_folder_below_an_allowed_root_is_a_datastore(ws, csv_files, tmp_path, settings):
    with pytest.raises(UserErrorException, match="No folder of the server is allowed"):
        Datastore.register_folder(ws, "local", str(csv_files))
    settings.DATASTORE_ROOTS = [str(tmp_path / "source")]
    (csv_files / "out").symlink_to("/etc")
    with pytest.raises(UserErrorException, match="not below a folder"):
        Datastore.register_folder(ws, "local", str(csv_files / "out"))
    store = Datastore.register_folder(ws, "local", str(csv_files))
    assert store.download(str(tmp_path / "t"), show_progress=False) == 2
    with pytest.raises(UserErrorException, match="overwrite=True"):
        Datastore.register_folder(ws, "LOCAL", str(csv_files))
    store.unregister()
    assert "local" not in ws.datastores and (csv_files / "a.csv").exists()


def test_credentials_are_tried_kept_and_not_shown(ws, monkeypatch, settings):
    from assets.data import stores
    from assets.models import Datastore as Row

    settings.DATASTORE_HOSTS = ["127.0.0.1:9"]
    given = {"container_name": "cont", "account_name": "account", "account_key": "aGlkZGVu"}
    with pytest.raises(Exception, match="does not answer"):
        monkeypatch.setattr(ws._client, "_attempts", 1)
        Datastore.register_azure_blob_container(ws, "away", endpoint="http://127.0.0.1:9/account", **given)
    assert "away" not in ws.datastores
    store = Datastore.register_azure_blob_container(
        ws, "blob", endpoint="http://127.0.0.1:9/account", skip_validation=True, **given
    )
    assert store.credential_type == "AccountKey" and store.account_key is None
    row = Row.objects.get(name="blob")
    assert row.read_secrets() == {"account_key": "aGlkZGVu"} and "aGlkZGVu" not in str(row.settings)
    assert isinstance(stores.DatastoreFiles(row)._store, stores.AzureStore)
    assert ws.get_default_keyvault().list_secrets() == []
    with pytest.raises(UserErrorException, match="There is no secret"):
        ws.get_default_keyvault().get_secret(row.secret.name)
    with pytest.raises(UserErrorException, match="not both"):
        Datastore.register_azure_blob_container(ws, "b", sas_token="s", **given)
    with pytest.raises(UserErrorException, match="private network"):
        Datastore.register_s3(ws, "s3", "bucket", endpoint="http://10.0.0.1", skip_validation=True)


def test_a_file_share_of_azure_is_a_datastore(ws, csv_files, tmp_path, settings):
    with run_service(tmp_path / "service") as service:
        settings.DATASTORE_HOSTS = [f"127.0.0.1:{service.server_port}"]
        given = {"file_share_name": SHARE, "account_name": ACCOUNT, "endpoint": service.endpoint}
        with pytest.raises(UserErrorException, match="rejects the stored credentials"):
            Datastore.register_azure_file_share(ws, "team", account_key="AAAA", **given)
        with pytest.raises(UserErrorException, match="not both"):
            Datastore.register_azure_file_share(ws, "team", account_key=KEY, sas_token="s", **given)
        store = Datastore.register_azure_file_share(ws, "team", account_key=KEY, **given)
        assert isinstance(store, AzureFileDatastore) and (store.container_name, store.account_key) == (SHARE, None)
        store.upload(str(csv_files), "in", show_progress=False)
        assert store.download(str(tmp_path / "t"), "in/more", show_progress=False) == 1
        table = Dataset.Tabular.from_delimited_files((store, "in/*.csv"))
        assert table.to_pandas_dataframe()["y"].tolist() == [2]
        found = Dataset.File.from_files((store, "in")).register(ws, "files of a share")
        assert sorted(found.to_path()) == ["/a.csv", "/more/b #1%2F.csv"]
