"""The signature and the input example of a version are edited: by page and REST, in copies of its files."""

import json

import pytest
import yaml

from accounts.activity import Activity
from accounts.actors import Actor
from registry import registration, signatures
from registry.models import ModelVersion, WorkspaceFile
from registry.version_files import files_of, read_bytes
from runs.files import artifacts
from tests import factories

MLMODEL = b"""
flavors: {python_function: {loader_module: mlflow.sklearn}}
model_uuid: 0a1b
saved_input_example_info: {artifact_path: old.json, type: json_object}
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}]'
  outputs: null
"""
COLUMN = {"type": "long", "name": "bmi", "required": True}
TABLE = {"columns": ["bmi"], "data": [[21]]}


@pytest.fixture
def version(workspace, alice):
    run = factories.make_run(workspace)
    for path, data in (("m/MLmodel", MLMODEL), ("m/old.json", b'{"a": 1}'), ("m/data/model.pkl", b"bytes")):
        artifacts.store_artifact(run, path, [data])
    return factories.make_model_version(workspace, "digits", run=run, source=f"runs:/{run.run_id}/m", created_by=alice)


def contents_of(version) -> dict[str, bytes]:
    return {path: read_bytes(row, row.size) for path, row in files_of(ModelVersion.objects.get(pk=version.pk))}


def describe(version) -> signatures.Description:
    return signatures.read_description(files_of(ModelVersion.objects.get(pk=version.pk)))


def edit(client, version, field, value, **more):
    return client.post(version.get_absolute_url() + "edit/", {"field": field, "value": value, **more})


def route_of(version) -> str:
    return f"/modelmanagement/v1.0{version.workspace.arm_id}/models/digits/versions/1/signature"


def test_an_edit_changes_copies_of_the_files_and_all_readers_see_it(as_user, alice, bob, workspace, version):
    client = as_user(alice)
    shown = json.dumps({"inputs": [COLUMN], "params": [{"name": "t", "type": "double", "default": 0.5}]})
    assert edit(client, version, "signature", shown).status_code == 302
    assert edit(client, version, "input_example", json.dumps(TABLE)).status_code == 302
    files = contents_of(version)
    assert sorted(files) == ["MLmodel", "data/model.pkl", "input_example.json", "serving_input_example.json"]
    content = yaml.safe_load(files["MLmodel"])
    assert json.loads(content["signature"]["inputs"]) == [COLUMN] and content["signature"]["outputs"] is None
    assert json.loads(content["signature"]["params"])[0]["shape"] is None and content["model_uuid"] == "0a1b"
    assert content["saved_input_example_info"]["pandas_orient"] == "split" and files["data/model.pkl"] == b"bytes"
    assert json.loads(files["serving_input_example.json"]) == {"dataframe_split": TABLE}
    copy = registration.register_version(Actor(alice), workspace, "best", "models:/digits/1")
    assert [column.name for column in describe(copy).inputs] == ["bmi"]
    assert artifacts.read_bytes(version.run.artifacts.get(path="m/MLmodel")) == MLMODEL
    page = as_user(bob).get(version.get_absolute_url()).text
    assert "bmi" in page and "its own copies" in page and "Edit signature" not in page
    page = client.get(version.get_absolute_url()).text
    assert "Edit signature" in page and "Edit input example" in page and "{%" not in page
    logged = Activity.objects.filter(verb__in=("model_version.signature", "model_version.example"))
    assert [list(row.changes) for row in logged.order_by("number")] == [["signature"], ["input_example"]]
    # Each edit replaces the copies of the one before.
    assert WorkspaceFile.objects.count() == len(files)
    for field in ("signature", "input_example"):
        edit(client, version, field, "")
    assert sorted(contents_of(version)) == ["MLmodel", "data/model.pkl"] and not describe(version).has_signature


def test_rest_reads_and_changes_both(api, alice, bob, mallory, version):
    route = route_of(version)
    assert api(bob).get(route).json() == {
        "signature": {"inputs": [{"type": "double", "name": "age", "required": True}]},
        "inputExample": {"a": 1},
    }
    body = {"signature": {"inputs": json.dumps([COLUMN])}, "inputExample": [[1, 2]]}
    assert api(alice).patch(route, body).json() == {**body, "signature": {"inputs": [COLUMN]}}
    assert api(alice).patch(route, {"inputExample": None}).json()["signature"] == {"inputs": [COLUMN]}
    assert describe(version).example_path == ""
    found = api(alice).get(f"{version.workspace.arm_id}/models/digits/versions/1").json()["properties"]
    assert "/LocalUpload/" in found["modelUri"] and found["modelUri"].endswith("/m")
    again = {"properties": {"modelUri": found["modelUri"], "tags": {"a": "b"}}}
    assert api(alice).put(f"{version.workspace.arm_id}/models/digits/versions/1", again).status_code == 200
    assert api(bob).patch(route, body).status_code == 403 and api(mallory).get(route).status_code == 404
    assert api(alice).put(route, body).status_code == 405


def test_what_is_no_signature_and_no_example_is_refused(api, alice, workspace, version):
    column = {"type": "double", "name": "age"}
    tensor = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}
    cases = [
        ({"input": []}, "'input' is not known"),
        ({"inputs": "[{"}, "not JSON"),
        ({"inputs": {"age": "double"}}, "write a list of columns"),
        ({"inputs": [{"type": "number", "name": "age"}]}, "'number' is not a type"),
        ({"inputs": [{"type": ["double"]}]}, "is not a type"),
        ({"inputs": [column, column]}, "'age' is written twice"),
        ({"inputs": [column, {"type": "double"}]}, "either all columns have a name or none"),
        ({"inputs": [tensor, column]}, "tensors and columns cannot be mixed"),
        ({"inputs": [tensor, tensor]}, "several tensors need names"),
        ({"inputs": [{**tensor, "tensor-spec": {"dtype": "float", "shape": []}}]}, "inputs/0/tensor-spec/dtype"),
        ({"inputs": [{**tensor, "tensor-spec": {"dtype": "str", "shape": ["a"]}}]}, "inputs/0/tensor-spec/shape"),
        ({"inputs": [{"type": "double", "required": False}]}, "a column that may be missing needs a name"),
        ({"inputs": [{"type": "array", "name": "x"}]}, "inputs/0/items"),
        ({"inputs": [{"type": "object", "name": "x", "properties": {}}]}, "inputs/0/properties"),
        ({"inputs": [column] * 501}, "500 are allowed"),
        ({"params": [{"name": "t", "type": "double"}]}, "needs a name and a default"),
        ({"params": [{"name": "t", "type": "long", "default": True}]}, "no value of the type long"),
        ({"params": [{"name": "t", "type": ["long"], "default": 1}]}, "is not a type"),
        ({"params": [{"name": "t", "type": "long", "default": 1, "shape": [-1]}]}, "write a list"),
        ({"outputs": [{"type": "double", "name": "a\0b"}]}, "NUL character"),
    ]
    client, route = api(alice), route_of(version)
    for signature, words in cases:
        answer = client.patch(route, {"signature": signature})
        assert (answer.status_code, words in answer.text) == (400, True), (signature, answer.text)
    for example, words in (
        ("x" * 20_001, "20,000 are allowed"),
        ({"columns": ["age"], "data": [[1], [1, 2]]}, "row 2 is not a list of 1 values"),
        (TABLE, "the signature requires the column 'age'"),
    ):
        answer = client.patch(route, {"inputExample": example})
        assert (answer.status_code, words in answer.text) == (400, True), answer.text
    factories.make_model_version(workspace, "plain")
    answer = client.patch(route.replace("digits", "plain"), {"signature": {}})
    assert answer.status_code == 400 and "has no file MLmodel" in answer.text
    assert not WorkspaceFile.objects.exists() and contents_of(version)["MLmodel"] == MLMODEL


def test_a_change_that_its_editor_has_not_seen_is_not_overwritten(as_user, alice, version):
    client, shown = as_user(alice), describe(version).signature_text
    assert shown.splitlines()[2].strip() == '{"type": "double", "name": "age", "required": true}'
    value = json.dumps({"inputs": [COLUMN]})
    assert edit(client, version, "signature", value, initial=shown).status_code == 302
    assert edit(client, version, "signature", "", initial=shown).status_code == 409
    assert edit(client, version, "signature", "{", initial=describe(version).signature_text).status_code == 400


def test_the_version_of_a_logged_model_and_that_of_an_edited_one_get_copies_too(api, alice, workspace, version):
    logged = factories.make_logged_model(version.run.experiment, name="l")
    for path, data in (("MLmodel", MLMODEL), ("model.pkl", b"x")):
        logged.files.create(
            path=path, size=len(data), key=artifacts.store_artifact(version.run, f"x/{path}", [data]).segments.get().key
        )
    of_model = factories.make_model_version(
        workspace, "digits", source=f"models:/{logged.model_id}", logged_model=logged
    )
    client, route = api(alice), route_of(version)
    body = {"signature": {"inputs": [COLUMN]}}
    assert client.patch(route.replace("/1/signature", "/2/signature"), body).status_code == 200
    assert sorted(contents_of(of_model)) == ["MLmodel", "model.pkl"] and logged.files.count() == 2
    registration.register_version(Actor(alice), workspace, "best", "models:/digits/2")
    mlflow = f"/mlflow/v1.0{workspace.arm_id}/api/2.0/mlflow"
    uris = [
        client.get(f"{mlflow}/model-versions/get-download-uri?name={name}&version={number}").json()["artifact_uri"]
        for name, number in (("digits", 2), ("best", 1))
    ]
    assert uris[0] == uris[1] and uris[0].startswith("mlflow-artifacts:/LocalUpload/"), uris
    listed = client.get(f"{mlflow}-artifacts/artifacts?path={uris[0].partition(':/')[2]}").json()["files"]
    assert [file["path"] for file in listed] == ["MLmodel", "model.pkl"]
    # The files of an edited version that another was registered from stay when it is edited again.
    client.patch(route, body)
    uri = client.get(f"{workspace.arm_id}/models/digits/versions/1").json()["properties"]["modelUri"]
    other = registration.register_version(Actor(alice), workspace, "other", uri)
    client.patch(route, {"signature": None})
    assert [column.name for column in describe(other).inputs] == ["bmi"] and not describe(version).has_signature
