"""Files that are put beside those of runs and models, and what all paths of files have in common."""

import obstore
import pytest

from accounts.authentication import make_run_token
from registry.models import WorkspaceFile
from studio import purging, storage
from tests import factories
from tests.mlflow_api.tracking import INVALID, MISSING
from workspaces.models import Role


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    local = obstore.store.LocalStore(tmp_path, automatic_cleanup=True)
    monkeypatch.setattr(storage, "open_store", lambda: local)
    return tmp_path


class Root:
    """The root of all that the artifact proxy holds."""

    def __init__(self, tracking, api=None):
        self.tracking, self.api = tracking, api or tracking.api
        self.base = tracking.base.removesuffix("mlflow/") + "mlflow-artifacts/artifacts"

    def put(self, path, data=b"x", content_type="text/html"):
        response = self.api.put(f"{self.base}/{path}", data, content_type=content_type)
        return response.status_code if response.status_code != 200 else response.json()

    def get(self, path):
        response = self.api.get(f"{self.base}/{path}")
        return response.getvalue() if response.status_code == 200 else response.status_code

    def list(self, path=None):
        found = self.tracking._read(self.api.client.get(self.base, {} if path is None else {"path": path}))
        return found if isinstance(found, tuple) else [item["path"] for item in found.get("files", [])]


@pytest.fixture
def root(tracking):
    return Root(tracking)


def files_in(folder) -> int:
    return sum(file.is_file() for file in folder.rglob("*"))


def test_any_safe_path_holds_a_file(root, folder):
    for path in ("a.txt", "dir/b.txt", "dir/sub/c d.bin", "models/m1/artifacts/x", "team/5/artifacts/x", "5/note.txt"):
        assert root.put(path, path.encode()) == {}, path
        assert root.get(path) == path.encode()
    assert root.list() == ["5", "a.txt", "dir", "models", "team"]
    assert root.list("dir") == ["b.txt", "sub"]
    assert root.list("nothing") == root.list("a.txt") == []
    assert root.list("dir/..") == root.list("./dir/sub/../../nothing/..") == root.list(".") == root.list()
    assert root.list("dir/sub/..") == root.list("./nothing/../dir/") == ["b.txt", "sub"]
    assert root.put("a.txt", b"other") == {} and root.get("a.txt") == b"other"
    assert files_in(folder) == 6, "what was replaced is freed"
    assert root.api.delete(f"{root.base}/dir").json() == {}
    assert root.list() == ["5", "a.txt", "models", "team"]
    assert files_in(folder) == 4


def test_paths_that_lead_elsewhere_are_refused(root):
    root.put("dir/b.txt")
    for path in ("../x", "dir/../../x", "dir/%2e%2e/x", "dir/%252e%252e/x", "C:/x", "file:/x", "a\\b", "%00"):
        assert root.put(path.replace("%", "%25")) == 400, path
    assert root.get("dir") == 400, "a folder"
    assert root.put("dir") == root.put("dir/b.txt/c") == 409
    assert (root.get("nope"), root.api.delete(f"{root.base}/nope").status_code) == (404, 404)


def test_where_only_a_runs_files_can_be_an_unknown_run_is_missing(root, tracking):
    info = tracking.run(tracking.new_run())["info"]
    for experiment in (info["experiment_id"], "0", "7"):
        assert root.put(f"{experiment}/{'0' * 32}/artifacts/x.txt") == 404
        assert root.list(f"{experiment}/{'0' * 32}/artifacts") == MISSING
    assert root.put(f"anything/{info['run_id']}/artifacts/x.txt") == {}
    assert tracking.get("artifacts/list", run_id=info["run_id"])["files"][0]["path"] == "x.txt"


def test_a_role_is_needed_and_workspaces_do_not_meet(root, tracking, api, bob, mallory, workspace):
    root.put("a.txt", b"mine")
    reader = Root(tracking, api(bob))
    assert (reader.get("a.txt"), reader.put("b.txt"), reader.list()) == (b"mine", 403, ["a.txt"])
    assert reader.api.delete(f"{root.base}/a.txt").status_code == 403
    assert Root(tracking, api(mallory)).get("a.txt") == 404
    other = factories.make_workspace(workspace.resource_group, "other")
    factories.give_role(bob, Role.CONTRIBUTOR, other)
    there = Root(type(tracking)(api(bob), other))
    assert (there.list(), there.get("a.txt")) == ([], 404)


def test_the_files_of_a_version_are_neither_replaced_nor_deleted(root, workspace):
    for path in ("up/1/m.pkl", "up/2/m.pkl"):
        root.put(path, b"mine")
    factories.make_model_version(workspace, "digits", source="mlflow-artifacts:/up/1")
    assert root.put("up/1/new") == root.put("up/1/new/er") == 409, "a new file would be one of the version's"
    refused = [root.put("up/1/m.pkl"), *(root.api.delete(f"{root.base}/{path}").status_code for path in ("up/1", "up"))]
    assert refused == [409, 409, 409] and root.get("up/1/m.pkl") == b"mine"
    assert root.put("up/2/m.pkl") == {} and root.api.delete(f"{root.base}/up/2").status_code == 200


def test_a_version_keeps_the_files_that_an_upload_replaces(root, tracking, filled):
    """The client that asks where its files are gets those of the version; of a logged model nothing is replaced."""
    run_id, artifact_root = filled
    tracking.post("registered-models/create", name="m")
    tracking.post("model-versions/create", name="m", source=f"runs:/{run_id}/dir")
    assert root.put(f"{artifact_root}/dir/b.txt", b"new") == {}
    uri = tracking.get("model-versions/get-download-uri", name="m", version="1")["artifact_uri"]
    assert root.get(f"{artifact_root}/dir/b.txt") == b"new"
    assert root.get(f"{uri.removeprefix('mlflow-artifacts:/')}/b.txt") == b"x"
    experiment_id = tracking.run(run_id)["info"]["experiment_id"]
    logged = tracking.post("logged-models", experiment_id=experiment_id, name="l")["model"]["info"]
    inside = f"{experiment_id}/models/{logged['model_id']}/artifacts/MLmodel"
    assert root.put(inside) == root.put(inside) == {}, "until it is registered"
    source = f"models:/{logged['model_id']}"
    tracking.post("model-versions/create", name="m", source=source, model_id=logged["model_id"])
    assert root.put(inside) == root.put(inside.replace("MLmodel", "more")) == 409


def test_a_runs_token_changes_only_the_files_that_it_made(root, tracking, api, alice, workspace):
    root.put("people.txt", b"mine")
    run = factories.make_run(workspace, status="Running")
    script = Root(tracking, api(make_run_token(alice.pk, workspace.pk, run.run_id, 0)))
    assert script.get("people.txt") == b"mine"
    assert script.put("people.txt") == 403
    assert (script.put("script.txt"), script.put("script.txt", b"again")) == ({}, {})
    assert root.get("script.txt") == b"again"


def test_large_files_of_the_workspace_go_whole(root, tracking):
    """MLflow's client asks for parts, and sends the file in one piece if it hears this."""
    begin = root.base.removesuffix("artifacts") + "mpu/create/dir"
    response = tracking.api.post(begin, {"path": "/home/me/w.bin", "num_parts": 2})
    assert response.status_code == 400
    assert response.json()["message"].startswith(
        "Multipart upload is not supported for the current artifact repository"
    )


def test_they_go_with_the_workspace_and_not_before(root, workspace, folder):
    root.put("a.txt")
    root.put("dir/b.txt")

    def purge(**more):
        selection = purging.PurgeSelection(workspace.pk, **more)
        return [file for step in purging.list_steps() for file in step.delete_batch(selection) or []]

    purge(run_pks=[1])
    assert WorkspaceFile.objects.count() == 2
    assert sorted(size for _, size in purge(whole_workspace=True)) == [1, 1]
    assert not WorkspaceFile.objects.exists()


@pytest.fixture
def filled(root, tracking):
    """The id of a run with two files, and its folder behind the proxy."""
    info = tracking.run(tracking.new_run())["info"]
    artifact_root = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
    root.put(f"{artifact_root}/a.txt")
    root.put(f"{artifact_root}/./dir//b.txt")
    return info["run_id"], artifact_root


@pytest.mark.parametrize("path", [".", "./", "dir/..", "dir/../.", "./dir/../../artifacts-not"])
def test_a_folder_may_be_written_in_another_way(root, tracking, filled, path):
    run_id, artifact_root = filled
    answer = tracking.get("artifacts/list", run_id=run_id, path=path)
    if "../.." in path:
        assert answer == root.list(f"{artifact_root}/{path}") == INVALID
    else:
        assert [item["path"] for item in answer["files"]] == root.list(f"{artifact_root}/{path}") == ["a.txt", "dir"]
    assert [item["path"] for item in tracking.get("artifacts/list", run_id=run_id, path="./dir")["files"]] == [
        "dir/b.txt"
    ]


def test_no_listing_leaves_the_run(root, tracking, filled):
    run_id, artifact_root = filled
    for path in ("..", "../..", "dir/../..", "/", "/etc", "%2e%2e", "dir/%2e%2e"):
        assert tracking.get("artifacts/list", run_id=run_id, path=path) == INVALID, path
        assert root.list(path) == INVALID, path
        if not path.startswith("/"):
            assert root.list(f"{artifact_root}/{path}") == INVALID, path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("model.yaml", "text/plain"),
        ("data.json", "text/plain"),
        ("train.py", "text/plain"),
        ("MLmodel", "text/plain"),
        ("a.PKL", "application/octet-stream"),
        ("page.html", "text/html"),
        ("d.pdf", "application/pdf"),
        ("c.png", "image/png"),
        ("noname", "application/octet-stream"),
    ],
)
def test_the_type_of_a_download_is_its_names(root, filled, name, kind):
    _, artifact_root = filled
    for path in (f"{artifact_root}/{name}", f"dir/{name}"):
        root.put(path, content_type="application/x-made-up")
        found = root.api.get(f"{root.base}/{path}")
        assert (found["Content-Type"], found["X-Content-Type-Options"]) == (kind, "nosniff")
        assert found["Content-Disposition"] == f"attachment; filename={name}"
