"""Data assets of v2 over REST: addresses, MLTable files, what azure-ai-ml's client relies on, and odd paths of files."""

import json

import pytest
from django.test import Client

from assets.data import datasets, stores
from assets.models import Datastore
from studio import storage
from studio.errors import Invalid
from tests import factories
from tests.test_openapi import WORKSPACE_PATH

TABLE = """
paths:
  - pattern: ./*.csv
transformations:
  - read_delimited: {delimiter: ",", header: all_files_same_headers, encoding: utf8}
  - convert_column_types: [{columns: age, column_type: string}]
  - filter: col("id") > -1 and not (col("age") == "x" or col("age") == None)
  - keep_columns: [age]
  - take: 1
"""


@pytest.fixture
def files(workspace, monkeypatch):
    from obstore.store import MemoryStore

    memory = MemoryStore()
    monkeypatch.setattr(storage, "open_store", lambda: memory)
    return stores.DatastoreFiles(Datastore.objects.of(workspace).get(name="workspaceblobstore"))


@pytest.fixture
def send(alice, files):
    client = Client(headers={"Authorization": f"Bearer {factories.make_token(alice)}"})

    def request(method, path, body=None):
        data = body if isinstance(body, bytes) else json.dumps(body or {})
        return client.generic(method, f"{WORKSPACE_PATH}/{path}", data, "application/json")

    return request


def put(send, version, kind, uri, **fields):
    return send("PUT", f"data/asset/versions/{version}", {"properties": {"dataType": kind, "dataUri": uri, **fields}})


def test_built_in_datastores_are_as_old_as_their_workspace(workspace, files):
    times = set(workspace.datastores.values_list("created_at", flat=True))
    assert times == {workspace.created_at}


def test_the_operations_of_the_client_find_what_they_need(send):
    store = send("GET", "datastores/workspaceblobstore").json()["properties"]
    assert store["datastoreType"] == "AzureBlob" and store["containerName"] and store["accountName"]
    assert send("GET", "datastores?isDefault=true").json()["value"][0]["name"] == "workspaceblobstore"
    assert send("POST", "datastores/workspaceblobstore/listSecrets").status_code == 403
    refusal = send("PUT", "datastores/other", {"properties": {"datastoreType": "AzureSqlDatabase"}})
    assert refusal.status_code == 400 and "SQL Server in a script" in refusal.text
    # It lists versions to find the next number; none is a 404.
    assert send("GET", "data/asset").status_code == 404
    uri = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/workspaceblobstore/paths/in/"
    made = put(send, "1", "uri_folder", uri, tags={"a": "b"}, isAnonymous=False).json()
    assert made["properties"]["dataUri"] == uri and made["properties"]["definition"]["paths"][0]["path"] == "in"
    assert put(send, "1", "uri_folder", uri, description="new").json()["properties"]["description"] == "new"
    assert put(send, "1", "uri_file", uri).status_code == 409
    for address in ("data", "data/asset/versions"):
        assert "write ActiveOnly or" in send("GET", f"{address}?listViewType=Some").text
    put(send, "2", "uri_file", "https://example.org/x.csv")
    newest = send("GET", "data/asset/versions?$orderBy=createdtime desc&$top=1").json()["value"][0]
    assert newest["name"] == "2" and send("GET", "data/asset").json()["properties"]["nextVersion"] == "3"
    put(send, "2", "uri_file", "https://example.org/x.csv", isArchived=True)
    assert [row["name"] for row in send("GET", "data/asset/versions").json()["value"]] == ["1"]
    for uri in (
        "../x",
        "wasbs://c@a/x",
        "azureml://datastores/none/paths/x",
        "azureml://datastores/workspaceblobstore/paths/../x",
    ):
        refusal = put(send, "3", "uri_file", uri)
        assert refusal.status_code == 400, uri
    assert send("DELETE", "data/asset").status_code == 200 and send("GET", "data").json()["value"] == []


def test_an_mltable_is_read_by_its_file(send, files):
    files.write("t/MLTable", iter([TABLE.encode()]))
    files.write("t/a.csv", iter([b"id,age\n1,21\n"]))
    uri = "azureml://datastores/workspaceblobstore/paths/t"
    definition = put(send, "1", "mltable", uri).json()["properties"]["definition"]
    assert definition["paths"] == [{"datastore": "workspaceblobstore", "path": "t/*.csv"}]
    assert definition["steps"][0]["column_types"] == {"id": {"type": "long"}, "age": {"type": "string"}}
    assert [step["type"] for step in definition["steps"][1:]] == ["filter", "keep_columns", "take"]
    assert definition["steps"][1]["expression"]["of"][0] == {"op": "gt", "of": [{"column": "id"}, {"value": -1}]}
    files.write(
        "t/MLTable", iter([b"paths: [{file: a.csv}]\ntransformations: [read_delimited, {filter: a.b}]"]), overwrite=True
    )
    assert "Attribute is not allowed (column 1)" in put(send, "2", "mltable", uri).json()["error"]["message"]
    files.write("t/MLTable", iter([b"paths: [{file: a.csv}]\ntransformations: [{read_excel: {}}]"]), overwrite=True)
    refusal = put(send, "2", "mltable", uri).json()["error"]["message"]
    assert "t/MLTable: The MLTable file cannot be read: the transformation 'read_excel'" in refusal
    assert "does not exist" in put(send, "2", "mltable", uri + "/none").json()["error"]["message"]


@pytest.mark.parametrize("path", ["a b.csv", "x%2Fy.csv", "a#b.csv", "ü/é.csv", "a?b"])
def test_odd_names_are_names(send, path):
    from urllib.parse import quote

    address = f"datastores/workspaceblobstore/files/content?path={quote(path, safe='')}"
    assert send("PUT", address, b"bytes").status_code == 201
    assert send("PUT", address, b"other").json()["error"]["code"] == "FileExists"
    assert send("GET", address).getvalue() == b"bytes"
    assert [row["path"] for row in send("GET", "datastores/workspaceblobstore/files").json()["value"]] == [path]


@pytest.mark.parametrize(
    "path", ["", "/a", "../a", "a/../b", "a//b", "a/./b", "a\\b", "a#1", "a%0Ab", "x" * 256, "a/" * 600]
)
def test_paths_that_lead_elsewhere_are_refused(send, path):
    from urllib.parse import quote

    written = path if "%0A" in path else quote(path, safe="")
    answer = send("PUT", f"datastores/workspaceblobstore/files/content?path={written}", b"bytes")
    assert answer.status_code == 400 and answer.json()["error"]["target"] == "path"


def test_an_address_of_azure_is_the_registered_container(workspace, alice):
    for name, kind, prefix in (("a", "AzureBlob", "in"), ("b", "AzureDataLakeGen2", ""), ("c", "S3", "")):
        given = {"account_name": "store", "container": "images", **({"prefix": prefix} if prefix else {})}
        Datastore.objects.create(workspace=workspace, name=name, kind=kind, settings=given)
    found = {
        "wasbs://images@store.blob.core.windows.net/in/x.csv": ("a", "x.csv"),
        "abfss://images@store.dfs.core.windows.net/inner/x y.csv": ("b", "inner/x y.csv"),
        "abfs://images@store.dfs.core.windows.net": ("b", ""),
    }
    for uri, (datastore, path) in found.items():
        definition = datasets.read_uri(workspace, "uri_file", uri)
        assert definition["paths"] == [{"datastore": datastore, "path": path}], uri
    for uri, words in (
        (
            "abfss://other@store.dfs.core.windows.net/x",
            "No datastore of .* is the container other of the account store",
        ),
        ("abfss://images.dfs.core.windows.net/x", "write azureml://"),
        ("adl://store.azuredatalakestore.net/x", "write azureml://"),
    ):
        with pytest.raises(Invalid, match=words):
            datasets.read_uri(workspace, "uri_file", uri)


def test_a_file_is_not_also_a_folder(send):
    address = "datastores/workspaceblobstore/files/content?path="
    send("PUT", f"{address}a/b", b"x")
    assert "is a folder" in send("PUT", f"{address}a&overwrite=true", b"x").json()["error"]["message"]
    assert send("GET", f"{address}a").status_code == 404


def test_a_registration_warns_of_values_that_will_be_missing(send, files):
    files.write("in/a.csv", iter([b"id,age\n1,21\n2,old\n3,new\n"]))
    reader = {"type": "read_delimited", "column_types": {"id": {"type": "long"}, "age": {"type": "long"}}}
    source = {"datastore": "workspaceblobstore", "path": "in/a.csv"}
    definition = {"kind": "tabular", "paths": [source], "steps": [reader]}

    def register(name, definition):
        answer = send("PUT", f"data/{name}/versions/auto", {"properties": {"definition": definition}})
        return answer.status_code, [one["message"] for one in answer.json()["properties"]["warnings"]]

    status, [text] = register("ages", definition)
    assert status == 201 and text.startswith(
        "2 values do not have the type of the column and will be missing, the first"
    )
    assert "in in/a.csv, line 3, column 'age': 'old'." in text
    assert register("ages", definition) == (200, [])
    assert send("GET", "data/ages/versions/1").json()["properties"]["warnings"] == []
    reader["column_types"]["age"] = {"type": "string"}
    assert register("texts", definition) == (201, [])
    source["path"] = "in/none.csv"
    assert "could not be checked" in register("none", definition)[1][0]
    assert register("untyped", {**definition, "steps": [{"type": "read_parquet"}]}) == (201, [])


def test_rows_are_separated_by_what_can_be_a_separator(api, alice, workspace):
    paths = [{"datastore": "workspaceblobstore", "path": "a.csv"}]
    definition = {"kind": "tabular", "paths": paths, "steps": [{"type": "read_delimited"}]}
    for separator in ("", "\n", '"', "abcde"):
        body = {"definition": definition, "separator": separator}
        answer = api(alice).post(f"{workspace.arm_id}/datasets/rows", body)
        assert answer.status_code == 400 and "write 1 to 4 characters" in answer.text, separator
